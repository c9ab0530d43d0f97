"""Loading a model where it runs best: on a GPU that works, or on the processor."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from callpost.errors import ConfigurationProblem

_ON_EVERY_PROCESSOR = "int8"
_CHOSEN_BY_THE_LIBRARY = {"auto", "default"}


@dataclass(frozen=True, slots=True)
class Hardware:
    """device: "cpu", "cuda" or "auto". compute_type: CTranslate2's. workers: encode and decode at once."""

    device: str
    compute_type: str
    workers: int


def load(folder: Path, wanted: Hardware) -> WhisperModel:
    """The model of a folder, ready to work.

    "auto" takes a GPU that can work (driver, libraries, memory), else the processor, there with int8 where it
    does not know the type of computation. Raises ConfigurationProblem naming the setting that does not fit.
    """
    if wanted.device == "auto":
        try:
            return _on_gpu(folder, wanted)
        except (ConfigurationProblem, RuntimeError):
            return _loaded(folder, "cpu", _on_processor(wanted.compute_type), wanted.workers)
    if wanted.device == "cuda":
        try:
            return _on_gpu(folder, wanted)
        except RuntimeError as error:
            message = f"CALLPOST_DEVICE=cuda: the GPU cannot be used ({error}). Use cpu, or auto."
            raise ConfigurationProblem(message) from error
    _require("cpu", wanted.compute_type)
    return _loaded(folder, "cpu", wanted.compute_type, wanted.workers)


def _on_gpu(folder: Path, wanted: Hardware) -> WhisperModel:
    """Raises RuntimeError where there is no GPU, or a library of its is missing: only work shows that."""
    if not ctranslate2.get_cuda_device_count():
        raise RuntimeError("there is none with a driver that works")
    _require("cuda", wanted.compute_type)
    model = _loaded(folder, "cuda", wanted.compute_type, wanted.workers)
    model.encode(np.zeros((model.feature_extractor.mel_filters.shape[0], 100), np.float32))
    return model


def _require(device: str, compute_type: str) -> None:
    types = _types(device)
    if compute_type not in types | _CHOSEN_BY_THE_LIBRARY:
        message = f"CALLPOST_COMPUTE_TYPE={compute_type} is not possible on {device}; possible are "
        raise ConfigurationProblem(message + ", ".join(sorted(types)) + ".")


def _on_processor(compute_type: str) -> str:
    known = _types("cpu") | _CHOSEN_BY_THE_LIBRARY
    return compute_type if compute_type in known else _ON_EVERY_PROCESSOR


def _types(device: str) -> set[str]:
    types: Collection[str] = ctranslate2.get_supported_compute_types(device)
    return set(types)


def _loaded(folder: Path, device: str, compute_type: str, workers: int) -> WhisperModel:
    return WhisperModel(
        str(folder),
        device=device,
        compute_type=compute_type,
        cpu_threads=1,  # two workers of one thread do more than one of two
        num_workers=workers,
    )
