"""The keys that receipts are signed with. The newest signs; older ones stay, to prove what they signed."""

from datetime import datetime
from uuid import UUID, uuid4

from callpost.store.database import Connection, load_queries

_SQL = load_queries("signing_keys")


async def all_keys(connection: Connection) -> list[tuple[UUID, bytes]]:
    """Every key by its id, newest first; the bytes are secrets."""
    return [(row["key_id"], row["private_key"]) for row in await connection.fetch(_SQL["all"])]


async def ensure(connection: Connection, fresh: bytes, now: datetime) -> tuple[UUID, bytes]:
    """The key that signs; `fresh` becomes it where there is none yet. To be called in a transaction."""
    found = await connection.fetchrow(_SQL["newest"])
    if found is None:
        await connection.execute(_SQL["lock"])
        found = await connection.fetchrow(_SQL["newest"])
    if found:
        return found["key_id"], found["private_key"]
    return await add(connection, fresh, now)


async def add(connection: Connection, private: bytes, now: datetime) -> tuple[UUID, bytes]:
    """Sign with a new key from now on."""
    key_id = uuid4()
    await connection.execute(_SQL["insert"], key_id, private, now)
    return key_id, private
