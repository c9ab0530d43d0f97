"""The configuration document: what it may hold, and what is refused or warned of, with code and place."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callpost.api.reading import configuration, document, metadata
from callpost.api.reading.configuration import Reading
from callpost.api.reading.document import CONFIGURATION, METADATA
from callpost.api.reading.submission import Rules
from callpost.delivery.destination import EndpointPolicy
from callpost.errors import Rejected
from callpost.model.configuration import (
    AdHocVocabulary,
    Callback,
    CallbackType,
    ChannelSpec,
    Configuration,
    DetectionLevel,
    DetectorRequest,
    ExpectedTerm,
    Ingest,
    MetricGroup,
    Priority,
    Redactor,
    TrackSpec,
    TranscriptFormat,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
URL = "https://example.org/callback"

# shared by the documentation of S3 callbacks, as it stands there
S3_EXAMPLE = {
    "publish": {
        "callbacks": [
            {
                "url": "https://your-bucket-name.s3.amazonaws.com/desired/object/name/analytics.json"
                "?AWSAccessKeyId=AKIAJZZZZXSCGJXMUGGA&content-type=application%2Fjson&Expires=1499476130"
                "&Signature=UwcWOfLWLpvtj1LibHd0Na5Fw%2FM%3D",
                "type": "analytics",
                "role": "arn:aws:iam::xxxxxxxxxx:role/s3-delivery-role",
                "prependFolder": "my_files",
                "method": "PUT",
                "include": ["transcript", "knowledge", "metadata", "prediction", "streams"],
            }
        ]
    }
}


def read(given_document: Any, *, strict: bool = False, models: set[str] | None = None) -> Reading:
    parsed = document.parse(json.dumps(given_document).encode(), CONFIGURATION)
    rules = Rules(EndpointPolicy(), NOW, strict)
    return configuration.read(parsed, rules.check_destination, rules.known, strict=strict, models=models)


def refused(given_document: Any, *, strict: bool = False) -> list[tuple[int, str | None]]:
    with pytest.raises(Rejected) as refusal:
        read(given_document, strict=strict)
    return [(problem.code, problem.place) for problem in refusal.value.problems]


def callbacks(*elements: Any) -> Any:
    return {"publish": {"callbacks": list(elements)}}


def test_a_model_the_operator_does_not_offer_is_refused_before_anything_is_fetched() -> None:
    asked = {"speechModel": {"model": "large-v3"}}
    assert read(asked).configuration.model == "large-v3"
    assert read(asked, models={"large-v3"}).configuration.model == "large-v3"
    assert read({"speechModel": {"model": "Europa"}}, models={"base"}).configuration.model is None
    with pytest.raises(Rejected, match="There are base") as refusal:
        read(asked, models={"base", "/srv/models/ours"})
    assert [(one.code, one.place) for one in refusal.value.problems] == [(20001, "speechModel.model")]
    assert "/srv" not in str(refusal.value)


def test_nothing_asked_for_means_the_defaults() -> None:
    for nothing in ({}, {"publish": {}}, {"speechModel": None, "vocabularies": []}):
        assert read(nothing) == Reading(Configuration(), ())


def test_everything_that_is_documented_is_read() -> None:
    reading = read(
        {
            "speechModel": {
                "language": "EN-us",
                "features": ["advancedPunctuation"],
                "extensions": ["voicemail"],
            },
            "priority": "Low",
            "ingest": {
                "stereo": {"left": {"speakerName": "A"}, "right": {"speakerName": "B", "ignore": True}},
                "diarization": True,
            },
            "prediction": {
                "classifiers": [{"classifierName": "sentiment"}],
                "detectors": [
                    {
                        "detectorName": "pci",
                        "parameters": [{"parameter": "detectorLevel", "value": "probableNumbers"}],
                        "redactor": {
                            "transcript": {"replacement": "[x]"},
                            "audio": {"tone": "270", "gain": 0.25},
                        },
                    }
                ],
            },
            "knowledge": {"enableDiscovery": "false", "enableExternalDataSources": True},
            "transcript": {
                "formatting": {"enableNumberFormatting": False},
                "contentFiltering": {"enableProfanityFiltering": True},
            },
            "vocabularies": [
                {
                    "terms": [
                        {"term": "VoiceBase", "soundsLike": ["voice base", "?"]},
                        {"term": "Malala Yousafzai"},
                    ]
                }
            ],
            "metrics": [{"metricGroupName": "overtalk"}],
            "speakerSentiments": True,
            "conversation": {"verbNounPairsEnabled": True},
            "entity": {"enableEntityExtraction": True},
            "timeToLiveInSeconds": 3600,
            "publish": {
                "callbacks": [{"url": URL, "type": "transcript", "format": "webvtt", "method": "put"}]
            },
        }
    )
    redactor = Redactor("[x]", 270, 0.25)
    assert reading == Reading(
        Configuration(
            extensions=("voicemail",),
            features=("advancedPunctuation",),
            priority=Priority.LOW,
            ingest=Ingest(
                tracks=(TrackSpec(0, (ChannelSpec("A"), ChannelSpec("B", ignore=True))),), diarize=True
            ),
            vocabularies=(
                AdHocVocabulary(
                    (ExpectedTerm("VoiceBase", ("voice base",)), ExpectedTerm("Malala Yousafzai"))
                ),
            ),
            classifiers=("sentiment",),
            detectors=(DetectorRequest("PCI", DetectionLevel.PROBABLE_NUMBERS, redactor),),
            knowledge=False,
            metrics=(MetricGroup.OVERTALK,),
            speaker_sentiments=True,
            verb_noun_pairs=True,
            entities=True,
            number_formatting=False,
            profanity_filtering=True,
            callbacks=(Callback(URL, CallbackType.TRANSCRIPT, method="PUT", format=TranscriptFormat.WEBVTT),),
            time_to_live_s=3600,
        ),
        (),
    )


def test_the_example_of_the_documentation_is_accepted_as_it_stands() -> None:
    reading = read(S3_EXAMPLE)
    assert reading.configuration.callbacks[0].include == (
        *("transcript", "knowledge", "metadata", "prediction", "streams"),
    )
    places = {warning.place for warning in reading.warnings}
    assert {"publish.callbacks[0].role", "publish.callbacks[0].prependFolder"} <= places
    # It expired in 2017, of which strict mode makes an error.
    assert refused(S3_EXAMPLE, strict=True) == [(60006, "publish.callbacks[0].url")]


@pytest.mark.parametrize(
    ("given_document", "code", "place"),
    [
        ({"priority": "urgent"}, 10009, "priority"),
        ({"priority": 1}, 10009, "priority"),
        ({"speechModel": "en-US"}, 10007, "speechModel"),
        ({"knowledge": {"enableDiscovery": "perhaps"}}, 10007, "knowledge.enableDiscovery"),
        ({"publish": {"callbacks": ["https://example.org"]}}, 10007, "publish.callbacks[0]"),
        ({"timeToLiveInSeconds": -1}, 10007, "timeToLiveInSeconds"),
        ({"timeToLiveInSeconds": 1e300}, 10007, "timeToLiveInSeconds"),
        ({"encryption": {"publicKeyId": "x"}}, 10501, "encryption"),
        ({"speechModel": {"language": "tlh-KX"}}, 10601, "speechModel.language"),
        ({"additionalSpeechModels": [{"language": "es-US"}]}, 10604, "additionalSpeechModels"),
        ({"ingest": {"speakerName": "A", "channels": [{"speakerName": "B"}]}}, 15000, "ingest"),
        ({"ingest": {"stereo": {}}}, 15001, "ingest.stereo"),
        ({"ingest": {"tracks": [{"trackIndex": 1, "channels": []}]}}, 15001, "ingest.tracks[0]"),
        ({"ingest": {"channels": [{"speakerName": "A"}, {}]}}, 15002, "ingest.channels[1]"),
        ({"ingest": {"stereo": {"left": {"speakerName": "A"}}}}, 15003, "ingest.stereo"),
        ({"ingest": {"channels": [{"ignore": True}, {"ignore": True}]}}, 15005, "ingest"),
        ({"speechModel": {"model": "../../etc"}}, 20001, "speechModel.model"),
        ({"vocabularies": [{}]}, 20006, "vocabularies[0]"),
        ({"vocabularies": [{"vocabularyName": "a"}]}, 20008, "vocabularies[0].vocabularyName"),
        ({"vocabularies": [{"scripts": [{"script": "so " * 10_001}]}]}, 20013, "vocabularies[0].scripts"),
        (
            {"vocabularies": [{"scripts": [{"script": f"so {number}"} for number in range(1001)]}]},
            20101,
            "vocabularies[0].scripts",
        ),
        (
            {"vocabularies": [{"vocabularyName": "a", "scripts": [{"script": "b"}]}]},
            20007,
            "vocabularies[0]",
        ),
        (
            {"vocabularies": [{"terms": [{"term": f"t{n}"} for n in range(501)]}] * 2},
            20010,
            "vocabularies",
        ),
        (
            {"vocabularies": [{"terms": [{"term": "a", "weight": -1}]}]},
            20015,
            "vocabularies[0].terms[0].weight",
        ),
        (
            {"vocabularies": [{"terms": [{"term": "a", "soundsLike": ["b"] * 101}]}]},
            20012,
            "vocabularies[0].terms[0].soundsLike",
        ),
        ({"spotting": {"groups": [{"groupName": "a"}]}}, 40005, "spotting.groups[0].groupName"),
        ({"spotting": {"groups": [{}]}}, 40005, "spotting.groups[0].groupName"),
        ({"vocabularies": [{"vocabularyName": "a", "terms": [{"term": "b"}]}]}, 20007, "vocabularies[0]"),
        (
            {"vocabularies": [{"terms": [{"term": f"t{n}"} for n in range(1001)]}]},
            20010,
            "vocabularies[0].terms",
        ),
        ({"vocabularies": [{"terms": [{"term": " "}]}]}, 20014, "vocabularies[0].terms[0]"),
        (
            {"vocabularies": [{"terms": [{"term": "a", "weight": 6}]}]},
            20015,
            "vocabularies[0].terms[0].weight",
        ),
        ({"vocabularies": [{"terms": [{"term": "a" * 65}]}]}, 20016, "vocabularies[0].terms[0].term"),
        ({"prediction": {"classifiers": [{}]}}, 50002, "prediction.classifiers[0]"),
        (
            {"prediction": {"classifiers": [{"classifierId": "x"}]}},
            50003,
            "prediction.classifiers[0].classifierId",
        ),
        ({"prediction": {"detectors": [{"version": "1"}]}}, 50004, "prediction.detectors[0]"),
        ({"prediction": {"detectors": [{"detectorId": "x"}]}}, 50005, "prediction.detectors[0].detectorId"),
        (
            {"prediction": {"detectors": [{"detectorName": "x"}]}},
            50006,
            "prediction.detectors[0].detectorName",
        ),
        (
            {"prediction": {"detectors": [{"detectorId": "0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b"}]}},
            50006,
            "prediction.detectors[0].detectorId",
        ),
        (
            {
                "speechModel": {"language": "fr-FR"},
                "prediction": {"detectors": [{"detectorName": "PCI"}]},
            },
            50006,
            "prediction.detectors[0].detectorName",
        ),
        (
            {"prediction": {"detectors": [{"detectorName": "PCI", "redactor": {}}]}},
            50007,
            "prediction.detectors[0].redactor",
        ),
        (
            {"prediction": {"detectors": [{"detectorName": "PCI", "redactor": {"audio": {"gain": 1}}}]}},
            50008,
            "prediction.detectors[0].redactor.audio",
        ),
        (callbacks({"type": "analytics"}), 60001, "publish.callbacks[0].url"),
        (callbacks({"url": URL}, {"url": "ftp://example.org"}), 60002, "publish.callbacks[1].url"),
        (callbacks({"url": "http://example.org/"}), 60002, "publish.callbacks[0].url"),
        (callbacks({"url": "https://"}), 60006, "publish.callbacks[0].url"),
        (callbacks({"url": URL, "type": "fax"}), 60007, "publish.callbacks[0].type"),
        (callbacks({"url": URL, "format": "srt"}), 60008, "publish.callbacks[0].format"),
        (
            callbacks({"url": URL, "type": "transcript", "format": "webvtt", "fractionDigits": 3}),
            60008,
            "publish.callbacks[0].fractionDigits",
        ),
        (
            callbacks({"url": URL, "type": "transcript", "format": "srt", "fractionDigits": 4}),
            60010,
            "publish.callbacks[0].fractionDigits",
        ),
        (callbacks({"url": URL, "stream": "original"}), 60008, "publish.callbacks[0].stream"),
        (
            callbacks({"url": URL, "type": "media", "stream": "original", "include": ["metadata"]}),
            60008,
            "publish.callbacks[0].include",
        ),
        (callbacks({"url": URL, "type": "transcript"}), 60009, "publish.callbacks[0].format"),
        (callbacks({"url": URL, "type": "media"}), 60009, "publish.callbacks[0].stream"),
        (callbacks({"url": "s3://bucket", "s3Delivery": "true"}), 60009, "publish.callbacks[0].role"),
        (
            callbacks({"url": URL, "type": "transcript", "format": "pdf"}),
            60010,
            "publish.callbacks[0].format",
        ),
        (callbacks({"url": URL, "type": "media", "stream": "video"}), 60010, "publish.callbacks[0].stream"),
        (callbacks({"url": URL, "method": "GET"}), 60011, "publish.callbacks[0].method"),
        (
            callbacks(
                {"url": f"{S3_EXAMPLE['publish']['callbacks'][0]['url']}".replace("%2Fjson", "%2Fpdf")}
            ),
            60013,
            "publish.callbacks[0].url",
        ),
        (
            callbacks(
                {"url": "https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Expires=1999476130&Signature=s"}
            ),
            60012,
            "publish.callbacks[0].url",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_code_and_place(
    given_document: Any, code: int, place: str
) -> None:
    assert refused(given_document) == [(code, place)]


@pytest.mark.parametrize(
    ("given_document", "code", "place"),
    [
        ({"publik": {}}, 10008, "publik"),
        ({"speechModel": {"engine": "x"}}, 10008, "speechModel.engine"),
        (callbacks({"url": URL, "secret": "x"}), 10008, "publish.callbacks[0].secret"),
        (callbacks({"url": URL}, {"url": URL, "include": ["a"]}), 60003, "publish.callbacks[1].include[0]"),
        ({"speechModel": {"features": ["telepathy"]}}, 10603, "speechModel.features[0]"),
        ({"speechModel": {"extensions": ["usertesting"]}}, 10602, "speechModel.extensions[0]"),
        ({"metrics": [{"metricGroupName": "x"}]}, 10008, "metrics[0]"),
        ({"prediction": {"classifiers": [{"classifierName": "churn"}]}}, 50001, "prediction.classifiers[0]"),
    ],
)
def test_what_is_unknown_is_a_warning_and_in_strict_mode_an_error(
    given_document: Any, code: int, place: str
) -> None:
    assert [(warning.code, warning.place) for warning in read(given_document).warnings] == [(code, place)]
    assert refused(given_document, strict=True) == [(code, place)]


def test_places_count_the_elements_that_were_left_blank() -> None:
    assert refused(callbacks(None, {"url": URL}, {"method": "POST"})) == [(60001, "publish.callbacks[2].url")]


def test_all_problems_are_reported_together_and_none_twice() -> None:
    broken = callbacks({"type": "transcript", "format": "pdf", "method": "GET"}, {"url": URL, "type": "x"})
    assert refused(broken | {"priority": "x", "ingest": {"stereo": {}}}) == [
        (10009, "priority"),
        (15001, "ingest.stereo"),
        (60010, "publish.callbacks[0].format"),
        (60001, "publish.callbacks[0].url"),
        (60011, "publish.callbacks[0].method"),
        (60007, "publish.callbacks[1].type"),
    ]


def test_a_known_include_is_kept_and_an_unknown_one_left_out() -> None:
    reading = read(callbacks({"url": URL, "include": ["METADATA", "colours", "speakerSentiments"]}))
    assert reading.configuration.callbacks[0].include == ("metadata", "speakerSentiments")


def test_a_url_of_a_callback_is_never_repeated() -> None:
    secret = "https://user:hunter2@example.org:1/?token=hunter2"
    with pytest.raises(Rejected) as refusal:
        read(callbacks({"url": secret, "type": "hunter"}, {"url": secret}))
    assert "hunter2" not in str(refusal.value)


TRANSCODED = [
    ({"fileFormat": "mp3"}, ("mp3", "mp3", False)),
    ({"fileFormat": "OGG", "codec": "vorbis"}, ("ogg", "opus", False)),
    ({"codec": "ulaw"}, ("wav", "mulaw", False)),
    ({"onlyIfRedacted": "true"}, ("wav", "pcm", True)),
    ({"fileFormat": "flac", "codec": "FLAC", "onlyIfRedacted": False}, ("flac", "flac", False)),
]


@pytest.mark.parametrize(("given_document", "expected"), TRANSCODED)
def test_the_format_of_delivered_audio_has_a_codec_that_fits_it(
    given_document: Any, expected: tuple[str, str, bool]
) -> None:
    wanted = read({"publish": {"audioTranscode": given_document}}).configuration.audio_transcode
    assert wanted is not None
    assert (wanted.format, wanted.codec, wanted.only_if_redacted) == expected


def test_no_format_is_asked_for_by_an_empty_section() -> None:
    assert read({"publish": {"audioTranscode": {}}}).configuration.audio_transcode is None


@pytest.mark.parametrize(
    ("given_document", "place"),
    [
        ({"fileFormat": "aiff"}, "publish.audioTranscode.fileFormat"),
        ({"fileFormat": "mp3", "codec": "pcm"}, "publish.audioTranscode.codec"),
        ({"fileFormat": "opus", "codec": "vorbis"}, "publish.audioTranscode.codec"),
        ({"codec": "mp3"}, "publish.audioTranscode.codec"),
    ],
)
def test_a_codec_that_the_format_cannot_hold_is_refused(given_document: Any, place: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read({"publish": {"audioTranscode": given_document}})
    assert [(problem.code, problem.place) for problem in refusal.value.problems] == [(10007, place)]


def test_every_duplicate_is_reported_with_its_place() -> None:
    text = b'{"priority": "low", "publish": {"callbacks": [{"url": "a", "url": "b"}]}, "priority": "low"}'
    with pytest.raises(Rejected) as refusal:
        document.parse(text, CONFIGURATION)
    found = [(problem.code, problem.place) for problem in refusal.value.problems]
    assert found == [(10010, "priority"), (10010, "publish.callbacks[0].url")]


@pytest.mark.parametrize(
    "data",
    [
        *(b"{", b"[1]", b'"a"', b"{'a': 1}", b'{"a": Infinity}', b'{"a": 1e999}', b"\xff\xfe\x00"),
        *(b"[" * 100_000, b'{"a":' * 5000, b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}"),
        *(b'{"a": "\\u0000"}', b'{"\\ud800": 1}', b'{"a": ' + b"9" * 5000 + b"}"),
    ],
)
def test_what_cannot_be_parsed_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        document.parse(data, METADATA)
    assert {problem.code for problem in refusal.value.problems} == {10107}


@pytest.mark.parametrize(
    ("data", "charset", "value"),
    [
        ('{"a": "ü"}'.encode(), "iso-8859-1", "ü"),
        ('{"a": "ü"}'.encode("iso-8859-1"), None, "ü"),
        ('{"a": "€"}'.encode("cp1252"), "windows-1252", "€"),
        ('{"a": "ü"}'.encode("iso-8859-1"), "no-such-charset", "ü"),
        ('{"a": "ü"}'.encode("utf-8-sig"), None, "ü"),
        ('{"a": "ü"}'.encode("utf-16"), None, "ü"),
    ],
)
def test_a_document_is_read_whatever_its_charset(data: bytes, charset: str | None, value: str) -> None:
    assert document.parse(data, METADATA, charset) == {"a": value}


def test_blank_documents_are_empty() -> None:
    assert document.parse(b" \n", CONFIGURATION) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    (
        *(
            "speechModel",
            "language",
            "features",
            "priority",
            "ingest",
            "stereo",
            "left",
            "channels",
            "tracks",
        ),
        *("prediction", "detectors", "detectorName", "redactor", "audio", "tone", "vocabularies", "terms"),
        *("publish", "callbacks", "url", "type", "include", "method", "metrics", "timeToLiveInSeconds"),
    )
)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(JSON, lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2)),
)


@given(DOCUMENTS, st.booleans())
def test_any_document_is_read_or_refused_and_never_breaks_anything(given_document: Any, strict: bool) -> None:
    try:
        reading = read(given_document, strict=strict)
    except Rejected as refusal:
        problems = refusal.problems
    else:
        assert isinstance(reading.configuration, Configuration)
        problems = reading.warnings
    assert all(10_000 <= problem.code < 90_000 for problem in problems)


@given(JSON)
def test_metadata_come_back_as_they_were(value: Any) -> None:
    sent = {"extended": {"any": value}}
    try:
        parsed = document.parse(json.dumps(sent).encode(), METADATA)
    except Rejected:
        assert any(character in json.dumps(sent) for character in ("\\u0000", "\\ud"))
    else:
        assert metadata.read(parsed).document == sent
