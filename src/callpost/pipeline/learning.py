"""Learning in a process of its own: scikit-learn would hold up the worker's event loop, and its memory.

`python -m callpost.pipeline.learning PARENT LIMIT_S` reads a lesson from standard input and writes what came
of it to standard output, both as MessagePack.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import msgspec

from callpost.analysis import examples
from callpost.errors import CallpostError, Problem, Rejected
from callpost.model.classifiers import Trained
from callpost.speech import child_process

_MEMORY_BYTES = 4 << 30


class LearningFailed(CallpostError):
    """The process ended without an answer; it may have one the next time."""


class _Lesson(msgspec.Struct, frozen=True):
    texts: list[str]
    labels: list[str]


class _Answer(msgspec.Struct, frozen=True):
    """Either what was learned, or why nothing could be."""

    trained: Trained | None = None
    refusal: str = ""


async def learn(texts: Sequence[str], labels: Sequence[str], *, limit_s: int) -> Trained:
    """Train on texts and their labels. Cancelled, it leaves no process behind.

    Raises Rejected (80403, 80406) where nothing can be learned, or not in `limit_s` seconds; LearningFailed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(os.getpid()), str(limit_s)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit_s):
            output, _ = await process.communicate(msgspec.msgpack.encode(_Lesson(list(texts), list(labels))))
    except TimeoutError:
        message = f"Learning from these examples takes longer than {limit_s} s. Give fewer or shorter ones."
        raise Rejected(Problem(examples.TOO_MANY, message, "examples")) from None
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.shield(process.wait())
    if process.returncode:
        raise LearningFailed(f"The process that learns ended with exit code {process.returncode}.")
    return _trained(msgspec.msgpack.decode(output, type=_Answer))


def _trained(answer: _Answer) -> Trained:
    if answer.trained is None:
        raise Rejected(Problem(examples.TOO_FEW, answer.refusal, "examples"))
    return answer.trained


def _main(parent: int, limit_s: int) -> None:
    child_process.live_no_longer_than(parent)
    child_process.limit_memory(_MEMORY_BYTES)
    for ignored in (signal.SIGINT, signal.SIGTERM):  # the parent decides; a terminal signals both
        signal.signal(ignored, signal.SIG_IGN)
    signal.alarm(2 * limit_s)
    lesson = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Lesson)
    sys.stdout.buffer.write(msgspec.msgpack.encode(_answer(lesson)))


def _answer(lesson: _Lesson) -> _Answer:
    from callpost.analysis import training  # noqa: PLC0415 - it loads scikit-learn, which the worker need not

    try:
        return _Answer(training.train(lesson.texts, lesson.labels))
    except MemoryError:
        return _Answer(refusal="The examples need more memory than there is for learning. Give fewer.")
    except ValueError:
        # Not the error's own text, which may quote a call.
        return _Answer(refusal="The examples have no word in common from which anything could be learned.")


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
