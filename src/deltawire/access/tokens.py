"""Grants and their tokens: stored as hashes, bounded per key, with the objects that depend on each grant."""

import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import count

import msgspec

from deltawire.access.keys import Key
from deltawire.access.scopes import Scope, allows, lesser

SECOND_NS = 1_000_000_000
SESSION_S = 900
"""Lifetime of a session's access token; that of its refresh token is `REFRESH_S`."""
CONNECTION_S = 31_536_000
"""A connection's token lives as long as the connection; this is the value that Deribit reports."""
REFRESH_S = 7 * 86_400
SESSIONS_PER_KEY = 16


class Identity(msgspec.Struct, frozen=True):
    """An authenticated client: the account of a key, and the key's rights that this login has."""

    client_id: str
    account: str
    rights: tuple[str, ...]
    channels: tuple[str, ...] = ()
    session: str = ""
    """The name of the session, empty for a connection."""
    address: str = ""
    """The only address from which it may be used, if the login asked for one."""
    expires_ns: int = 0
    """0: at the end of the connection."""
    grant: int = 0
    """The grant that it depends on; 0 if it was authenticated by a header with its key."""
    generation: int = 0
    """The generation of its key, see `KeyRing`."""

    def may(self, right: str) -> bool:
        """Whether it has a right such as `trade:read_write`."""
        return allows(self.rights, right)

    def may_subscribe(self, channel: str) -> bool:
        """Whether its key permits this channel."""
        return not self.channels or any(_covers(pattern, channel) for pattern in self.channels)


class Grant(msgspec.Struct, frozen=True):
    """The result of a login."""

    identity: Identity
    access_token: str
    refresh_token: str
    expires_s: int

    def __repr__(self) -> str:
        return f"Grant({self.identity!r})"


class HeldGrant(msgspec.Struct, frozen=True):
    """A valid grant, as stored by the server."""

    identity: Identity
    lasting: bool
    """Whether it belongs to a session; otherwise it ends with its connection."""
    ends_ns: int
    """When it and everything derived from it ends, if the login asked for that; 0: never."""
    refresh_until_ns: int
    access: bytes
    refresh: bytes


class Tokens:
    """All valid grants. `make` returns a new random token of at least 256 bits.

    A grant may have holders: the objects that depend on it. When it ends early they are returned once, by
    `take_ended`, to be checked again.
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
        """Create a grant of a key with the rights that the scope asks for, for a session if it is lasting."""
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
        """Derive a grant from another one; it has at most the rights, address, channels and end of that one."""
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
        """The identity of this access token, while it is valid."""
        held = self._by_access.get(_hash(access_token))
        return None if held is None or _is_over(held.identity, now) else held.identity

    def lives(self, identity: Identity, now: int) -> bool:
        """Whether the grant of an identity is still valid."""
        return not _is_over(identity, now) and (not identity.grant or identity.grant in self._grants)

    def by_refresh(self, refresh_token: str, now: int) -> HeldGrant | None:
        """The grant of this refresh token, while it can be used."""
        held = self._by_refresh.get(_hash(refresh_token))
        return None if held is None or now >= held.refresh_until_ns else held

    def end(self, grant: int) -> None:
        """End a grant: it was used up, its connection has ended, or the client has logged out."""
        held = self._grants.get(grant)
        if held is not None:
            self._drop(held)

    def revoke(self, client_id: str) -> None:
        """End all grants of a key."""
        for held in list(self._of_key.get(client_id, {}).values()):
            self._drop(held)

    def end_account(self, account: str) -> None:
        """End all grants for an account."""
        for held in [held for held in self._grants.values() if held.identity.account == account]:
            self._drop(held)

    def __len__(self) -> int:
        return len(self._grants)

    # Objects that depend on grants.

    def hold(self, grant: int, holder: object) -> None:
        """Let an object depend on a grant from now on."""
        self._holders.setdefault(grant, {})[holder] = None

    def release(self, grant: int, holder: object) -> None:
        """Let an object no longer depend on a grant."""
        holders = self._holders.get(grant, {})
        holders.pop(holder, None)
        if not holders:
            self._holders.pop(grant, None)

    def take_ended(self) -> set[object]:
        """The objects that depend on grants that have ended since the last call."""
        if not self._ended:
            return set()
        ended, self._ended = self._ended, {}
        return {holder for grant in ended for holder in self._holders.get(grant, ())}

    # Internal functions.

    def _hold(self, identity: Identity, ends_ns: int, now: int, *, lasting: bool) -> Grant:
        """Store a grant; a key's sessions are bounded, the oldest one ends. Connections are bounded elsewhere."""
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
    """Whether a key's pattern covers a channel; if that is a pattern, whether it is covered completely."""
    if "*" not in channel:
        return fnmatchcase(channel, pattern)
    head = pattern.removesuffix("*")
    return pattern == channel or (head != pattern and not set(head) & set("*?[") and channel.startswith(head))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
