"""API keys on disk.

Each secret is sealed with AES-256-GCM under a master key, which also protects the rest of its record.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deltawire.access.keys import Key
from deltawire.errors import UsageError
from deltawire.store.home import decode_own, file_stamp, home, locked, make_home, read_own, write_whole

KEYS, MASTER, LOCK = "keys.json", "master.key", "keys.lock"
MASTER_VARIABLE = "DELTAWIRE_MASTER_KEY"
MASTER_BYTES = 32
NONCE_BYTES = 12


class _StoredKey(msgspec.Struct, frozen=True):
    """A key as stored on disk: the secret sealed, all other members authenticated by the seal."""

    key: Key
    sealed: str


class KeyStore:
    """The keys under a folder. The master key is `DELTAWIRE_MASTER_KEY`, or a file beside them."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.path = self.folder / KEYS

    def read(self) -> list[Key]:
        """All keys; empty if there is no file yet. Raises `UsageError` if a record was altered."""
        try:
            records = decode_own(self.path, list[_StoredKey])
        except FileNotFoundError:
            return []
        if not records:
            return []
        cipher = AESGCM(self._master())
        return [self._open(cipher, record) for record in records]

    def add(self, key: Key) -> None:
        """Add a key; its id, and its name if it has one, must be new."""

        def with_one_more(keys: list[Key]) -> list[Key]:
            if key.name and any(key.name in (other.name, other.client_id) for other in keys):
                raise UsageError(f"a key named {key.name!r} already exists")
            if any(key.client_id in (other.client_id, other.name) for other in keys):
                raise UsageError(f"key {key.client_id} already exists")
            return [*keys, key]

        self._change(with_one_more)

    def revoke(self, name: str) -> Key:
        """Remove a key by its id or name; running servers react within a second."""
        revoked: list[Key] = []

        def without(keys: list[Key]) -> list[Key]:
            revoked.extend(key for key in keys if name in (key.client_id, key.name))
            if not revoked:
                raise UsageError(f"no key {name!r}: see deltawire keys list")
            return [key for key in keys if key not in revoked]

        self._change(without)
        return revoked[0]

    def stamp(self) -> tuple[int, int, int]:
        """A value that changes whenever the file does."""
        return file_stamp(self.path)

    def _change(self, change: Callable[[list[Key]], list[Key]]) -> None:
        make_home(self.folder)
        with locked(self.folder / LOCK):
            keys = change(self.read())
            cipher = AESGCM(self._master(make=True))
            records = [self._seal(cipher, key) for key in keys]
            write_whole(self.path, msgspec.json.format(msgspec.json.encode(records), indent=1))

    def _master(self, *, make: bool = False) -> bytes:
        if stated := os.environ.get(MASTER_VARIABLE):
            return _to_master(stated.encode(), MASTER_VARIABLE)
        path = self.folder / MASTER
        try:
            return _to_master(read_own(path), str(path))
        except FileNotFoundError:
            if not make or self.path.exists():
                raise UsageError(
                    f"{self.path} needs its master key: {path} does not exist, and {MASTER_VARIABLE} is not set"
                ) from None
        master = secrets.token_bytes(MASTER_BYTES)
        write_whole(path, base64.b64encode(master) + b"\n")
        return master

    def _seal(self, cipher: AESGCM, key: Key) -> _StoredKey:
        bare = msgspec.structs.replace(key, secret="")
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + cipher.encrypt(nonce, key.secret.encode(), msgspec.json.encode(bare))
        return _StoredKey(bare, base64.b64encode(sealed).decode())

    def _open(self, cipher: AESGCM, record: _StoredKey) -> Key:
        try:
            sealed = base64.b64decode(record.sealed, validate=True)
            bound = msgspec.json.encode(record.key)
            secret = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise UsageError(
                f"{self.path}: the record of {record.key.client_id[:80]!r} was altered, or the master key is wrong"
            ) from None
        return msgspec.structs.replace(record.key, secret=secret)


def _to_master(text: bytes, place: str) -> bytes:
    try:
        master = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        master = b""
    if len(master) != MASTER_BYTES:
        raise UsageError(f"{place} is not a master key: it must be {MASTER_BYTES} bytes in base64")
    return master
