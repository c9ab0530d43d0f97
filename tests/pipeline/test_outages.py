"""A recording is not at fault for what is away while it is processed."""

import pytest
from desk import Desk
from obstore.exceptions import GenericError

from callpost import worker
from callpost.model.media import MediaStatus
from callpost.store.queue import TryAgain


async def test_an_object_store_that_is_away_does_not_count_against_a_recording(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [GenericError("connection refused") for _ in range(9)]
    for _ in range(9):
        with pytest.raises(TryAgain):
            await worker.process(desk.processor, media_id)
    await worker.process(desk.processor, media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
