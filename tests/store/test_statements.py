from importlib.resources import files

import pytest

from callpost.store.database import Database, load_queries

MODULES = sorted(
    entry.name.removesuffix(".sql")
    for entry in files("callpost.store").iterdir()
    if entry.name.endswith(".sql")
)


@pytest.mark.parametrize("module", MODULES)
async def test_every_statement_fits_the_schema(module: str, database: Database) -> None:
    queries = load_queries(module)
    assert queries
    for name, statement in queries.items():
        try:
            async with database.connection() as connection:
                await connection.prepare(statement)
        except Exception as error:
            raise AssertionError(f"{module}.sql, {name}: {error}") from error
