"""Whisper over short windows: features of their real length, in batches, a second look at doubtful ones.

Whisper's encoder is usually fed 30 s however short the speech. CTranslate2's takes shorter features, at a
fraction of the cost, and decodes them faster too. The price is that a few windows in a hundred say everything
twice: that is seen by their pace, and cut. The first look takes the likeliest token each time, which is more
than twice as fast as a beam search and repeats itself less; what it is unsure of is decoded once more with a
beam, what still repeats itself with a longer silent tail, closer to what Whisper was trained on.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from callpost.model.configuration import ExpectedTerm
from callpost.model.transcript import Word
from callpost.speech import alignment
from callpost.speech.audio import RATE
from callpost.speech.vocabulary import prompt
from callpost.speech.windows import Window

BATCH = 12  # windows decoded together; more gain nothing on a CPU
_ENCODED_TOGETHER = 4
_FIRST_BEAM = 1
_TAIL = RATE // 2  # silence after the speech, so that the last word is not taken for cut off
_FEWEST_FRAMES = 300  # of 10 ms
_UNSURE_LOOK = 1000, 5  # frames, beam; and a second look has so many more frames at least than the window
_MORE_FRAMES = 200
_REPEATING_LOOK = 2000, 1  # rows of digits that go on and on end with much context; a beam goes on with them
_TOKENS_PER_SECOND = 7  # nobody speaks faster for long
_HURRIED_CIRCLES = 6  # tokens per second at which a text said twice was not spoken twice
_TOKENS_OF_GRACE = 6
_LONGEST_PER_SECOND = 12  # where decoding stops at the latest
_REPEATED = 6  # tokens in a row that were there before, a period earlier
_SHORTEST_PERIOD = 3
_SHORTEST_TAIL = 2
_COMPRESSION = 2.4  # these three are Whisper's own thresholds (Radford et al. 2022, section 4.5)
_SCORE = -1.0
_SURE = -0.3  # of 36 windows of telephone speech, the five below it held half of what a beam puts right
_NO_SPEECH = 0.6

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model made of one window. score: mean log-probability per token."""

    words: tuple[Word, ...]
    tokens: int
    score: float
    no_speech: float
    repeats: bool
    hurried: bool
    compression: float

    @property
    def doubtful(self) -> bool:
        return self.repeats or self.hurried or self.compression > _COMPRESSION or self.score < _SURE

    @property
    def runaway(self) -> bool:
        """Text that no voice can have said: the model going round in circles."""
        return self.repeats and (self.hurried or self.compression > _COMPRESSION)

    @property
    def empty(self) -> bool:
        """Whisper's rule for text over silence: it doubts that there is speech, and its own words."""
        return self.no_speech > _NO_SPEECH and self.score < _SCORE


class Whisper:
    """A loaded model set to one language and one list of expected terms; safe to share between threads."""

    def __init__(self, model: WhisperModel, language: str, terms: Sequence[ExpectedTerm] = ()) -> None:
        self._model = model
        self._tokenizer = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
        hotwords = prompt(terms, lambda text: len(self._tokenizer.encode(f" {text}"))) or None
        self._prompt = model.get_prompt(self._tokenizer, [], without_timestamps=True, hotwords=hotwords)

    @cached_property
    def _suppressed(self) -> list[int]:
        return list(get_suppressed_tokens(self._tokenizer, [-1]))

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        """Decode windows of like length together (at most `BATCH`), the first look."""
        features = [self._features(window) for window in windows]
        frames = max(_FEWEST_FRAMES, *(one.shape[1] for one in features))
        return self._decode(windows, features, frames, _FIRST_BEAM)

    def look_again(self, windows: Sequence[Window], first: Sequence[Decoded]) -> list[Decoded]:
        """Decode doubtful windows once more, at fuller context; keep the better reading of each."""
        features = [self._features(window) for window in windows]
        repeating = any(one.repeats for one in first)
        fewest, beam = _REPEATING_LOOK if repeating else _UNSURE_LOOK
        frames = max(fewest, *(one.shape[1] + _MORE_FRAMES for one in features))
        second = self._decode(windows, features, frames, beam)
        return [better(old, new) for old, new in zip(first, second, strict=True)]

    def _features(self, window: Window) -> Features:
        """Log-mel features of the window and its silent tail, shape (mels, frames of 10 ms)."""
        samples = window.samples.astype(np.float32) / 32768
        features: Features = self._model.feature_extractor(np.pad(samples, (0, _TAIL)), padding=0)
        return features

    def _decode(
        self, windows: Sequence[Window], features: Sequence[Features], frames: int, beam: int
    ) -> list[Decoded]:
        frames += frames % 2
        encoded = self._encode(features, frames)
        seconds = [len(window.samples) / RATE for window in windows]
        generated = self._model.model.generate(
            encoded,
            [self._prompt] * len(windows),
            beam_size=beam,
            max_length=min(448, len(self._prompt) + int(_LONGEST_PER_SECOND * max(seconds)) + 12),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        tokens = [
            uncircled([token for token in one.sequences_ids[0] if token < self._tokenizer.eot], length)
            for one, length in zip(generated, seconds, strict=True)
        ]
        words = self._words(encoded, windows, tokens, frames)
        return [self._judged(*parts) for parts in zip(tokens, generated, words, seconds, strict=True)]

    def _encode(self, features: Sequence[Features], frames: int) -> ctranslate2.StorageView:
        """The encoder's output for a batch; a few at a time on a CPU, where that is kinder to its caches."""
        batch = np.zeros((len(features), features[0].shape[0], frames), np.float32)
        for row, one in zip(batch, features, strict=True):
            row[:, : one.shape[1]] = one[:, :frames]
        if self._model.model.device != "cpu" or len(batch) <= _ENCODED_TOGETHER:
            return self._model.encode(batch)
        groups = range(0, len(batch), _ENCODED_TOGETHER)
        parts = [np.array(self._model.encode(batch[at : at + _ENCODED_TOGETHER])) for at in groups]
        return ctranslate2.StorageView.from_array(np.concatenate(parts))

    def _words(
        self,
        encoded: ctranslate2.StorageView,
        windows: Sequence[Window],
        tokens: Sequence[list[int]],
        frames: int,
    ) -> list[tuple[Word, ...]]:
        heard = [min(frames, len(window.samples) // (RATE // 100)) for window in windows]
        aligned = self._model.model.align(encoded, self._tokenizer.sot_sequence, tokens, heard)
        return [
            alignment.words(self._tokenizer, ids, one, window)
            for ids, one, window in zip(tokens, aligned, windows, strict=True)
        ]

    def _judged(
        self,
        tokens: Sequence[int],
        generated: ctranslate2.models.WhisperGenerationResult,
        words: tuple[Word, ...],
        seconds: float,
    ) -> Decoded:
        length = len(generated.sequences_ids[0])
        return Decoded(
            words=words,
            tokens=len(tokens),
            score=generated.scores[0] * length / (length + 1),
            no_speech=generated.no_speech_prob,
            repeats=repeats(tokens),
            hurried=len(tokens) > _TOKENS_PER_SECOND * seconds + _TOKENS_OF_GRACE,
            compression=compression(" ".join(word.text for word in words)),
        )


def better(first: Decoded, second: Decoded) -> Decoded:
    """The second reading, unless it goes round in circles and the first does so less."""
    circling = second.repeats or second.compression > _COMPRESSION
    return first if circling and first.tokens < second.tokens else second


def uncircled(tokens: list[int], seconds: float) -> list[int]:
    """One turn of a text that begins anew, and is too long for its time to have been said twice."""
    if len(tokens) <= _HURRIED_CIRCLES * seconds:
        return tokens
    turns = (end for end in range(1, len(tokens) - _REPEATED + 1) if tokens[end:] == tokens[:-end])
    return tokens[: next(turns, len(tokens))]


def repeats(tokens: Sequence[int]) -> bool:
    """Whether the text says something twice on end: its last words, or a run of tokens anywhere."""
    return any(
        _tail_doubled(tokens, period) for period in range(_SHORTEST_TAIL, len(tokens) // 2 + 1)
    ) or any(_run_doubled(tokens, period) for period in range(_SHORTEST_PERIOD, len(tokens)))


def _tail_doubled(tokens: Sequence[int], period: int) -> bool:
    return tokens[-period:] == tokens[-2 * period : -period]


def _run_doubled(tokens: Sequence[int], period: int) -> bool:
    run = 0
    for token, earlier in zip(tokens[period:], tokens, strict=False):
        run = run + 1 if token == earlier else 0
        if run >= _REPEATED:
            return True
    return False


def compression(text: str) -> float:
    """How well the text compresses: far above 2 only where it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
