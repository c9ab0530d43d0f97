"""A destination is proven before anything depends on it: `callpost destination verify`."""

import json
import os
import subprocess
from typing import Any
from uuid import uuid4

from demo.customer import CUSTOMER_ACCOUNT, Account
from installation import CALLPOST, Installation


def verify(
    installation: Installation, account: Account, bucket: str, role: str, *words: str
) -> tuple[int, Any]:
    """The exit code of the command, and the checks by name."""
    done = subprocess.run(
        [CALLPOST, "destination", "verify", f"{account.endpoint}/{bucket}", "--role", role, *words, "--json"],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "CALLPOST_URL": installation.service.url,
            "CALLPOST_TOKEN": installation.service.token,
        },
    )
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_a_role_that_asks_for_the_external_id_passes_and_an_open_one_is_called_open(
    installation: Installation, account: Account, bucket: str
) -> None:
    installation.api()
    organization_id = installation.command("organization", "show")["organizationId"]
    good = account.make_role(bucket, organization_id, name=f"good-{uuid4().hex[:8]}")
    code, checks = verify(installation, account, bucket, good)
    assert code == 0, checks
    assert all(check["passed"] for check in checks.values())
    assert account.objects(bucket) == {}  # the probe is gone again

    asked = ("--tag", "team=care", "--acl", "--expected-bucket-owner", CUSTOMER_ACCOUNT)
    code, checks = verify(installation, account, bucket, good, *asked)
    assert code == 0, checks

    unlocked = account.make_role(bucket, None, name=f"open-{uuid4().hex[:8]}")
    code, checks = verify(installation, account, bucket, unlocked)
    assert code == 1
    failed = checks["assume-without-external-id"]
    assert not failed["passed"]
    assert organization_id in failed["snippet"]
