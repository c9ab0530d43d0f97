"""Keys and the organization, straight to the database."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cli_support import Run

from callpost.store import keys
from callpost.store.database import Database


@pytest.fixture
def there(fresh_database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"CALLPOST_DATABASE_URL": fresh_database_url, "CALLPOST_OBJECTS_URL": str(tmp_path / "objects")}


async def test_the_token_that_is_printed_opens_the_api(
    run: Run, there: dict[str, str], database: Database
) -> None:
    made = run("keys", "create", "billing system", **there)
    token = made.stdout.strip()
    async with database.connection() as connection:
        caller = await keys.find(connection, token, datetime.now(UTC))
    assert caller is not None
    assert caller.key.name == "billing system"
    assert token not in made.stderr


async def test_a_key_may_be_limited_in_time_and_in_rights(
    run: Run, there: dict[str, str], database: Database
) -> None:
    made = json.loads(run("keys", "create", "x", "--days", "30", "--kind", "api", "--json", **there).stdout)
    left = datetime.fromisoformat(made["dateExpires"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    assert made["kind"] == "api"
    async with database.connection() as connection:
        assert await keys.find(connection, made["token"], datetime.now(UTC))
        assert not await keys.find(connection, made["token"], datetime.now(UTC) + timedelta(days=31))


async def test_a_revoked_key_is_unknown(run: Run, there: dict[str, str], database: Database) -> None:
    kept = json.loads(run("keys", "create", "kept", "--json", **there).stdout)
    made = json.loads(run("keys", "create", "made", "--json", **there).stdout)
    run("keys", "revoke", made["keyId"], **there)
    async with database.connection() as connection:
        assert not await keys.find(connection, made["token"], datetime.now(UTC))
    listed = json.loads(run("keys", "list", "--json", **there).stdout)["keys"]
    assert [key["keyId"] for key in listed] == [kept["keyId"]]
    assert "token" not in listed[0]
    assert "kept" in run("keys", "list", **there).stdout


def test_a_key_that_is_not_there_cannot_be_revoked(run: Run, there: dict[str, str]) -> None:
    assert "There is no key" in run("keys", "revoke", str(uuid4()), code=1, **there).stderr
    assert "Invalid value for" in run("keys", "revoke", "first", code=2, **there).stderr


def test_an_organization_has_a_retry_schedule_of_its_own_until_it_is_reset(
    run: Run, there: dict[str, str]
) -> None:
    words = ("organization", "schedule")
    usual = json.loads(run(*words, "show", "--json", **there).stdout)
    assert (usual["own"], usual["tries"], usual["lengthInSeconds"]) == (False, 21, 56_700)
    run(*words, "set", "0,60, 600", "--tries", "2", "--strict", **there)
    own = json.loads(run(*words, "show", "--json", **there).stdout)
    assert own == {
        "own": True,
        "waitsInSeconds": [0, 60, 600],
        "triesPerSlot": 2,
        "strict": True,
        "tries": 6,
        "lengthInSeconds": 660,
    }
    assert "15:45:00" in run(*words, "reset", **there).stdout
    assert json.loads(run(*words, "show", "--json", **there).stdout) == usual


def test_a_schedule_that_cannot_be_is_not_stored(run: Run, there: dict[str, str]) -> None:
    words = ("organization", "schedule")
    refused = run(*words, "set", "60,30", "--tries", "0", code=1, **there).stderr
    assert "The first slot waits 0 seconds" in refused
    assert "--tries: A slot has 1 to 10 tries" in refused
    assert "SECONDS" in run(*words, "set", "soon", code=2, **there).stderr
    assert json.loads(run(*words, "show", "--json", **there).stdout)["own"] is False


def test_the_organization_keeps_its_id(run: Run, there: dict[str, str]) -> None:
    """Customers write it into their roles as the external ID."""
    first = json.loads(run("organization", "show", "--json", **there).stdout)
    assert UUID(first["organizationId"])
    assert first["organizationId"] in run("organization", "show", **there).stdout
