"""API keys, and the ring of the valid ones."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from itertools import count
from typing import Literal
from zlib import crc32

import msgspec


class Key(msgspec.Struct, frozen=True):
    """One API key of an account. `secret` is the HMAC secret, or the public half of an Ed25519 pair (base64).

    Without addresses it may be used from any address, without channel patterns for every channel.
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
    """The valid keys; a key is revoked with `replace`.

    Each key has a generation: a number that no earlier key had, and that changes with every alteration.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._numbers = count(1)
        self._keys: dict[str, Key] = {}
        self._generations: dict[str, int] = {}
        self.replace(keys)

    def replace(self, keys: Iterable[Key]) -> list[str]:
        """Replace the keys; returns the ids of those that are missing or altered."""
        before, self._keys = self._keys, {key.client_id: key for key in keys}
        self._names = {key.name: key for key in self._keys.values() if key.name}
        changed = [client_id for client_id, key in before.items() if self._keys.get(client_id) != key]
        for client_id in changed:
            del self._generations[client_id]
        for client_id in self._keys.keys() - self._generations.keys():
            self._generations[client_id] = next(self._numbers)
        return changed

    def generation(self, client_id: str) -> int:
        """The generation of a key, 0 if it does not exist."""
        return self._generations.get(client_id, 0)

    def knows(self, who: str) -> bool:
        """Whether this is the id or name of a key, even of an expired one."""
        return who in self._keys or who in self._names

    def find(self, client_id: str, now: int) -> Key | None:
        """A key that has not expired, by its id."""
        key = self._keys.get(client_id)
        return key if key is not None and key.lives(now) else None

    def named(self, name: str, now: int) -> Key | None:
        """A key that has not expired, by its name or its id."""
        key = self._names.get(name)
        return key if key is not None and key.lives(now) else self.find(name, now)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())


def number_of(key: Key) -> int:
    """A constant number for a key: the CRC32 of its id."""
    return crc32(key.client_id.encode())


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is in one of these networks; an invalid address is in none."""
    try:
        peer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in ip_network(network, strict=False) for network in networks)
