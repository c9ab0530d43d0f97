"""What a voice sounds like, as a vector: Resemblyzer's speaker encoder (GE2E), in numpy, without torch.

Source: Wan et al., Generalized End-to-End Loss for Speaker Verification, 2018; resemblyzer 0.1.4,
`audio.py` and `voice_encoder.py`, whose weights these are.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from callpost.errors import ConfigurationProblem
from callpost.speech.audio import RATE, Samples

SIZE = 256  # numbers in an embedding
PACKAGE = "resemblyzer"
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

_FILE = "pretrained.pt"
_LAYERS = 3
_STEP, _FRAME, _MELS = RATE // 100, RATE // 40, 40
_LOUDNESS = 10 ** (-30 / 20)  # of full scale; the features are not logarithms, so that loudness matters
_TOGETHER = 64  # more stretches at once are no faster

Array = npt.NDArray[np.float32]


class WeightsProblem(ConfigurationProblem):
    """The weights are not installed, or not those that callpost knows."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """An LSTM layer. inputs: (size of the input, 1024), states: (256, 1024), bias: (1024,)."""

    inputs: Array
    states: Array
    bias: Array


class SpeakerEncoder:
    """Embeds stretches of speech: what one person says comes out alike, what two say does not."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._layers = [_layer(weights, number) for number in range(_LAYERS)]
        self._projection = np.ascontiguousarray(weights["linear.weight"].T)
        self._bias = weights["linear.bias"]

    @classmethod
    def load(cls, path: Path | None = None) -> "SpeakerEncoder":
        """Read the weights, from the installed package unless a file is given; takes 17 MB.

        Raises WeightsProblem where there are none, or others than those that are pinned.
        """
        return cls(_read(_installed() if path is None else path))

    def embed(self, stretches: Sequence[Samples]) -> Array:
        """Embeddings of shape (stretches, SIZE), each of length 1. stretches: 16 kHz, of like length best."""
        embeddings = np.zeros((len(stretches), SIZE), np.float32)
        order = sorted(range(len(stretches)), key=lambda number: len(stretches[number]))
        for at in range(0, len(order), _TOGETHER):
            batch = order[at : at + _TOGETHER]
            embeddings[batch] = self._embedded([features(stretches[number]) for number in batch])
        return embeddings

    def _embedded(self, mels: Sequence[Array]) -> Array:
        lasts = np.array([len(mel) - 1 for mel in mels])
        sound = np.zeros((lasts.max() + 1, len(mels), _MELS), np.float32)
        for number, mel in enumerate(mels):
            sound[: len(mel), number] = mel
        for layer in self._layers:
            sound = _states(layer, sound)
        final = sound[lasts, np.arange(len(mels))]
        found = np.maximum(final @ self._projection + self._bias, 0)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6))


def _layer(weights: Mapping[str, Array], number: int) -> _Layer:
    """Halves what goes into the logistic gates, so that one hyperbolic tangent serves all four."""
    half = np.full(4 * SIZE, 0.5, np.float32)
    half[2 * SIZE : 3 * SIZE] = 1.0  # torch keeps the gates in the order input, forget, cell, output
    inputs, states, *biases = (
        weights[f"lstm.{name}_l{number}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    bias = (biases[0] + biases[1]) * half
    return _Layer(np.ascontiguousarray(inputs.T * half), np.ascontiguousarray(states.T * half), bias)


def _states(layer: _Layer, sound: Array) -> Array:
    """The hidden states of a layer, shape (frames, stretches, 256). sound: (frames, stretches, size)."""
    frames, stretches, _ = sound.shape
    gates = sound.reshape(frames * stretches, -1) @ layer.inputs
    gates += layer.bias
    gates = gates.reshape(frames, stretches, 4 * SIZE)
    hidden = cell = np.zeros((stretches, SIZE), np.float32)
    out = np.empty((frames, stretches, SIZE), np.float32)
    for frame in range(frames):
        gate = gates[frame]
        gate += hidden @ layer.states
        np.tanh(gate, out=gate)
        enter, keep, new, leave = (gate[:, at : at + SIZE] for at in range(0, 4 * SIZE, SIZE))
        cell = 0.5 * ((1 + keep) * cell + (1 + enter) * new)
        hidden = out[frame]
        np.multiply(0.5 * (1 + leave), np.tanh(cell), out=hidden)
    return out


def features(samples: Samples) -> Array:
    """Mel features of shape (frames of 10 ms, 40), at one loudness: at least one frame."""
    sound = samples.astype(np.float32) / 32768
    loudness = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    sound *= _LOUDNESS / max(loudness, 1e-5)
    sound = np.pad(sound, _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_STEP] * _HANN
    spectra = np.fft.rfft(frames, axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    return np.asarray(power @ _FILTERS, np.float32)


def _mel_filters() -> Array:
    """Triangles of equal area on Slaney's mel scale, shape (bins, mels): librosa's default."""

    def mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        above = 15 + np.log(np.maximum(hertz, 1e-9) / 1000) / (np.log(6.4) / 27)
        return np.where(hertz < 1000, hertz * 3 / 200, above)

    def hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))

    low, high = mel(np.array([0.0, RATE / 2]))
    edges = hertz(np.linspace(low, high, _MELS + 2))
    away = edges[:, None] - np.linspace(0, RATE / 2, _FRAME // 2 + 1)
    widths = np.diff(edges)[:, None]
    triangles = np.maximum(0, np.minimum(-away[:-2] / widths[:-1], away[2:] / widths[1:]))
    return np.asarray((triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).T, np.float32)


_FILTERS = _mel_filters()
_HANN = np.hanning(_FRAME + 1)[:-1].astype(np.float32)


def _installed() -> Path:
    """The file with the weights; the package is not imported for it: that would need torch."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise WeightsProblem("The package Resemblyzer is not installed, whose weights tell voices apart.")
    return Path(spec.origin).parent / _FILE


def _read(path: Path) -> dict[str, Array]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsProblem(f"The weights that tell voices apart cannot be read: {error}.") from error
    if (sha256 := hashlib.sha256(data).hexdigest()) != SHA256:
        message = f"The weights that tell voices apart are not those callpost expects (sha256 {sha256})."
        raise WeightsProblem(message + " Install Resemblyzer from the lock file.")
    return _weights(io.BytesIO(data))


class SafeUnpickler(pickle.Unpickler):
    """Knows what a file of torch before 1.6 is made of, and nothing that could be run."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        known: dict[str, Any] = {
            "_rebuild_tensor_v2": _Tensor.rebuilt,
            "OrderedDict": OrderedDict,
            "FloatStorage": None,
        }
        if name in known and module in {"torch._utils", "torch", "collections"}:
            return known[name]
        return _ignored

    def persistent_load(self, identity: Any) -> str:  # noqa: ANN401
        """The key of a storage, out of ("storage", type, key, place, size)."""
        return str(identity[2])


def _ignored(*_: object) -> None:
    """Stands for the classes of the training, which nobody needs."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: str
    offset: int
    shape: tuple[int, ...]

    @classmethod
    def rebuilt(cls, storage: str, offset: int, shape: tuple[int, ...], *_: object) -> "_Tensor":
        return cls(storage, offset, shape)

    def filled(self, storages: Mapping[str, Array]) -> Array:
        return storages[self.storage][self.offset :][: int(np.prod(self.shape))].reshape(self.shape)


def _weights(file: BinaryIO) -> dict[str, Array]:
    """torch's format before 1.6: three pickles about it, the object, the keys of its storages, these."""
    *_, saved = (SafeUnpickler(file).load() for _ in range(4))
    storages = {key: _storage(file) for key in SafeUnpickler(file).load()}
    return {name: tensor.filled(storages) for name, tensor in saved["model_state"].items()}


def _storage(file: BinaryIO) -> Array:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(4 * count), "<f4")
