"""Tokens, signatures and credentials are nowhere to be read: not in logs, not in answers."""

import json

from demo import customer
from demo.customer import Account, Key
from installation import Installation


def test_no_secret_reaches_a_log_or_an_answer(
    installation: Installation, account: Account, callpost_user: Key, bucket: str
) -> None:
    signer = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:PutObject", f"arn:aws:s3:::{bucket}/*")
    stranger = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    urls = [
        account.presign(signer, bucket, "v2.json", "application/json"),
        account.presign(signer, bucket, "v4.json", "application/json", version="s3v4"),
        account.presign(stranger, bucket, "refused.json", "application/json", version="s3v4"),
    ]
    installation.environment["CALLPOST_RETRY_SLOTS_S"] = "0"
    installation.environment["CALLPOST_RETRY_TRIES_PER_SLOT"] = "1"
    installation.api()
    installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": url, "method": "PUT"} for url in urls]}})
    document = installation.until_finished(media_id)
    found = installation.until_ended(media_id)
    assert [delivery["status"] for delivery in found] == ["delivered", "delivered", "failed"]
    histories = [
        installation.service.get(f"media/{media_id}/deliveries/{delivery['number']}") for delivery in found
    ]
    said = installation.logs() + json.dumps([document, found, histories])
    secrets = [installation.service.token, signer.secret, stranger.secret, callpost_user.secret]
    secrets += [url.partition("ignature=")[2].partition("&")[0] for url in urls]
    assert all(secrets)
    assert [secret for secret in secrets if secret in said] == []
    assert "delivery.attempted" in said  # the logs are there, and were read
