"""Who speaks when, by voice, where one channel carries several people (diarization).

Speech is cut into stretches short enough for one voice; what is kept of each is its place and its embedding.
When the recording has ended, the embeddings are clustered into voices, and a path through time settles who
speaks: words and voice activity are given to the voices found. Where two speak at once, the louder
one is heard.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from callpost.model.transcript import Word
from callpost.speech.activity import Region
from callpost.speech.audio import RATE, SAMPLES_PER_MS
from callpost.speech.speaker_encoder import SIZE, Array, SpeakerEncoder
from callpost.speech.windows import Window

MOST = 4  # voices that are told apart

_LENGTH, _HOP = int(1.6 * RATE), int(0.8 * RATE)  # of a stretch; what the encoder was trained on
_TELLING = int(0.6 * RATE)  # shorter stretches say too little to found a voice on
_CLUSTERED = 2000  # stretches at most, spread over the recording: the clustering takes their square
_LEAST_MS, _LEAST_SHARE = 3500, 0.1  # a voice heard for less is one of the others on a bad day
_ALIKE = {2: 0.875, 3: 0.82, 4: 0.82}  # cosine of the voices most alike, at most, to believe in so many
_ROUNDS = 5  # of reassigning stretches to voices; it settles sooner

_SLOT = RATE // 10  # the grain of time in which speakers change
_CHANGE, _CHANGE_AT_PAUSE = 1.2, 0.1  # what a change costs, in similarity times slots
_WORD_PAUSE_MS = 150  # from this on, a gap between words is a pause
_WORD_MS = 400  # of a word, from its beginning: the ends of words are stretched over pauses, and beyond
_SENTENCE_ENDS = (".", "?", "!", "\u3002", "\uff1f", "\uff01")  # the last three: Chinese and Japanese

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech of about one person. start, end: samples from the beginning of the recording.

    embedding: SIZE numbers, float32 in the order of the machine.
    """

    start: int
    end: int
    embedding: bytes

    @property
    def vector(self) -> Array:
        return np.frombuffer(self.embedding, np.float32)


def stretches(
    encoder: SpeakerEncoder, windows: Sequence[Window], pool: Executor, threads: int
) -> list[Stretch]:
    """The speech in windows of one source, in order of time: all that is kept of its sound."""
    cuts = [(window, start, end) for window in windows for start, end in _cuts(window.speech)]
    sounds = [window.samples[start - window.start : end - window.start] for window, start, end in cuts]
    share = max(1, -(-len(sounds) // threads))
    parts = pool.map(encoder.embed, [sounds[at : at + share] for at in range(0, len(sounds), share)])
    embeddings = [embedding for part in parts for embedding in part]
    found = zip(cuts, embeddings, strict=True)
    return [Stretch(start, end, embedding.tobytes()) for (_, start, end), embedding in found]


def _cuts(regions: Sequence[Region]) -> list[Region]:
    """Stretches of one region of speech each, overlapping by half where the region is longer than one."""
    cuts = []
    for start, end in regions:
        count = max(1, -(-(end - start - _LENGTH) // _HOP) + 1)
        starts = np.linspace(start, max(start, end - _LENGTH), count)
        cuts += [(int(at), min(end, int(at) + _LENGTH)) for at in starts]
    return cuts


class Diarization:
    """Who says what in one source. heard: all of its stretches, words: all of its words, in order of time.

    Speakers are counted from 0 in the order in which they say their first word.
    """

    def __init__(self, heard: Sequence[Stretch], words: Sequence[Word]) -> None:
        self._words = words
        self._slots = _slots(heard)
        self._scores = _scores(heard, voices(heard), self._slots)
        said, spoken = self._by_word(), self._by_slot()
        order = {voice: number for number, voice in enumerate(dict.fromkeys([*said, *spoken]))}
        self._said = [order[voice] for voice in said]
        self._spoken = [order[voice] for voice in spoken]
        self.speakers = max(1, len(order))

    def turns(self) -> list[tuple[int, tuple[Word, ...]]]:
        """Each speaker with what they say until another one does."""
        by_speaker = groupby(zip(self._said, self._words, strict=True), key=itemgetter(0))
        return [(speaker, tuple(word for _, word in group)) for speaker, group in by_speaker]

    def speech(self, speaker: int) -> list[Region]:
        """Where the speaker's voice is heard, in samples."""
        found: list[Region] = []
        for (start, end), other in zip(self._slots.tolist(), self._spoken, strict=True):
            if other == speaker:
                begin = found.pop()[0] if found and found[-1][1] == start else start
                found.append((begin, end))
        return found

    def _by_slot(self) -> list[int]:
        pauses = np.diff(self._slots[:, 0], prepend=0) > _SLOT
        return _path(self._scores, np.where(pauses, _CHANGE_AT_PAUSE, _CHANGE))

    def _by_word(self) -> list[int]:
        """The voice of each word: a change of speakers lies between two words, if possible in a pause."""
        scores = np.array([self._score(word) for word in self._words])
        pauses = [_is_pause(before, word) for before, word in pairwise(self._words)]
        return _path(scores, np.where([False, *pauses], _CHANGE_AT_PAUSE, _CHANGE))

    def _score(self, word: Word) -> Matrix:
        """How well each voice fits the word; all alike where no speech was found."""
        end_ms = min(word.end_ms, word.start_ms + _WORD_MS)
        first = np.searchsorted(self._slots[:, 1], word.start_ms * SAMPLES_PER_MS, side="right")
        last = np.searchsorted(self._slots[:, 0], end_ms * SAMPLES_PER_MS)
        return np.asarray(self._scores[first : max(first, last)].sum(axis=0))


def _is_pause(before: Word, word: Word) -> bool:
    """Between two words: silence, or the end of a sentence."""
    return word.start_ms - before.end_ms >= _WORD_PAUSE_MS or before.text.endswith(_SENTENCE_ENDS)


def voices(heard: Sequence[Stretch]) -> Array:
    """The embeddings of the voices there are, shape (1 to MOST, SIZE).

    Ward's clustering into two, three and four; of these the most in which every voice is heard long enough
    and no two are too much alike. Otherwise all is one voice: a person alone is not cut in two.
    """
    telling = [one for one in heard if one.end - one.start >= _TELLING] or list(heard)
    chosen = [
        telling[at] for at in np.linspace(0, len(telling) - 1, min(len(telling), _CLUSTERED), dtype=int)
    ]
    if not chosen:
        return np.zeros((1, SIZE), np.float32)
    embeddings = np.stack([one.vector for one in chosen])
    lengths_ms = np.array([one.end - one.start for one in chosen]) / SAMPLES_PER_MS
    everybody = _means(embeddings, np.zeros(len(chosen), int))
    if len(chosen) < 2:
        return everybody
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - nobody else needs it

    tree = linkage(embeddings, "ward")
    for count in range(MOST, 1, -1):
        found, labels = _refined(embeddings, fcluster(tree, count, "maxclust"))
        if len(found) == count and _are_persons(found, np.bincount(labels, lengths_ms, count)):
            return found
    return everybody


def _refined(embeddings: Array, labels: Indices) -> tuple[Array, Indices]:
    """Every stretch given to the voice it is most like; voices and the number of its voice for each."""
    for _ in range(_ROUNDS):
        labels = (embeddings @ _means(embeddings, labels).T).argmax(axis=1)
    found = _means(embeddings, labels)
    return found, (embeddings @ found.T).argmax(axis=1)


def _means(embeddings: Array, labels: Indices) -> Array:
    means = np.stack([embeddings[labels == label].mean(axis=0) for label in np.unique(labels)])
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6))


def _are_persons(found: Array, heard_ms: npt.NDArray[Any]) -> bool:
    alike = (found @ found.T)[np.triu_indices(len(found), 1)].max()
    least = max(_LEAST_MS, _LEAST_SHARE * heard_ms.sum())
    return bool(alike <= _ALIKE[len(found)] and heard_ms.min() >= least)


def _slots(heard: Sequence[Stretch]) -> Indices:
    """The speech in grains of time, shape (slots, 2): starts and ends in samples."""
    regions: list[Region] = []
    for one in heard:
        if regions and one.start <= regions[-1][1]:
            regions[-1] = (regions[-1][0], max(one.end, regions[-1][1]))
        else:
            regions.append((one.start, one.end))
    slots = [(at, min(at + _SLOT, end)) for start, end in regions for at in range(start, end, _SLOT)]
    return np.array(slots, int).reshape(-1, 2)


def _scores(heard: Sequence[Stretch], found: Array, slots: Indices) -> Matrix:
    """How well each voice fits each slot, shape (slots, voices), by the stretches that lie over it."""
    scores = np.zeros((len(slots), len(found)))
    weights = np.zeros((len(slots), 1))
    for one in heard:
        first, last = (
            np.searchsorted(slots[:, 1], one.start, side="right"),
            np.searchsorted(slots[:, 0], one.end),
        )
        middles = slots[first:last].mean(axis=1)
        weight = 1.1 - np.abs(middles - (one.start + one.end) / 2) / ((one.end - one.start) / 2 + _SLOT)
        trust = min(1.0, (one.end - one.start) / _LENGTH)
        scores[first:last] += weight[:, None] * trust * (found @ one.vector)
        weights[first:last] += weight[:, None]
    return np.asarray(scores / np.maximum(weights, 1e-6))


def _path(scores: Matrix, costs: Matrix) -> list[int]:
    """The voices that fit best in all, when a change costs something (Viterbi). scores: (steps, voices)."""
    if not len(scores):
        return []
    steps, count = scores.shape
    best, came = np.zeros(count), np.zeros((steps, count), int)
    for step in range(steps):
        other = int(best.argmax())
        stays = best >= best[other] - costs[step]
        came[step] = np.where(stays, np.arange(count), other)
        best = np.where(stays, best, best[other] - costs[step]) + scores[step]
    path = [int(best.argmax())]
    for step in range(steps - 1, 0, -1):
        path.append(int(came[step, path[-1]]))
    return path[::-1]
