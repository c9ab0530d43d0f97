"""What a finished recording is found by: the words that were delivered, where its configuration allows it."""

from callpost.analysis.vbql import words
from callpost.model.configuration import Configuration
from callpost.model.media import Media
from callpost.model.results import Results
from callpost.model.transcript import Transcript
from callpost.store import search
from callpost.store.database import Connection
from callpost.store.search import Text


async def index(
    connection: Connection, media: Media, results: Results | None, configuration: Configuration
) -> None:
    """Write a recording's entry in the index, in the transaction that ends it.

    results: None where it failed.
    """
    if results is None or not configuration.searchable:
        await search.forget(connection, media.media_id)
        return
    await search.put(connection, media, text(results.transcript, for_vbql=configuration.analytic_indexing))


def text(transcript: Transcript, *, for_vbql: bool) -> Text:
    """The words of a transcript as they are delivered: redacted, where redaction was asked for."""
    said = [word.text for word in transcript.words()]
    return Text(transcript.language, " ".join(said), words.vocabulary(said) if for_vbql else None)
