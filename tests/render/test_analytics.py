from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from callpost.errors import Problem
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.media import Media, MediaStatus, Stream
from callpost.model.results import (
    Classification,
    Detection,
    DetectorResult,
    Entity,
    Keyword,
    Knowledge,
    Mention,
    Metric,
    MetricGroupValues,
    Occurrence,
    Prediction,
    Report,
    Results,
    SentimentValue,
    SpeakerSentiment,
    SpeakerVerbNounPairs,
    SpottedGroup,
    Subtopic,
    Topic,
    VerbNounPair,
)
from callpost.model.transcript import UNKNOWN_SPEAKER, Peak, Transcript, Turn, Voice, Word
from callpost.render import analytics, content

API = "https://calls.example.com"

# The shapes of the Swagger document of API version 3.0.11 (VbMedia and what it refers to), with the sections
# that only the documentation knows; a name in "required" is there in every document of a finished recording.
OCCURRENCE = {"s": int, "e": int, "exact": str}
MENTION = {"speakerName": str, "occurrences": [OCCURRENCE]}
KEYWORD = {"keyword": str, "relevance": float, "mentions": [MENTION]}
MEDIA = {
    "_links": dict,
    "formatVersion": str,
    "mediaId": str,
    "accountId": str,
    "accountName": str,
    "interactionType": str,
    "status": str,
    "dateCreated": str,
    "dateFinished": str,
    "mediaContentType": str,
    "length": int,
    "metadata": dict,
    "knowledge": {
        "keywords": [KEYWORD],
        "topics": [
            {
                "topicName": str,
                "relevance": float,
                "subTopics": [{"name": str, "score": float}],
                "keywords": [KEYWORD],
            }
        ],
    },
    "spotting": {
        "groups": [{"groupName": str, "spotted": bool, "score": float, "spottedKeywords": [KEYWORD]}]
    },
    "prediction": {
        "classifiers": [
            {
                "classifierId": str,
                "classifierName": str,
                "classifierVersion": str,
                "classifierDisplayName": str,
                "classifierType": str,
                "predictedClass": int,
                "predictedClassLabel": str,
                "predictedCategory": int,
                "predictedCategoryLabel": str,
                "predictionScore": float,
            }
        ],
        "detectors": [
            {
                "detectorId": str,
                "detectorName": str,
                "detectorVersion": str,
                "detectorDisplayName": str,
                "detectorType": str,
                "detections": [
                    {
                        "detectorClass": int,
                        "detectorClassLabel": str,
                        "detectedSegments": [{"speakerName": str, "occurrences": [{"s": int, "e": int}]}],
                    }
                ],
            }
        ],
    },
    "metrics": [{"metricGroupName": str, "metricValues": [{"metricName": str, "metricValue": float}]}],
    "conversation": {
        "speakerVerbNounPairs": [
            {
                "speakerName": str,
                "verbNounPairs": [
                    {
                        "s": int,
                        "e": int,
                        "verb": str,
                        "noun": str,
                        "verbNeg": str,
                        "nounNeg": str,
                        "question": bool,
                    }
                ],
            }
        ]
    },
    "speakerSentiments": [{"speakerName": str, "sentimentValues": [{"s": int, "e": int, "v": float}]}],
    "entities": [
        {
            "type": str,
            "text": str,
            "formattedText": str,
            "s": int,
            "e": int,
            "money": {"whole": int, "centi": int},
        }
    ],
    "transcript": {
        "confidence": float,
        "words": [{"p": int, "c": float, "s": int, "e": int, "m": str, "w": str}],
        "turns": [{"speaker": str, "text": str, "s": int, "e": int}],
        "voiceActivity": [{"speakerName": str, "occurrences": [{"s": int, "e": int}]}],
        "alternateFormats": [
            {"format": str, "contentType": str, "contentEncoding": str, "charset": str, "data": str}
        ],
    },
    "streams": [{"status": int, "streamName": str, "streamLocation": str}],
    "warnings": [{"code": int, "message": str}],
}
OPTIONAL = {"m", "exact", "verbNeg", "nounNeg", "question", "formattedText", "money"}


def assert_shaped(value: Any, shape: Any, place: str = "") -> None:
    """The value has the shape's keys, all of them but the optional ones, and values of its types."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), place
        assert set(value) <= set(shape), place
        assert set(shape) - set(value) <= OPTIONAL, place
        for name, part in value.items():
            assert_shaped(part, shape[name], f"{place}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), place
        assert value, f"{place} is empty: it proves nothing"
        for part in value:
            assert_shaped(part, shape[0], f"{place}[]")
    else:
        assert type(value) is shape, place


@pytest.fixture
def results(call: Transcript) -> Results:
    mention = Mention("Caller", (Occurrence(900, 1300, "router"),))
    keyword = Keyword("router", 0.91, (mention,))
    return Results(
        transcript=call,
        knowledge=Knowledge((keyword,), (Topic("Internet", 0.5, (Subtopic("Router", 0.4),), (keyword,)),)),
        prediction=Prediction(
            (Classification("d0c0", "sentiment", "Sentiment", 0, "negative", 0.8, type="multiclass"),),
            (
                DetectorResult(
                    "ab", "PCI", (Detection("pci", (Mention("Caller", (Occurrence(1, 2, ""),)),)),)
                ),
            ),
        ),
        spotting=(SpottedGroup("outage", 0.5, (keyword,)),),
        metrics=(MetricGroupValues("overtalk", (Metric("overtalk-ratio", 0.04),)),),
        speaker_sentiments=(SpeakerSentiment("Caller", (SentimentValue(1, 2, -0.5),)),),
        verb_noun_pairs=(
            SpeakerVerbNounPairs("Caller", (VerbNounPair(1, 2, "work", "internet", "not", None, True),)),
        ),
        entities=(
            Entity("money", "two hundred forty", 1, 2, "$240.00", 24000),
            Entity("person", "Priya", 3, 4),
        ),
        streams=(Stream("original", "k", 3, "00", "audio/x-wav", "wav"),),
        warnings=(Problem(40004, "knowledge is missing"),),
    )


def document(media: Media, results: Results | None, include: tuple[str, ...] | None = None) -> dict[str, Any]:
    made = analytics.media_document(media, results, include=include, api_url=API)
    return msgspec.json.decode(msgspec.json.encode(made))


def test_the_document_has_the_documented_shape(media: Media, results: Results) -> None:
    assert_shaped(document(media, results), MEDIA)


def test_the_envelope_says_whose_recording_it_is(media: Media, results: Results) -> None:
    made = document(media, results)
    assert made["mediaId"] == str(media.media_id)
    assert made["accountId"] == str(media.organization_id)
    assert made["dateCreated"] == "2026-11-22T16:19:43.973Z"
    assert made["dateFinished"] == "2026-11-22T16:20:01.000Z"
    assert made["_links"]["srt"] == {"href": f"/v3/media/{media.media_id}/transcript/srt"}
    assert made["interactionType"] == "speech"
    assert "expiresOn" not in made


def test_metadata_comes_back_as_it_was_sent(media: Media, results: Results) -> None:
    assert document(media, results)["metadata"] == media.metadata.document


def test_include_selects_the_sections_and_keeps_the_envelope(media: Media, results: Results) -> None:
    made = document(media, results, ("knowledge", "streams"))
    assert {"knowledge", "streams", "mediaId", "length", "warnings"} <= set(made)
    assert not {"metadata", "transcript", "prediction", "spotting", "metrics", "entities"} & set(made)


def test_metadata_is_echoed_only_where_include_lists_it(media: Media, results: Results) -> None:
    assert "metadata" in document(media, results, ("metadata",))
    assert "metadata" not in document(media, results, ("transcript",))


def test_every_turn_opens_with_a_word_that_spans_it(media: Media, call: Transcript) -> None:
    words = document(media, Results(call))["transcript"]["words"]
    assert [word["p"] for word in words] == list(range(len(words)))
    first = call.turns[0]
    assert words[0] == {"p": 0, "c": 1.0, "s": first.start_ms, "e": first.end_ms, "m": "turn", "w": "Agent"}
    assert sum(word.get("m") == "turn" for word in words) == len(call.turns)


def test_punctuation_is_a_word_of_its_own(media: Media) -> None:
    turn = Turn("A", 0, (Word("help?", 10, 20, 0.8), Word("a.m.", 30, 40, 0.7), Word("$1.50.", 50, 60, 0.6)))
    words = document(media, Results(Transcript((turn,))))["transcript"]["words"][1:]
    assert [(word["w"], word.get("m")) for word in words] == [
        ("help", None),
        ("?", "punc"),
        ("a.m.", None),
        ("$1.50", None),
        (".", "punc"),
    ]
    assert words[1] == {"p": 2, "c": 0.0, "s": 20, "e": 20, "m": "punc", "w": "?"}


def test_a_mark_alone_is_not_an_empty_word(media: Media) -> None:
    turn = Turn("A", 0, (Word(".", 10, 20, 0.8), Word("-", 20, 30, 0.8)))
    words = document(media, Results(Transcript((turn,))))["transcript"]["words"]
    assert all(word["w"] for word in words)


def test_a_speaker_nobody_named_opens_no_turn(media: Media, say: Callable[..., Transcript]) -> None:
    words = document(media, Results(say((UNKNOWN_SPEAKER, "hello there"))))["transcript"]["words"]
    assert [word["w"] for word in words] == ["hello", "there"]


def test_the_renditions_travel_in_base64(media: Media, results: Results) -> None:
    formats = document(media, results)["transcript"]["alternateFormats"]
    assert [part["format"] for part in formats] == ["dfxp", "webvtt", "srt", "text"]
    assert {part["contentEncoding"] for part in formats} == {"Base64"}
    assert b64decode(formats[3]["data"]).decode().startswith("Agent: Thank you")


def test_the_callers_of_the_api_choose_the_renditions(media: Media, results: Results) -> None:
    made = analytics.media_document(
        media, results, include=None, api_url=API, alternate=(TranscriptFormat.SRT,)
    )
    assert [part["format"] for part in made["transcript"]["alternateFormats"]] == ["srt"]


def test_a_stream_is_linked_without_a_signature(media: Media, results: Results) -> None:
    (stream,) = document(media, results)["streams"]
    assert stream["streamLocation"] == f"{API}/v3/media/{media.media_id}/streams/original"


def test_a_failed_recording_is_described_by_its_errors(media: Media) -> None:
    failed = replace(media, status=MediaStatus.FAILED, errors=(Problem(10201, "not a recording", "media"),))
    made = document(failed, None)
    assert made["status"] == "failed"
    assert made["errors"] == [{"code": 10201, "error": "media: not a recording"}]
    assert made["metadata"] == media.metadata.document
    assert not {"transcript", "knowledge", "streams"} & set(made)
    assert "srt" not in made["_links"]


def test_a_warning_known_twice_is_written_once(media: Media, results: Results) -> None:
    warned = replace(media, warnings=results.warnings)
    assert document(warned, results)["warnings"] == [{"code": 40004, "message": "knowledge is missing"}]


def test_a_section_that_was_not_computed_is_left_out(media: Media, call: Transcript) -> None:
    made = document(media, Results(call))
    assert not {"knowledge", "prediction", "spotting", "metrics", "conversation", "entities"} & set(made)


def test_what_is_detected_is_not_repeated(media: Media, results: Results) -> None:
    (detector,) = document(media, results)["prediction"]["detectors"]
    assert detector["detections"][0]["detectedSegments"][0]["occurrences"] == [{"s": 1, "e": 2}]


@pytest.mark.parametrize(
    ("callback", "type_", "name"),
    [
        (Callback("u"), "application/json", "analytics.json"),
        (
            Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.JSON),
            "application/json",
            "transcript.json",
        ),
        (
            Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.TEXT),
            "text/plain",
            "transcript.txt",
        ),
        (Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.SRT), "text/srt", "transcript.srt"),
        (
            Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.WEBVTT),
            "text/vtt",
            "transcript.vtt",
        ),
        (
            Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.DFXP),
            "application/ttaf+xml",
            "transcript.dfxp",
        ),
        (
            Callback("u", CallbackType.MEDIA, stream="original"),
            "application/octet-stream",
            "media/original.wav",
        ),
    ],
)
def test_types_and_names_are_the_documented_ones(callback: Callback, type_: str, name: str) -> None:
    assert content.content_type(callback) == type_
    assert content.object_name(callback, "wav") == name


def test_the_same_report_makes_the_same_bytes(media: Media, results: Results) -> None:
    report = Report(media, results)
    stored = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    for callback in (
        Callback("u"),
        *(Callback("u", CallbackType.TRANSCRIPT, format=format_) for format_ in TranscriptFormat),
    ):
        assert content.render(report, callback, API) == content.render(stored, callback, API)


def test_media_is_not_rendered(media: Media, results: Results) -> None:
    with pytest.raises(ValueError, match="nothing to render"):
        content.render(Report(media, results), Callback("u", CallbackType.MEDIA, stream="original"), API)


def test_a_transcript_callback_carries_the_words(media: Media, results: Results) -> None:
    callback = Callback("u", CallbackType.TRANSCRIPT, format=TranscriptFormat.JSON)
    made = msgspec.json.decode(content.render(Report(media, results), callback, API))
    assert_shaped(made["words"], [{"p": int, "c": float, "s": int, "e": int, "m": str, "w": str}])
    assert made["mediaId"] == str(media.media_id)


def test_how_a_word_sounds_is_told_where_it_was_measured() -> None:
    """The names of docs/how-to-guides/voice-features.md."""
    voice = Voice(14.876, (Peak(260.942, 1.0), Peak(521.807, 0.347)))
    words = (Word("Because", 1880, 2180, 0.461, voice), Word("so.", 2200, 2300, 0.5))
    section = analytics.transcript_section(Transcript((Turn(UNKNOWN_SPEAKER, 0, words),)))
    assert section["words"][0] == {
        "p": 0,
        "c": 0.461,
        "s": 1880,
        "e": 2180,
        "w": "Because",
        "frq": [{"e": 1.0, "f": 260.942}, {"e": 0.347, "f": 521.807}],
        "v": 14.876,
    }
    assert all("frq" not in word and "v" not in word for word in section["words"][1:])
