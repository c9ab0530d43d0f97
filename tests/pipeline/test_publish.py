from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from callpost.errors import Problem
from callpost.model.configuration import Callback, CallbackType, S3Options, TranscriptFormat
from callpost.model.delivery import EndpointPolicy
from callpost.model.media import Media, MediaStatus, Metadata, Stream
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript
from callpost.pipeline.publish import PublishRules, plan

MEDIA_ID = UUID("3e7f2a64-6f0f-4b6a-9d3c-000000000001")
ORGANIZATION_ID = UUID("3e7f2a64-6f0f-4b6a-9d3c-000000000002")
CREATED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RULES = PublishRules(EndpointPolicy())
ROLE = "arn:aws:iam::999533888199:role/s3-delivery-role"
BUCKET = "http://s3-us-east-1.amazonaws.com/your-bucket-name"
SIGNED_V2 = (
    "https://your-bucket-name.s3.amazonaws.com/desired/analytics.json?AWSAccessKeyId=AKIAJZZZZXSCGJXMUGGA"
    "&content-type=application%2Fjson&Expires=1499476130&Signature=UwcWOfLWLpvtj1LibHd0Na5Fw%2FM%3D"
)


def report(status: MediaStatus = MediaStatus.FINISHED, *, external_id: str | None = None) -> Report:
    document = {"externalId": external_id} if external_id else {}
    media = Media(MEDIA_ID, ORGANIZATION_ID, "callpost", status, CREATED, Metadata(document))
    if status is MediaStatus.FAILED:
        return Report(replace(media, errors=(Problem(10201, "unreadable"),)), None)
    original = Stream("original", f"media/{MEDIA_ID}/original", 10, "00", "audio/mpeg", "mp3")
    return Report(media, Results(Transcript(), streams=(original,)))


def folder(kind: CallbackType = CallbackType.ANALYTICS, **fields: object) -> Callback:
    callback = Callback(BUCKET, kind, s3_delivery=True, role=ROLE, prepend_folder="voicebase-output")
    return replace(callback, **fields)


def keys(callbacks: list[Callback], **given: str) -> list[str | None]:
    rules = replace(RULES, **given)
    return [delivery.object_key for delivery in plan(report(external_id="call/7"), callbacks, rules)]


def test_objects_lie_under_the_folder_and_the_recording() -> None:
    callbacks = [
        folder(),
        *(folder(CallbackType.TRANSCRIPT, format=format_) for format_ in TranscriptFormat),
        folder(CallbackType.MEDIA, stream="original"),
    ]
    names = [
        "analytics.json",
        "transcript.json",
        "transcript.txt",
        "transcript.srt",
        "transcript.vtt",
        "transcript.dfxp",
        "media/original.mp3",
    ]
    assert keys(callbacks) == [f"voicebase-output/{MEDIA_ID}/{name}" for name in names]


def test_without_a_folder_objects_lie_at_the_top_of_the_bucket() -> None:
    assert keys([folder(prepend_folder=None)]) == [f"{MEDIA_ID}/analytics.json"]


def test_a_template_places_objects_and_names_stay_inside_their_part() -> None:
    template = "{prependFolder}/date={date}/{externalId}/{mediaId}/{object}"
    expected = f"voicebase-output/date=2026-11-22/call_7/{MEDIA_ID}/analytics.json"
    assert keys([folder()], key_template=template) == [expected]


def test_no_external_id_climbs_out_of_the_folder() -> None:
    rules = replace(RULES, key_template="{prependFolder}/{externalId}/{mediaId}/{object}")
    (delivery,) = plan(report(external_id=".."), [folder()], rules)
    assert delivery.object_key == f"voicebase-output/__/{MEDIA_ID}/analytics.json"


def test_a_callback_may_bring_its_own_template() -> None:
    options = S3Options(key_template="year={year}/{metadata.externalId}/{mediaId}/{object}")
    template = "{prependFolder}/{mediaId}/{object}"
    assert keys([folder(s3_options=options), folder()], key_template=template) == [
        f"voicebase-output/year=2026/call_7/{MEDIA_ID}/analytics.json",
        f"voicebase-output/{MEDIA_ID}/analytics.json",
    ]


def test_two_callbacks_never_write_to_one_key() -> None:
    planned = keys([folder(), folder(include=("metadata",)), folder(prepend_folder="other")])
    assert planned[1] == f"voicebase-output/{MEDIA_ID}/analytics-2.json"
    assert len(set(planned)) == 3


def test_a_failed_recording_sends_only_analytics() -> None:
    callbacks = [
        folder(CallbackType.TRANSCRIPT, format=TranscriptFormat.SRT),
        folder(),
        folder(CallbackType.MEDIA, stream="original"),
    ]
    (delivery,) = plan(report(MediaStatus.FAILED), callbacks, RULES)
    assert delivery.number == 2
    assert delivery.callback.type is CallbackType.ANALYTICS


def test_a_url_that_has_expired_meanwhile_is_planned_and_ends_in_a_visible_failure() -> None:
    (delivery,) = plan(report(), [Callback(SIGNED_V2)], RULES)
    assert delivery.destination_key == "s3:your-bucket-name"
    assert delivery.content_type == "application/json"
    assert delivery.object_key is None


def test_the_same_report_gives_the_same_plan() -> None:
    assert plan(report(), [folder()], RULES) == plan(report(), [folder()], RULES)


@pytest.mark.parametrize("format_", list(TranscriptFormat))
def test_each_format_travels_under_its_documented_type(format_: TranscriptFormat) -> None:
    types = {
        TranscriptFormat.JSON: "application/json",
        TranscriptFormat.TEXT: "text/plain",
        TranscriptFormat.SRT: "text/srt",
        TranscriptFormat.WEBVTT: "text/vtt",
        TranscriptFormat.DFXP: "application/ttaf+xml",
    }
    (delivery,) = plan(report(), [folder(CallbackType.TRANSCRIPT, format=format_)], RULES)
    assert delivery.content_type == types[format_]
