"""publish.audioTranscode: streams in another format, under their names; the recording itself is kept."""

from dataclasses import replace
from uuid import UUID

from desk import REDACTING, SOUND, Desk

from callpost.errors import Problem, UnreadableRecording
from callpost.model.configuration import AudioFormat, AudioTranscode, Callback, CallbackType, Configuration
from callpost.model.media import MediaStatus, Stream
from callpost.store import reports

TO_FLAC = AudioTranscode(AudioFormat.FLAC, "flac")
ROLE = "arn:aws:iam::999533888199:role/delivery"
INTO_BUCKET = Callback(
    "https://s3.eu-west-1.amazonaws.com/bucket",
    CallbackType.MEDIA,
    stream="redacted-audio",
    s3_delivery=True,
    role=ROLE,
)


async def streams(desk: Desk, configuration: Configuration) -> tuple[UUID, dict[str, Stream]]:
    media_id = await desk.accept(configuration)
    await desk.processor.process(media_id)
    return media_id, {stream.name: stream for stream in (await desk.results(media_id)).streams}


async def test_all_streams_are_delivered_in_the_format_that_was_asked_for(desk: Desk) -> None:
    wanted = replace(REDACTING, audio_transcode=TO_FLAC, callbacks=(INTO_BUCKET,))
    media_id, found = await streams(desk, wanted)
    assert {(one.name, one.content_type, one.extension) for one in found.values()} == {
        ("original", "audio/flac", "flac"),
        ("redacted-audio", "audio/flac", "flac"),
    }
    assert await desk.objects.get_bytes(found["original"].key) == b"flac" + SOUND
    assert await desk.objects.get_bytes(found["redacted-audio"].key) == b"flacbeep" + SOUND
    [delivery] = await desk.deliveries(media_id)
    assert (delivery.object_key or "").endswith("/media/redacted-audio.flac")


async def test_only_if_redacted_leaves_the_original_alone(desk: Desk) -> None:
    only = replace(TO_FLAC, only_if_redacted=True)
    _, found = await streams(desk, replace(REDACTING, audio_transcode=only))
    assert found["original"].extension == "mp3"
    assert found["redacted-audio"].extension == "flac"
    _, found = await streams(desk, Configuration(audio_transcode=only))
    assert [stream.extension for stream in found.values()] == ["mp3"]


async def test_what_is_in_that_format_already_is_not_written_again(desk: Desk) -> None:
    media_id, found = await streams(
        desk, Configuration(audio_transcode=AudioTranscode(AudioFormat.MP3, "mp3"))
    )
    assert found["original"].key == reports.stream_key(media_id, "original")


async def test_a_later_processing_begins_with_the_recording_and_not_with_its_rendition(desk: Desk) -> None:
    media_id, _ = await streams(desk, Configuration(audio_transcode=TO_FLAC))
    await desk.again(media_id, REDACTING)
    await desk.processor.process(media_id)
    found = {stream.name: stream for stream in (await desk.results(media_id)).streams}
    assert await desk.objects.get_bytes(found["redacted-audio"].key) == b"beep" + SOUND
    assert found["original"].extension == "mp3"


async def test_a_recording_that_the_format_cannot_hold_is_delivered_as_it_is(desk: Desk) -> None:
    async def transcode(*_: object) -> None:
        raise UnreadableRecording(Problem(50011, "it has 2 tracks"))

    desk.recognizer.transcode = transcode  # type: ignore[method-assign, assignment]
    media_id, found = await streams(desk, Configuration(audio_transcode=TO_FLAC))
    media = await desk.media(media_id)
    assert (media.status, [problem.code for problem in media.warnings]) == (MediaStatus.FINISHED, [50011])
    assert found["original"].extension == "mp3"
