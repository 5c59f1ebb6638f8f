"""Grants and their tokens: kept as hashes, bounded per key, and what lives by each of them."""

import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import count

import msgspec

from deltawire.access.keys import Key
from deltawire.access.scopes import Scope, allows, lesser

SECOND_NS = 1_000_000_000
SESSION_S = 900
"""How long a session's access token lives; its refresh token lives `REFRESH_S`."""
CONNECTION_S = 31_536_000
"""A connection's token lives as long as the connection; this is what Deribit says of it."""
REFRESH_S = 7 * 86_400
SESSIONS_PER_KEY = 16


class Identity(msgspec.Struct, frozen=True):
    """Who speaks: a key's account, and what of the key's rights this login has."""

    client_id: str
    account: str
    rights: tuple[str, ...]
    channels: tuple[str, ...] = ()
    session: str = ""
    """The session's name, empty for a connection."""
    address: str = ""
    """The only address it may be used from, where the login asked for one."""
    expires_ns: int = 0
    """0: with the connection."""
    grant: int = 0
    """The grant that it lives by; 0 where a header of its key stands for one."""
    generation: int = 0
    """The generation of its key, see `KeyRing`."""

    def may(self, right: str) -> bool:
        """Whether it has a right such as `trade:read_write`."""
        return allows(self.rights, right)

    def may_subscribe(self, channel: str) -> bool:
        """Whether its key is for this channel."""
        return not self.channels or any(_covers(pattern, channel) for pattern in self.channels)


class Grant(msgspec.Struct, frozen=True):
    """What a login gives."""

    identity: Identity
    access_token: str
    refresh_token: str
    expires_s: int

    def __repr__(self) -> str:
        return f"Grant({self.identity!r})"


class HeldGrant(msgspec.Struct, frozen=True):
    """A grant that lives, as the server keeps it."""

    identity: Identity
    lasting: bool
    """Whether it is a session's; else it dies with its connection."""
    ends_ns: int
    """When it and all that is derived from it ends, because the login asked for that; 0: never."""
    refresh_until_ns: int
    access: bytes
    refresh: bytes


class Tokens:
    """All grants that live. `make` gives a new random token of at least 256 bits.

    A grant may have holders: whatever lives by it. When it ends before its time they are handed out once, by
    `take_ended`, to be looked at again.
    """

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._numbers = count(1)
        self._grants: dict[int, HeldGrant] = {}
        self._by_access: dict[bytes, HeldGrant] = {}
        self._by_refresh: dict[bytes, HeldGrant] = {}
        self._of_key: dict[str, dict[int, HeldGrant]] = {}
        self._holders: dict[int, dict[object, None]] = {}
        self._ended: dict[int, None] = {}

    def issue(self, key: Key, generation: int, scope: Scope, now: int, *, lasting: bool) -> Grant:
        """A grant of a key: what of its rights the scope asks for, in a session where it is lasting."""
        ends_ns = now + scope.expires_s * SECOND_NS if scope.expires_s else 0
        identity = Identity(
            key.client_id,
            key.account,
            lesser(key.rights, scope.rights),
            key.channels,
            scope.session,
            scope.address,
            generation=generation,
        )
        return self._hold(identity, ends_ns, now, lasting=lasting)

    def derive(self, parent: HeldGrant, scope: Scope, now: int, *, lasting: bool) -> Grant:
        """A grant of another grant: it has at most the rights, the address, the channels and the end of that one."""
        before = parent.identity
        ends = [now + scope.expires_s * SECOND_NS if scope.expires_s else 0, parent.ends_ns]
        identity = msgspec.structs.replace(
            before,
            rights=lesser(before.rights, scope.rights),
            session=scope.session,
            address=before.address or scope.address,
        )
        return self._hold(identity, min(filter(None, ends), default=0), now, lasting=lasting)

    def find(self, access_token: str, now: int) -> Identity | None:
        """Whose token this is, while it lives."""
        held = self._by_access.get(_hash(access_token))
        return None if held is None or _is_over(held.identity, now) else held.identity

    def lives(self, identity: Identity, now: int) -> bool:
        """Whether the grant that somebody lives by is there still."""
        return not _is_over(identity, now) and (not identity.grant or identity.grant in self._grants)

    def by_refresh(self, refresh_token: str, now: int) -> HeldGrant | None:
        """Whose refresh token this is, while it can be used."""
        held = self._by_refresh.get(_hash(refresh_token))
        return None if held is None or now >= held.refresh_until_ns else held

    def end(self, grant: int) -> None:
        """A grant was spent, or its connection is over, or someone logs out."""
        held = self._grants.get(grant)
        if held is not None:
            self._drop(held)

    def revoke(self, client_id: str) -> None:
        """A key does not count any more."""
        for held in list(self._of_key.get(client_id, {}).values()):
            self._drop(held)

    def __len__(self) -> int:
        return len(self._grants)

    # What lives by a grant.

    def hold(self, grant: int, holder: object) -> None:
        """Something lives by a grant from now on."""
        self._holders.setdefault(grant, {})[holder] = None

    def release(self, grant: int, holder: object) -> None:
        """It does no more."""
        holders = self._holders.get(grant, {})
        holders.pop(holder, None)
        if not holders:
            self._holders.pop(grant, None)

    def take_ended(self) -> set[object]:
        """Whatever still lives by grants that have ended since the last call."""
        if not self._ended:
            return set()
        ended, self._ended = self._ended, {}
        return {holder for grant in ended for holder in self._holders.get(grant, ())}

    # How.

    def _hold(self, identity: Identity, ends_ns: int, now: int, *, lasting: bool) -> Grant:
        """Keep a grant; a key's sessions are bounded, the oldest goes. Connections are bounded elsewhere."""
        longest_s = SESSION_S if lasting else CONNECTION_S
        expires_ns = min(filter(None, (now + longest_s * SECOND_NS, ends_ns)))
        identity = msgspec.structs.replace(
            identity, grant=next(self._numbers), expires_ns=expires_ns if lasting or ends_ns else 0
        )
        grant = Grant(identity, self._make(), self._make(), -(-(expires_ns - now) // SECOND_NS))
        refresh_until_ns = min(filter(None, (now + REFRESH_S * SECOND_NS, ends_ns)))
        access, refresh = _hash(grant.access_token), _hash(grant.refresh_token)
        held = HeldGrant(identity, lasting, ends_ns, refresh_until_ns, access, refresh)
        of_key = self._of_key.setdefault(identity.client_id, {})
        sessions = [each for each in of_key.values() if each.lasting]
        self._grants[identity.grant] = of_key[identity.grant] = held
        self._by_access[access] = self._by_refresh[refresh] = held
        if lasting and len(sessions) >= SESSIONS_PER_KEY:
            self._drop(sessions[0])
        return grant

    def _drop(self, held: HeldGrant) -> None:
        number, client_id = held.identity.grant, held.identity.client_id
        del self._grants[number], self._by_access[held.access], self._by_refresh[held.refresh]
        of_key = self._of_key[client_id]
        del of_key[number]
        if not of_key:
            del self._of_key[client_id]
        if number in self._holders:
            self._ended[number] = None


def _is_over(identity: Identity, now: int) -> bool:
    return bool(identity.expires_ns) and now >= identity.expires_ns


def _covers(pattern: str, channel: str) -> bool:
    """Whether a key's pattern covers a channel; of one that is itself a pattern, whether it covers all of it."""
    if "*" not in channel:
        return fnmatchcase(channel, pattern)
    head = pattern.removesuffix("*")
    return pattern == channel or (head != pattern and not set(head) & set("*?[") and channel.startswith(head))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
