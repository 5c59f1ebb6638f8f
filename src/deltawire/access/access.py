"""The one place that says who somebody is: four kinds of login, three kinds of header, and tokens."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from deltawire.access.backoff import Backoff, Patience
from deltawire.access.keys import Key, KeyRing
from deltawire.access.places import Places
from deltawire.access.replays import Replays, is_timely
from deltawire.access.scopes import Scope, parse_scope
from deltawire.access.signatures import knows_secret, login_text, request_text, verified
from deltawire.access.tokens import SECOND_NS, Grant, Identity, Tokens
from deltawire.errors import RequestError

INVALID_CREDENTIALS = 13004
UNAUTHORIZED = 13009
FORBIDDEN = 13021
TOO_MANY_REQUESTS = 10028
LONGEST_NONCE = 128
_PAIR = re.compile(r"\s*(id|ts|sig|nonce)\s*=\s*([^,\s]*)\s*")


class HttpRequest(msgspec.Struct, frozen=True):
    """As much of an HTTP request as is signed: `uri` with its query, as it came."""

    method: str
    uri: str
    body: bytes


class Signature(NamedTuple):
    """A signed login."""

    client_id: str
    timestamp: int
    nonce: str
    data: str
    signature: str


class Access:
    """Keys, tokens, and what guessing costs. Every refusal of credentials is the same answer.

    `address` is where the peer really is: the socket's, or what a trusted proxy says.
    """

    def __init__(
        self,
        ring: KeyRing,
        make_token: Callable[[], str],
        patience: Patience | None = None,
        *,
        connections_per_key: int | None = None,
    ) -> None:
        self.offset_ns = 0
        """What to add to times given here for the wall clock's, by which signatures and keys are dated."""
        self.on_refused: Callable[[str, str], None] = lambda client_id, address: None
        """Told the client id (or name) and address of every login that is refused."""
        self.ring = ring
        self.make_token = make_token
        """A new token of at least 256 random bits, in letters, digits, `-` and `_`."""
        self.connections = Places(lambda client_id: connections_per_key)
        self.tokens = Tokens(make_token)
        self._replays = Replays()
        self._backoff = Backoff(patience or Patience())

    def replace(self, keys: Iterable[Key]) -> None:
        """From now on these keys count; the tokens of any that is gone or altered die with it."""
        before = {key.client_id: key for key in self.ring}
        self.ring.replace(keys)
        after = {key.client_id: key for key in self.ring}
        for client_id, key in before.items():
            if after.get(client_id) != key:
                self.tokens.revoke(client_id)

    # Logins.

    def by_secret(
        self, client_id: str, secret: str, scope: str, address: str, now: int, **over: bool
    ) -> Grant:
        """`client_credentials`."""
        self._may_try(address, now)
        key = self._find(client_id, now)
        return self._grant(client_id, key, knows_secret(key, secret), scope, address, now, **over)

    def by_password(self, name: str, secret: str, scope: str, address: str, now: int, **over: bool) -> Grant:
        """`password`: the name of a key and its secret."""
        self._may_try(address, now)
        key = self.ring.named(name, now + self.offset_ns)
        return self._grant(name, key, knows_secret(key, secret), scope, address, now, **over)

    def by_signature(self, signed: Signature, scope: str, address: str, now: int, **over: bool) -> Grant:
        """`client_signature`, HMAC-SHA256 or Ed25519; a nonce counts once."""
        self._may_try(address, now)
        key = self._find(signed.client_id, now)
        text = login_text(signed.timestamp, signed.nonce, signed.data)
        good = verified(key, text, signed.signature) and is_timely(signed.timestamp, now + self.offset_ns)
        good = good and len(signed.nonce) <= LONGEST_NONCE
        good = good and self._replays.is_new(signed.client_id, signed.nonce, now)
        return self._grant(signed.client_id, key, good, scope, address, now, **over)

    def by_refresh_token(
        self, token: str, address: str, now: int, *, over_http: bool, session: str = ""
    ) -> Grant:
        """`refresh_token`: the same rights again, in new tokens; with a session's name, in that session."""
        before = self.tokens.spend(token, now)
        key = self._find(before.client_id, now) if before else None
        if before is None or key is None:
            raise RequestError(INVALID_CREDENTIALS, "invalid_credentials")
        self._check_address(key, before.address, address)
        scope = Scope(before.rights, session or before.session, 0, before.address)
        return self.tokens.issue(key, scope, now, over_http=over_http)

    # Requests.

    def by_token(self, token: str, address: str, now: int) -> Identity:
        """Whose access token this is. A wrong one costs no waiting: nobody guesses 256 bits, but old ones are used."""
        identity = self.tokens.find(token, now)
        if identity is None:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="no such token, or it has expired")
        self.check(identity, address, now)
        return identity

    def speaks_for(self, params: Mapping[str, Any], now: int) -> Identity | None:
        """Whose access token stands among a request's parameters, if one does that counts; checks no rights."""
        token = params.get("access_token")
        return self.tokens.find(token, now) if isinstance(token, str) and token else None

    def by_header(self, header: str, request: HttpRequest, address: str, now: int) -> Identity:
        """Who an `Authorization` header says it is."""
        kind, _, rest = header.strip().partition(" ")
        if kind.lower() == "bearer":
            return self.by_token(rest.strip(), address, now)
        self._may_try(address, now)
        if kind.lower() == "basic":
            who, key, good = self._by_basic(rest, now)
        elif kind.lower() == "deri-hmac-sha256":
            who, key, good = self._by_signed_request(rest, request, now)
        else:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="Bearer, Basic or deri-hmac-sha256")
        if key is None or not good:
            raise self._refused(who, address, now)
        self._check_address(key, "", address)
        self._backoff.succeeded(address)
        return Identity(key.client_id, key.account, key.rights, key.channels)

    def check(self, identity: Identity, address: str, now: int) -> None:
        """That somebody is still who they were: the key counts, the token lives, the address is right."""
        key = self._find(identity.client_id, now)
        if key is None or (identity.expires_ns and now >= identity.expires_ns):
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="no longer valid: sign in again")
        self._check_address(key, identity.address, address)

    def derived(self, identity: Identity, text: bytes, now: int) -> bytes:
        """HMAC-SHA256 of a text under the secret that somebody shares with us; the secret itself stays here."""
        key = self._find(identity.client_id, now)
        if key is None or key.kind != "hmac":
            raise RequestError(
                FORBIDDEN, "forbidden", reason="an Ed25519 key shares no secret with the server", param="key"
            )
        return hmac.digest(key.secret.encode(), text, sha256)

    # How.

    def _find(self, client_id: str, now: int) -> Key | None:
        return self.ring.find(client_id, now + self.offset_ns)

    def _by_basic(self, encoded: str, now: int) -> tuple[str, Key | None, bool]:
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            client_id, secret = "", ""
        key = self._find(client_id, now)
        return client_id, key, knows_secret(key, secret)

    def _by_signed_request(self, pairs: str, request: HttpRequest, now: int) -> tuple[str, Key | None, bool]:
        """The header's parts come in any order. A signature counts once: clients whose nonce is the
        millisecond may well send two different requests within it."""
        parts = {found[1]: found[2] for part in pairs.split(",") if (found := _PAIR.fullmatch(part))}
        timestamp, nonce = parts.get("ts", ""), parts.get("nonce", "")
        who = parts.get("id", "")
        key = self._find(who, now)
        text = request_text(timestamp, nonce, request.method, request.uri, request.body)
        good = verified(key, text, parts.get("sig", ""))
        good = good and timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16
        good = good and is_timely(int(timestamp), now + self.offset_ns) and len(nonce) <= LONGEST_NONCE
        good = good and self._replays.is_new(who, f"{nonce} {parts['sig'].lower()}", now)
        return who, key, good

    def _grant(
        self, who: str, key: Key | None, good: bool, asked: str, address: str, now: int, *, over_http: bool
    ) -> Grant:
        if key is None or not good:
            raise self._refused(who, address, now)
        scope = parse_scope(asked)
        self._check_address(key, scope.address, address)
        self._backoff.succeeded(address)
        return self.tokens.issue(key, scope, now, over_http=over_http)

    def _check_address(self, key: Key, only: str, address: str) -> None:
        if not key.may_come_from(address) or (only and only != address):
            raise RequestError(FORBIDDEN, "forbidden", reason="not from this address", param="ip")

    def _may_try(self, address: str, now: int) -> None:
        wait_ns = self._backoff.wait_ns(address, now)
        if wait_ns:
            seconds = -(-wait_ns // SECOND_NS)
            raise RequestError(
                TOO_MANY_REQUESTS, "too_many_requests", reason=f"failed logins: wait {seconds} s", retry=True
            )

    def _refused(self, who: str, address: str, now: int) -> RequestError:
        self._backoff.failed(address, now)
        self.on_refused(who, address)
        return RequestError(INVALID_CREDENTIALS, "invalid_credentials")
