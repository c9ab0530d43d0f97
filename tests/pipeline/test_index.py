"""What a recording can be found by, from the moment it has ended until it is gone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from desk import CONFIGURATION, REDACTING, Desk, FakeRecognizer, turn

from callpost.model.configuration import Category, Configuration
from callpost.model.media import Metadata
from callpost.model.results import CategoryValue
from callpost.model.search import Term, Wanted
from callpost.model.transcript import Transcript
from callpost.pipeline.expire import expire
from callpost.speech.recognizer import Keep, Recognition, RecognitionRequest
from callpost.store import media as media_store
from callpost.store import search
from callpost.store.media import MediaQuery

INDEXED = replace(CONFIGURATION, analytic_indexing=True)


async def processed(desk: Desk, configuration: Configuration = INDEXED) -> UUID:
    media_id = await desk.accept(configuration)
    await desk.processor.process(media_id)
    return media_id


async def found(desk: Desk, wanted: Wanted | str) -> list[UUID]:
    """By the words of lists."""
    text = Term(wanted) if isinstance(wanted, str) else wanted
    async with desk.database.connection() as connection:
        listed = await media_store.find(connection, desk.organization.organization_id, MediaQuery(text=text))
    return [media.media_id for media in listed]


async def found_by_vbql(desk: Desk, word: str) -> list[UUID]:
    """By the words that VBQL looks for its candidates with."""
    async with desk.database.connection() as connection:
        return [*await media_store.for_vbql(connection, desk.organization.organization_id, Term(word), 10)]


async def test_a_recording_is_found_when_it_is_finished_and_not_before(desk: Desk) -> None:
    media_id = await desk.accept(INDEXED)
    assert await found(desk, "upset") == []
    await desk.processor.process(media_id)
    assert await found(desk, "upset") == await found_by_vbql(desk, "upset") == [media_id]
    assert await found(desk, "nothing") == await found_by_vbql(desk, "nothing") == []


async def test_what_was_redacted_is_found_by_nobody(desk: Desk) -> None:
    await processed(desk, replace(REDACTING, analytic_indexing=True))
    assert await found(desk, "4111") == await found_by_vbql(desk, "4111") == []
    assert len(await found(desk, "calling")) == 1


async def test_processing_again_with_a_redactor_takes_the_words_out_of_the_index(desk: Desk) -> None:
    media_id = await processed(desk)
    assert await found(desk, "4111") == [media_id]
    await desk.again(media_id, replace(REDACTING, analytic_indexing=True))
    # Not even while that is under way.
    assert await found(desk, "upset") == await found_by_vbql(desk, "upset") == []
    await desk.processor.process(media_id)
    assert await found(desk, "4111") == await found_by_vbql(desk, "4111") == []
    assert await found(desk, "calling") == [media_id]


async def test_only_what_the_configuration_allows_is_found(desk: Desk) -> None:
    media_id = await processed(desk, CONFIGURATION)
    assert await found(desk, "upset") == [media_id]
    assert await found_by_vbql(desk, "upset") == []
    await desk.again(media_id, replace(INDEXED, searchable=False))
    await desk.processor.process(media_id)
    assert await found(desk, "upset") == await found_by_vbql(desk, "upset") == []


async def test_a_recording_that_fails_is_not_found(desk: Desk) -> None:
    media_id = await processed(desk)
    await desk.again(media_id, INDEXED)
    await desk.objects.delete(f"media/{media_id}/basis")
    await desk.processor.process(media_id)
    assert await found(desk, "upset") == await found_by_vbql(desk, "upset") == []


async def test_what_is_deleted_or_has_expired_leaves_nothing_in_the_index(desk: Desk) -> None:
    deleted = await processed(desk)
    expired = await processed(desk, replace(INDEXED, callbacks=(), time_to_live_s=60))
    async with desk.database.connection() as connection:
        await media_store.delete(connection, desk.organization.organization_id, deleted)
    await expire(desk.database, desk.objects, datetime.now(UTC) + timedelta(minutes=2))
    async with desk.database.connection() as connection:
        assert await connection.fetchval("select count(*) from media_search") == 0
    assert await found(desk, "upset") == []
    assert expired != deleted


async def test_metadata_that_change_are_found_by_what_they_are_now(desk: Desk) -> None:
    media_id = await processed(desk)
    organization_id = desk.organization.organization_id
    for title in ("Gathering Leaves", "Mending Wall"):
        async with desk.database.connection() as connection:
            await media_store.set_metadata(connection, organization_id, media_id, Metadata({"title": title}))
    assert await found(desk, "walls") == [media_id]
    assert await found(desk, "leaves") == []
    assert await found(desk, "how can I help you") == [media_id]


async def test_metadata_that_change_while_it_is_processed_are_in_the_index(desk: Desk) -> None:
    media_id = await desk.accept(INDEXED)
    organization_id = desk.organization.organization_id

    class Interrupted(FakeRecognizer):
        async def transcribe(
            self, request: RecognitionRequest, progress: Callable[[float], None], keep: Keep | None = None
        ) -> Recognition:
            changed = Metadata({"title": "Frost"})
            async with desk.database.connection() as connection:
                await media_store.set_metadata(connection, organization_id, media_id, changed)
            return await FakeRecognizer.transcribe(self, request, progress, keep)

    await replace(desk.processor, recognizer=Interrupted()).process(media_id)
    assert await found(desk, "frost") == [media_id]


SPOKEN = (
    ("en-US", "We are cancelling it", "cancelled"),
    ("fr-FR", "les factures sont fausses", "facture"),
    ("de-DE", "Die Rechnungen sind falsch", "Rechnung"),
    ("it-IT", "le fatture sono sbagliate", "fattura"),
    ("pt-BR", "as contas erradas", "conta"),
    ("es-LA", "quiero cancelar las cuentas", "cuenta"),
    ("nl-NL", "de rekening klopt niet", "rekening"),
)


async def test_words_are_found_in_the_inflections_of_the_recordings_language(desk: Desk) -> None:
    assert {language[:2] for language, _, _ in SPOKEN} > set(search.CONFIGURATIONS)
    for language, said, asked in SPOKEN:
        desk.recognizer.transcript = Transcript((turn("Agent", 0, said, 0),), language)
        media_id = await processed(desk, replace(CONFIGURATION, language=language))
        assert media_id in await found(desk, asked), language


async def test_the_commonest_words_count(desk: Desk) -> None:
    media_id = await processed(desk)
    assert await found(desk, "can I") == [media_id]
    assert await found(desk, "can you") == []


async def test_a_transcript_that_is_too_much_for_the_index_ends_all_the_same(desk: Desk) -> None:
    words = " ".join(f"{number:x}zq\u20ac" for number in range(120_000))
    desk.recognizer.transcript = Transcript((turn("Agent", 0, f"begin \0 {words}", 0),), "nl-NL")
    media_id = await processed(desk, Configuration(language="nl-NL", knowledge=False, analytic_indexing=True))
    assert await found(desk, "begin") == await found_by_vbql(desk, "begin") == [media_id]


async def test_categories_are_a_section_of_the_results(desk: Desk) -> None:
    categories = (Category("called", "MATCH 'calling'"), Category("card", "MATCH '4111'"))
    media_id = await processed(desk, replace(REDACTING, categories=categories))
    called, card = (await desk.results(media_id)).categories or ()
    assert (called.name, called.value, called.matches[0].speaker) == ("called", 1, "Agent")
    assert card == CategoryValue("card", 0)
