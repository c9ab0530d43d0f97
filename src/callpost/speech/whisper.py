"""Whisper over passages of speech: features of their real length, in batches, a second look at doubtful ones.

Whisper's encoder is usually fed 30 s however short the speech. CTranslate2's takes shorter features, at a
fraction of the cost, and decodes them faster too. The price is that now and then it goes round in circles:
that is seen by its pace, and cut. The first look takes the likeliest token each time, at less than half of
what a beam search costs; what it is unsure of is searched with a beam in what was encoded already. What goes
round in circles is decoded once more with a longer silent tail, closer to what Whisper was trained on.
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
from faster_whisper.transcribe import get_ctranslate2_storage, get_suppressed_tokens

from callpost.model.configuration import ExpectedTerm
from callpost.model.transcript import Word
from callpost.speech import alignment
from callpost.speech.audio import RATE
from callpost.speech.passages import Passage
from callpost.speech.vocabulary import prompt

BATCH = 8  # passages decoded together; more gain nothing on a CPU
_FIRST_BEAM = 1
_UNSURE_BEAM = 3  # 5 is hardly better (10 words in 5,000, no more than chance), and costs a tenth of all work
_TAIL = RATE // 2  # silence after the speech, so that the last word is not taken for cut off
_FEWEST_FRAMES = 1000  # of 10 ms; what is shorter is badly heard
_MOST_FRAMES = 3000  # what the model was trained on
_FULLER_FRAMES = 2000  # of a second look: rows of digits that go on and on end with much silence after them
_MORE_FRAMES = 200  # than the passage, at least
_LONGEST_REPEAT = 6  # tokens: a second look says no more than that again
_TOKENS_PER_SECOND = 7  # nobody speaks faster for long
_HURRIED_CIRCLES = 6  # tokens per second at which a text said twice was not spoken twice
_TOKENS_OF_GRACE = 6
_LONGEST_PER_SECOND = 12  # where decoding stops at the latest
_REPEATED = 6  # tokens in a row that were there before, a period earlier
_SHORTEST_PERIOD = 3
_SHORTEST_TAIL = 2
_COMPRESSION = 2.4  # these three are Whisper's own thresholds (Radford et al. 2022, section 4.5)
_SCORE = -1.0
_NO_SPEECH = 0.6
_SURE = -0.2  # of 143 passages of telephone speech, the 32 below it held most of what a beam puts right
_LOST = -0.35  # what a beam is still so unsure of is looked at again
_DEAF = RATE  # so much speech in a window has words in it

Features = npt.NDArray[np.float32]
Encoded = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Text:
    """What the model wrote of one passage. score: mean log-probability per token."""

    tokens: list[int]
    score: float
    no_speech: float
    repeats: bool
    hurried: bool
    compression: float

    @property
    def circling(self) -> bool:
        return self.repeats or self.hurried or self.compression > _COMPRESSION

    @property
    def runaway(self) -> bool:
        """Text that no voice can have said: the model going round in circles."""
        return self.repeats and (self.hurried or self.compression > _COMPRESSION)

    @property
    def empty(self) -> bool:
        """Whisper's rule for text over silence: it doubts that there is speech, and its own words."""
        return self.no_speech > _NO_SPEECH and self.score < _SCORE


@dataclass(frozen=True, slots=True)
class Decoded:
    """A passage's text, and the words of each of its windows. deaf: a window has speech and no words."""

    text: Text
    words: tuple[tuple[Word, ...], ...]
    deaf: bool

    @property
    def doubtful(self) -> bool:
        return self.deaf or self.text.circling or self.text.score < _LOST

    @property
    def heard(self) -> tuple[tuple[Word, ...], ...]:
        """The words that somebody can have said."""
        return ((),) * len(self.words) if self.text.empty or self.text.runaway else self.words


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

    def decode(self, passages: Sequence[Passage]) -> list[Decoded]:
        """Decode passages of like length together (at most `BATCH`), the first look."""
        features = [self._features(passage) for passage in passages]
        encoded = self._encode(features, max(_FEWEST_FRAMES, *(one.shape[1] for one in features)))
        texts = self._generate(encoded, passages, _FIRST_BEAM)
        unsure = [number for number, text in enumerate(texts) if text.score < _SURE and not text.circling]
        if unsure:
            looked = self._generate(encoded[unsure], [passages[number] for number in unsure], _UNSURE_BEAM)
            for number, text in zip(unsure, looked, strict=True):
                texts[number] = texts[number] if text.circling else text
        return self._decoded(encoded, passages, texts)

    def look_again(self, passage: Passage, first: Decoded) -> Decoded:
        """Decode a doubtful passage once more, with more silence after it; the better of both."""
        features = self._features(passage)
        frames = max(_FULLER_FRAMES, features.shape[1] + _MORE_FRAMES)
        encoded = self._encode([features], min(_MOST_FRAMES, frames))
        texts = self._generate(encoded, [passage], _FIRST_BEAM, _LONGEST_REPEAT)
        [second] = self._decoded(encoded, [passage], texts)
        return better(first, second)

    def _features(self, passage: Passage) -> Features:
        """Log-mel features of the passage and its silent tail, shape (mels, frames of 10 ms)."""
        samples = passage.samples.astype(np.float32) / 32768
        features: Features = self._model.feature_extractor(np.pad(samples, (0, _TAIL)), padding=0)
        return features

    def _encode(self, features: Sequence[Features], frames: int) -> Encoded:
        """The encoder's output, shape (passages, steps of 20 ms, width).

        On a CPU one passage at a time: the attention of several does not fit into its caches.
        """
        batch = np.zeros((len(features), features[0].shape[0], frames + frames % 2), np.float32)
        for row, one in zip(batch, features, strict=True):
            row[:, : one.shape[1]] = one[:, :frames]
        together = 1 if self._model.model.device == "cpu" else len(batch)
        parts = [
            np.array(
                self._model.model.encode(get_ctranslate2_storage(batch[at : at + together]), to_cpu=True)
            )
            for at in range(0, len(batch), together)
        ]
        return np.concatenate(parts)

    def _generate(
        self, encoded: Encoded, passages: Sequence[Passage], beam: int, longest_repeat: int = 0
    ) -> list[Text]:
        seconds = [len(passage) / RATE for passage in passages]
        generated = self._model.model.generate(
            ctranslate2.StorageView.from_array(encoded),
            [self._prompt] * len(passages),
            beam_size=beam,
            no_repeat_ngram_size=longest_repeat,
            max_length=min(448, len(self._prompt) + int(_LONGEST_PER_SECOND * max(seconds)) + 12),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        return [self._text(one, length) for one, length in zip(generated, seconds, strict=True)]

    def _text(self, generated: ctranslate2.models.WhisperGenerationResult, seconds: float) -> Text:
        sequence = generated.sequences_ids[0]
        tokens = uncircled([token for token in sequence if token < self._tokenizer.eot], seconds)
        return Text(
            tokens=tokens,
            score=generated.scores[0] * len(sequence) / (len(sequence) + 1),
            no_speech=generated.no_speech_prob,
            repeats=repeats(tokens),
            hurried=len(tokens) > _TOKENS_PER_SECOND * seconds + _TOKENS_OF_GRACE,
            compression=compression(self._tokenizer.decode(tokens)),
        )

    def _decoded(self, encoded: Encoded, passages: Sequence[Passage], texts: Sequence[Text]) -> list[Decoded]:
        heard = [min(2 * encoded.shape[1], len(passage) // (RATE // 100)) for passage in passages]
        aligned = self._model.model.align(
            ctranslate2.StorageView.from_array(encoded),
            self._tokenizer.sot_sequence,
            [text.tokens for text in texts],
            heard,
        )
        words = [
            alignment.words(self._tokenizer, text.tokens, one, passage)
            for text, one, passage in zip(texts, aligned, passages, strict=True)
        ]
        return [
            Decoded(text, found, deaf(passage, found))
            for text, found, passage in zip(texts, words, passages, strict=True)
        ]


def better(first: Decoded, second: Decoded) -> Decoded:
    """The reading that goes round in circles less, or that the model is surer of."""
    if first.text.circling != second.text.circling:
        return first if second.text.circling else second
    if first.text.circling:
        return min(first, second, key=lambda one: len(one.text.tokens))
    if first.deaf != second.deaf:
        return first if second.deaf else second
    return max(first, second, key=lambda one: one.text.score)


def deaf(passage: Passage, words: Sequence[Sequence[Word]]) -> bool:
    """Whether a window with speech in it has no words."""
    return any(
        not heard and sum(last - first for first, last in window.speech) >= _DEAF
        for window, heard in zip(passage.windows, words, strict=True)
    )


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
