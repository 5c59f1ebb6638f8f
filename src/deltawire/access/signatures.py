"""Verification of HMAC-SHA256 and Ed25519 signatures, each usable once.

Unknown keys and wrong signatures take the same time. Source of both texts: docs.deribit.com, Authentication.
"""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deltawire.access.keys import Key

ED25519_BYTES = 64
SECOND_NS = 1_000_000_000
WINDOW_S = 60
"""Maximum difference between a signature's time and the server's."""
_NOBODY = "0" * 43
"""The secret used for unknown keys."""
_NOBODYS_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""The first public key of RFC 8032, 7.1, whose private half is public: never accepted, see `verified`."""


def login_text(timestamp: int, nonce: str, data: str) -> bytes:
    """The text that `client_signature` signs: no newline at the end."""
    return f"{timestamp}\n{nonce}\n{data}".encode()


def request_text(timestamp: str, nonce: str, method: str, uri: str, body: bytes) -> bytes:
    """The text that the `deri-hmac-sha256` header signs: a newline after each part."""
    return f"{timestamp}\n{nonce}\n{method}\n{uri}\n".encode() + body + b"\n"


def sign(secret: str, text: bytes) -> str:
    """HMAC-SHA256 as lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def verified(key: Key | None, text: bytes, signature: str) -> bool:
    """Whether a key signed a text. The form of the signature decides how it is checked, even without a key."""
    raw = _to_ed25519(signature)
    if raw is None:
        secret = key.secret if key is not None and key.kind == "hmac" else _NOBODY
        same = hmac.compare_digest(sign(secret, text).encode(), signature.lower().encode())
        return same and key is not None and key.kind == "hmac"
    public = key.secret if key is not None and key.kind == "ed25519" else _NOBODYS_PUBLIC
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(raw, text)
    except InvalidSignature:
        return False
    return key is not None and key.kind == "ed25519"


def knows_secret(key: Key | None, secret: str) -> bool:
    """Whether this is the key's secret; only HMAC keys have one."""
    own = key.secret if key is not None and key.kind == "hmac" else _NOBODY
    same = hmac.compare_digest(_digest(own), _digest(secret))
    return same and key is not None and key.kind == "hmac"


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _to_ed25519(signature: str) -> bytes | None:
    """64 bytes from hex, base64 or base64url; None for other texts."""
    try:
        if len(signature) == 2 * ED25519_BYTES:
            raw = bytes.fromhex(signature)
        else:
            text = signature.rstrip("=").translate(str.maketrans("-_", "+/"))
            raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == ED25519_BYTES else None


def is_timely(timestamp_ms: int, now: int) -> bool:
    """Whether a signature's time is within the window; `now` in nanoseconds."""
    return abs(now // 1_000_000 - timestamp_ms) <= WINDOW_S * 1000


class NonceCache:
    """Remembers nonces for at least two windows, twice as long as they could be accepted again."""

    def __init__(self) -> None:
        self._young: set[tuple[str, str | bytes]] = set()
        self._old: set[tuple[str, str | bytes]] = set()
        self._turn = 0

    def is_new(self, client_id: str, nonce: str | bytes, now: int) -> bool:
        """Whether a key has not used this nonce, or digest of a signed text, recently; records it."""
        turn = now // (3 * WINDOW_S * SECOND_NS)
        if turn != self._turn:
            self._old = self._young if abs(turn - self._turn) == 1 else set()
            self._young, self._turn = set(), turn
        used = (client_id, nonce)
        if used in self._young or used in self._old:
            return False
        self._young.add(used)
        return True
