"""What the demonstration shows: progress while it works, then the bucket, the transcript, the receipts."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

_FIRST_TURNS = 6


def bucket(console: Console, name: str, objects: Mapping[str, bytes]) -> None:
    """The objects as a tree of folders, with their sizes."""
    tree = Tree(f"[bold]s3://{name}[/bold]")
    folders = {"": tree}
    for key in sorted(objects):
        path = ""
        parent = tree
        for part in key.split("/")[:-1]:
            path = f"{path}/{part}"
            parent = folders.setdefault(path, parent.add(part) if path not in folders else folders[path])
        parent.add(f"[cyan]{key.rsplit('/', 1)[-1]}[/cyan]  {len(objects[key]):,} bytes")
    console.print(tree)


def transcript(console: Console, document: Mapping[str, Any]) -> None:
    """How the call begins."""
    for turn in document["transcript"]["turns"][:_FIRST_TURNS]:
        console.print(
            f"  [bold]{escape(turn['speaker'])}[/bold] {turn['s'] / 1000:6.1f} s  {escape(turn['text'])}"
        )


def sections(console: Console, document: Mapping[str, Any]) -> None:
    """Which sections came, and what the interesting ones hold."""
    names = [name for name, value in document.items() if isinstance(value, (dict, list)) and value]
    console.print("  " + ", ".join(names))
    keywords = [keyword["keyword"] for keyword in document.get("knowledge", {}).get("keywords", ())]
    console.print(f"  keywords: {escape(', '.join(keywords[:10]))}")
    for line in _predictions(document.get("prediction", {})):
        console.print(f"  {escape(line)}")


def _predictions(prediction: Mapping[str, Any]) -> Iterable[str]:
    for classifier in prediction.get("classifiers", ()):
        yield f"{classifier['classifierName']}: {classifier['predictedClassLabel']}"
    for detector in prediction.get("detectors", ()):
        found = sum(
            len(segment["occurrences"])
            for detection in detector["detections"]
            for segment in detection["detectedSegments"]
        )
        yield f"{detector['detectorName']} detector: {found} found"


def receipts(console: Console, rows: Iterable[tuple[Mapping[str, Any], str]]) -> None:
    """One receipt for each delivery, and what reading the object back showed."""
    for delivery, verdict in rows:
        receipt = delivery.get("receipt")
        colour = "green" if verdict == "identical" else "red"
        head = f"[bold]{delivery['number']}[/bold] {delivery['type']} {delivery['status']}"
        console.print(f"{head}, attempts: {delivery['attempts']}, read back: [{colour}]{verdict}[/{colour}]")
        if receipt is None:
            console.print(f"    {escape(delivery.get('reason') or delivery['destination'])}", highlight=False)
            continue
        console.print(f"    {escape(receipt['location'])}", soft_wrap=True, highlight=False)
        proof = f"sha256 {receipt['sha256'][:32]}…, {receipt['size']:,} bytes, HTTP {receipt['httpStatus']}"
        console.print(f"    {proof}, verified by {receipt['verified']}", highlight=False)
