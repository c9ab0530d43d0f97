"""What several resources look up: a caller's recording, its results, streams, deliveries, and the links."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request

from callpost.api import answers, links
from callpost.errors import NotFound, Problem
from callpost.model.delivery import Delivery
from callpost.model.media import Media, MediaStatus, Stream
from callpost.model.results import Results
from callpost.services import Services
from callpost.store import deliveries, organizations, reports
from callpost.store import media as media_store
from callpost.store.database import Connection
from callpost.store.keys import Caller


async def media(services: Services, caller: Caller, media_id: UUID) -> Media:
    """The caller's recording of that id. Raises NotFound (10205)."""
    async with services.database.connection() as connection:
        return await media_store.get(connection, caller.organization.organization_id, media_id)


async def results(services: Services, found: Media) -> Results | None:
    """What was found in a finished recording; None in any other."""
    if found.status is not MediaStatus.FINISHED:
        return None
    return (await reports.load(services.objects, found.media_id)).results


async def streams(services: Services, found: Media) -> Sequence[Stream]:
    """What the report has; before there is one, the original as soon as its bytes are here."""
    made = await results(services, found)
    if made is not None and made.streams:
        return made.streams
    async with services.database.connection() as connection:
        source = await media_store.source(connection, found.media_id)
    return (source.original,) if source and source.original else ()


async def delivery(connection: Connection, organization_id: UUID, media_id: UUID, number: int) -> Delivery:
    """The caller's delivery of that number. Raises NotFound (10205)."""
    found = None
    if 0 < number < 2**31:
        found = await deliveries.get(connection, organization_id, media_id, number)
    if found is None:
        raise NotFound(Problem(10205, f"The media {media_id} has no delivery {number}."))
    return found


async def link_key(services: Services, organization_id: UUID) -> bytes:
    """What an organization's links are signed with."""
    async with services.database.connection() as connection:
        key = await organizations.link_key(connection, organization_id)
    if key is None:
        raise NotFound(Problem(10205, "There is no such organization."))
    return key


async def stream_documents(
    request: Request, services: Services, found: Media, wanted: Sequence[Stream]
) -> list[answers.Document]:
    """VbStream of each, with links that work for 15 minutes."""
    key = await link_key(services, found.organization_id)
    url, now = answers.api_url(request, services.settings), datetime.now(UTC)
    return [
        {
            "status": 200,
            "streamName": stream.name,
            "streamLocation": links.signed(url, found.media_id, stream.name, key, now),
        }
        for stream in wanted
    ]
