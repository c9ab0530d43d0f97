"""Whisper over passages of speech: features of their real length, in batches, a second look at doubtful ones.

Whisper's encoder is usually fed 30 s however short the speech. CTranslate2's takes shorter features, at a
fraction of the cost, and decodes them faster too. The price is that now and then it goes round in circles:
that is seen by its pace, and cut. The first look takes the likeliest token each time, at less than half of
what a beam search costs; what it is unsure of is searched with a beam in what was encoded already. What goes
round in circles is decoded once more with a longer silent tail, closer to what Whisper was trained on; what
leaves speech without words is read window by window.
"""

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
from callpost.speech import alignment, circles
from callpost.speech.audio import RATE
from callpost.speech.passages import Passage
from callpost.speech.vocabulary import prompt

BATCH = 8  # passages decoded together; more gain nothing on a CPU
_FIRST_BEAM = 1
_UNSURE_BEAM = 3  # 5 is hardly better (10 words in 5,000, no more than chance), and costs a tenth of all work
_FRAME = RATE // 100  # samples
_TAIL = RATE // 2  # silence after the speech, so that the last word is not taken for cut off
_BLANK_FRAMES = 50  # then nothing at all, as faster-whisper pads: with base 0.2 points fewer errors
_FEWEST_FRAMES = 1000  # of 10 ms; what is shorter is badly heard
_MOST_FRAMES = 3000  # what the model was trained on
_FULLER_FRAMES = 2000  # of a second look: rows of digits that go on and on end with much silence after them
_MORE_FRAMES = 200  # than the passage, at least
_LONGEST_REPEAT = 6  # tokens: a second look says no more than that again
_COMPRESSION = 2.4  # these three are Whisper's own thresholds (Radford et al. 2022, section 4.5)
_SCORE = -1.0
_NO_SPEECH = 0.6
_SURE = -0.2  # of 143 passages of telephone speech, the 32 below it held most of what a beam puts right
_LOST = -0.35  # what a beam is still so unsure of is looked at again
_UNHEARD_MS = 1000  # so much speech has words in it

Features = npt.NDArray[np.float32]


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
class Encoded:
    """A passage as the decoder takes it. steps: the encoder's output, shape (steps of 20 ms, width)."""

    passage: Passage
    steps: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Look:
    """What was read of a passage."""

    encoded: Encoded
    text: Text

    @property
    def unsure(self) -> bool:
        return self.text.score < _SURE and not self.text.circling


@dataclass(frozen=True, slots=True)
class Decoded:
    """A passage's text, and the words of each of its windows."""

    passage: Passage
    text: Text
    words: tuple[tuple[Word, ...], ...]

    @property
    def unheard(self) -> int:
        """How many stretches of speech, of a second each, have no words: the model has skipped something."""
        gaps = (
            gap
            for window, words in zip(self.passage.windows, self.words, strict=True)
            for gap in alignment.gaps(window, words)
        )
        return sum(gap // _UNHEARD_MS for gap in gaps)

    @property
    def doubtful(self) -> bool:
        return self.unheard > 0 or self.text.circling or self.text.score < _LOST

    @property
    def heard(self) -> tuple[tuple[Word, ...], ...]:
        """The words that somebody can have said."""
        return ((),) * len(self.words) if self.text.empty or self.text.runaway else self.words


class Whisper:
    """A loaded model set to one language and one list of expected terms; safe to share between threads."""

    def __init__(self, model: WhisperModel, language: str, terms: Sequence[ExpectedTerm] = ()) -> None:
        self._model = model
        self._pace = circles.pace(language)
        self._tokenizer = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
        hotwords = prompt(terms, lambda text: len(self._tokenizer.encode(f" {text}"))) or None
        self._prompt = model.get_prompt(self._tokenizer, [], without_timestamps=True, hotwords=hotwords)

    @property
    def longest(self) -> int:
        """How long a passage may be, in samples, for its text to be written at once."""
        return self._pace.longest

    @cached_property
    def _suppressed(self) -> list[int]:
        return list(get_suppressed_tokens(self._tokenizer, [-1]))

    def encode(self, passage: Passage, fewest_frames: int = _FEWEST_FRAMES) -> Encoded:
        """Encode one passage with the silence it needs, padded to so many frames at least.

        Several at once take longer on a CPU: their attention does not fit into its caches.
        """
        samples = passage.samples.astype(np.float32) / 32768
        features: Features = self._model.feature_extractor(np.pad(samples, (0, _TAIL)), padding=0)
        frames = max(fewest_frames, _frames(passage))
        padded = np.zeros((1, len(features), frames + frames % 2), np.float32)
        padded[0, :, : features.shape[1]] = features[:, :frames]
        encoded = self._model.model.encode(get_ctranslate2_storage(padded), to_cpu=True)
        return Encoded(passage, np.array(encoded)[0])

    def look(self, encoded: Sequence[Encoded]) -> list[Look]:
        """Read passages of like length together (at most `BATCH`), each token the likeliest."""
        return self._generate(encoded, _FIRST_BEAM)

    def search(self, looks: Sequence[Look]) -> list[Look]:
        """Search what was encoded for likelier texts."""
        found = self._generate([look.encoded for look in looks], _UNSURE_BEAM)
        return [first if second.text.circling else second for first, second in zip(looks, found, strict=True)]

    def decoded(self, look: Look) -> Decoded:
        """What was read, word by word, with the times and confidences of each.

        Several at once take a quarter longer on a CPU.
        """
        passage, tokens = look.encoded.passage, look.text.tokens
        storage = _stored([look.encoded])
        sound = min(2 * storage.shape[1], len(passage) // _FRAME)
        (aligned,) = self._model.model.align(storage, self._tokenizer.sot_sequence, [tokens], [sound])
        return Decoded(passage, look.text, alignment.words(self._tokenizer, tokens, aligned, passage))

    def look_again(self, first: Decoded) -> list[Decoded]:
        """Read a doubtful passage once more: with more silence after it, or window by window.

        The second where words are missing in one window, as they may have gone to another.
        """
        passage, best = first.passage, first
        if not first.unheard or len(passage.windows) == 1:
            best = better(first, self._with_more_silence(passage))
        if not best.unheard or len(passage.windows) == 1:
            return [best]
        return min([best], self._apart(passage), key=_skipped)

    def _with_more_silence(self, passage: Passage) -> Decoded:
        fuller = min(_MOST_FRAMES, max(_FULLER_FRAMES, _frames(passage) + _MORE_FRAMES))
        return self._read([self.encode(passage, fuller)])[0]

    def _apart(self, passage: Passage) -> list[Decoded]:
        return self._read([self.encode(alone) for alone in passage.apart()])

    def _read(self, encoded: Sequence[Encoded]) -> list[Decoded]:
        return [self.decoded(look) for look in self._generate(encoded, _FIRST_BEAM, _LONGEST_REPEAT)]

    def _generate(self, encoded: Sequence[Encoded], beam: int, longest_repeat: int = 0) -> list[Look]:
        seconds = [len(one.passage) / RATE for one in encoded]
        most = self._pace.limit(max(seconds))
        generated = self._model.model.generate(
            _stored(encoded),
            [self._prompt] * len(encoded),
            beam_size=beam,
            no_repeat_ngram_size=longest_repeat,
            max_length=min(448, len(self._prompt) + 2 * most),  # of which CTranslate2 takes half
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        return [
            Look(one, self._text(result, length))
            for one, result, length in zip(encoded, generated, seconds, strict=True)
        ]

    def _text(self, generated: ctranslate2.models.WhisperGenerationResult, seconds: float) -> Text:
        sequence = generated.sequences_ids[0]
        spoken = [token for token in sequence if token < self._tokenizer.eot]
        tokens = self._pace.uncircled(spoken, seconds)
        return Text(
            tokens=tokens,
            score=generated.scores[0] * len(sequence) / (len(sequence) + 1),
            no_speech=generated.no_speech_prob,
            repeats=circles.repeats(tokens),
            hurried=self._pace.is_hurried(tokens, seconds),
            compression=circles.compression(self._tokenizer.decode(tokens)),
        )


def _frames(passage: Passage) -> int:
    return (len(passage) + _TAIL) // _FRAME + _BLANK_FRAMES


def _stored(encoded: Sequence[Encoded]) -> ctranslate2.StorageView:
    """All at the length of the longest: the silence after a shorter one goes on."""
    longest = max(len(one.steps) for one in encoded)
    return ctranslate2.StorageView.from_array(
        np.stack([np.pad(one.steps, ((0, longest - len(one.steps)), (0, 0)), mode="edge") for one in encoded])
    )


def better(first: Decoded, second: Decoded) -> Decoded:
    """The reading that goes round in circles less, that skips less, or that the model is surer of."""
    return min(first, second, key=_faults)


def _skipped(readings: Sequence[Decoded]) -> int:
    return sum(one.unheard + one.text.runaway for one in readings)


def _faults(one: Decoded) -> tuple[bool, int, bool, float]:
    text = one.text
    return text.runaway, one.unheard, text.circling, len(text.tokens) if text.circling else -text.score
