"""API keys, and the ring of those that count now."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from itertools import count
from typing import Literal
from zlib import crc32

import msgspec


class Key(msgspec.Struct, frozen=True):
    """One API key of an account. `secret` is what HMAC needs, or of an Ed25519 pair the public half (base64).

    Without addresses it may be used from anywhere, without channel patterns for every channel.
    """

    client_id: str
    kind: Literal["hmac", "ed25519"]
    secret: str
    account: str
    rights: tuple[str, ...]
    name: str = ""
    created_ms: int = 0
    expires_ms: int = 0
    """0: never."""
    addresses: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Key({self.client_id!r}, {self.kind}, account={self.account!r})"

    def lives(self, now: int) -> bool:
        """Whether it has not expired; `now` in nanoseconds."""
        return not self.expires_ms or now < self.expires_ms * 1_000_000

    def may_come_from(self, address: str) -> bool:
        """Whether it may be used from an address."""
        return is_within(address, self.addresses) if self.addresses else True


class KeyRing:
    """The keys that count now; `replace` is how one is revoked.

    Each key has a generation: a number that no key had before it, another after every alteration.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._numbers = count(1)
        self._keys: dict[str, Key] = {}
        self._generations: dict[str, int] = {}
        self.replace(keys)

    def replace(self, keys: Iterable[Key]) -> list[str]:
        """From now on these; the ids of those that are gone or altered."""
        before, self._keys = self._keys, {key.client_id: key for key in keys}
        self._names = {key.name: key for key in self._keys.values() if key.name}
        changed = [client_id for client_id, key in before.items() if self._keys.get(client_id) != key]
        for client_id in changed:
            del self._generations[client_id]
        for client_id in self._keys.keys() - self._generations.keys():
            self._generations[client_id] = next(self._numbers)
        return changed

    def generation(self, client_id: str) -> int:
        """The generation of a key, 0 where there is none."""
        return self._generations.get(client_id, 0)

    def knows(self, who: str) -> bool:
        """Whether this is a key's id or name, even of one that has expired."""
        return who in self._keys or who in self._names

    def find(self, client_id: str, now: int) -> Key | None:
        """A key that has not expired."""
        key = self._keys.get(client_id)
        return key if key is not None and key.lives(now) else None

    def named(self, name: str, now: int) -> Key | None:
        """The same by the name its owner gave it, or by its id."""
        key = self._names.get(name)
        return key if key is not None and key.lives(now) else self.find(name, now)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())


def number_of(key: Key) -> int:
    """A number for a key, the same always: its id's CRC32."""
    return crc32(key.client_id.encode())


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is in one of these networks; one that cannot be read is in none."""
    try:
        peer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in ip_network(network, strict=False) for network in networks)
