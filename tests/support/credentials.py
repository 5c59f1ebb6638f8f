"""Keys for tests, and logins as clients make them."""

import base64
from itertools import count
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deltawire.access.access import Access
from deltawire.access.keys import Key, KeyRing
from deltawire.access.signatures import login_text, sign

SECRET = "s3cret-of-alice"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"deltawire".ljust(32, b"."))
ALICE = Key("alice-id", "hmac", SECRET, "alice", ("account:read", "trade:read_write"), name="alice-bot")
READER = Key("reader-id", "hmac", "s3cret-of-reader", "alice", ("account:read", "trade:read"))
BOB = Key(
    "bob-id",
    "ed25519",
    base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode(),
    "bob",
    ("account:read_write", "trade:read_write", "wallet:read"),
)


def access_of(*keys: Key, **more: Any) -> Access:
    """Access with numbered tokens."""
    numbers = count(1)
    return Access(KeyRing(keys), lambda: f"token-{next(numbers)}", **more)


def changed(key: Key, **fields: Any) -> Key:
    """A key with other fields."""
    return msgspec.structs.replace(key, **fields)


def signed_login(
    key: Key, timestamp_ms: int, nonce: str = "n1", data: str = "", **more: Any
) -> dict[str, Any]:
    """The parameters of a `client_signature` login."""
    text = login_text(timestamp_ms, nonce, data)
    signature = (
        sign(key.secret, text) if key.kind == "hmac" else base64.b64encode(PRIVATE.sign(text)).decode()
    )
    return {
        "grant_type": "client_signature",
        "client_id": key.client_id,
        "timestamp": timestamp_ms,
        "nonce": nonce,
        "data": data,
        "signature": signature,
    } | more


def secret_login(key: Key, **more: Any) -> dict[str, Any]:
    """The parameters of a `client_credentials` login."""
    return {
        "grant_type": "client_credentials",
        "client_id": key.client_id,
        "client_secret": key.secret,
    } | more
