"""Access and refresh tokens: kept as hashes, bounded per key, dead with the connection or session they belong to."""

import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase

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

    def may(self, right: str) -> bool:
        """Whether it has a right such as `trade:read_write`."""
        return allows(self.rights, right)

    def may_hear(self, channel: str) -> bool:
        """Whether its key is for this channel."""
        return not self.channels or any(fnmatchcase(channel, pattern) for pattern in self.channels)


class Grant(msgspec.Struct, frozen=True):
    """What a login gives."""

    identity: Identity
    access_token: str
    refresh_token: str
    expires_s: int

    def __repr__(self) -> str:
        return f"Grant({self.identity!r})"


class _Held(msgspec.Struct, frozen=True):
    identity: Identity
    lasting: bool
    refresh_until_ns: int
    access: bytes
    refresh: bytes


class Tokens:
    """All tokens out there. `make` gives a new random token of at least 256 bits."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._by_access: dict[bytes, _Held] = {}
        self._by_refresh: dict[bytes, _Held] = {}
        self._of_key: dict[str, dict[_Held, None]] = {}

    def issue(self, key: Key, scope: Scope, now: int, *, over_http: bool) -> Grant:
        """A pair of tokens; over HTTP there is no connection to die with, so it is a session without a name."""
        lasting = over_http or bool(scope.session)
        longest = SESSION_S if lasting else CONNECTION_S
        expires_s = min(longest, scope.expires_s or longest)
        identity = Identity(
            key.client_id,
            key.account,
            lesser(key.rights, scope.rights),
            key.channels,
            scope.session,
            scope.address,
            now + expires_s * SECOND_NS if lasting or scope.expires_s else 0,
        )
        grant = Grant(identity, self._make(), self._make(), expires_s)
        self._hold(grant, now, lasting=lasting)
        return grant

    def find(self, access_token: str, now: int) -> Identity | None:
        """Whose token this is, while it lives."""
        held = self._by_access.get(_hash(access_token))
        if held is None or (held.identity.expires_ns and now >= held.identity.expires_ns):
            return None
        return held.identity

    def spend(self, refresh_token: str, now: int) -> Identity | None:
        """Whose refresh token this is; it and its access token die by it."""
        held = self._by_refresh.get(_hash(refresh_token))
        if held is None:
            return None
        self._drop(held)
        return held.identity if now < held.refresh_until_ns else None

    def forget(self, access_token: str) -> None:
        """A connection is over, or someone logs out."""
        held = self._by_access.get(_hash(access_token))
        if held is not None:
            self._drop(held)

    def revoke(self, client_id: str) -> None:
        """A key does not count any more."""
        for held in list(self._of_key.get(client_id, ())):
            self._drop(held)

    def __len__(self) -> int:
        return len(self._by_access)

    def _hold(self, grant: Grant, now: int, *, lasting: bool) -> None:
        """Keep a pair; a key's sessions are bounded, the oldest goes. Connections are bounded elsewhere."""
        identity = grant.identity
        until_ns = now + REFRESH_S * SECOND_NS
        held = _Held(identity, lasting, until_ns, _hash(grant.access_token), _hash(grant.refresh_token))
        sessions = [each for each in self._of_key.get(identity.client_id, ()) if each.lasting]
        if lasting and len(sessions) >= SESSIONS_PER_KEY:
            self._drop(sessions[0])
        self._by_access[held.access] = self._by_refresh[held.refresh] = held
        self._of_key.setdefault(identity.client_id, {})[held] = None

    def _drop(self, held: _Held) -> None:
        self._by_access.pop(held.access, None)
        self._by_refresh.pop(held.refresh, None)
        of_key = self._of_key.get(held.identity.client_id, {})
        of_key.pop(held, None)
        if not of_key:
            self._of_key.pop(held.identity.client_id, None)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
