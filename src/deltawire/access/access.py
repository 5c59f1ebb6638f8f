"""Authentication in one place: four grant types, three kinds of header, and tokens."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from deltawire.access.backoff import Backoff, BackoffPolicy
from deltawire.access.connections import ConnectionLimiter
from deltawire.access.keys import Key, KeyRing, is_within
from deltawire.access.scopes import INVALID_PARAMS, Scope, parse_scope
from deltawire.access.signatures import (
    NonceCache,
    is_timely,
    knows_secret,
    login_text,
    request_text,
    verified,
)
from deltawire.access.tokens import SECOND_NS, Grant, HeldGrant, Identity, Tokens
from deltawire.errors import RequestError

INVALID_CREDENTIALS = 13004
UNAUTHORIZED = 13009
FORBIDDEN = 13021
TOO_MANY_REQUESTS = 10028
LONGEST_NONCE = 128
_PAIR = re.compile(r"\s*(id|ts|sig|nonce)\s*=\s*([^,\s]*)\s*")


class HttpRequest(msgspec.Struct, frozen=True):
    """The parts of an HTTP request that are signed: `uri` with its query, as received."""

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
    """Keys, tokens, and delays after failed logins. Every refusal of credentials gives the same answer.

    `address` is the real address of the peer, that of its socket.
    """

    def __init__(
        self,
        ring: KeyRing,
        make_token: Callable[[], str],
        backoff: BackoffPolicy | None = None,
        *,
        connections_per_key: int | None = None,
        refused: Callable[[str, str], None] = lambda client_id, address: None,
    ) -> None:
        """`refused` is called for every refused login with the client's name, see `safe_name`, and its address."""
        self.offset_ns = 0
        """The difference of the wall clock, which dates signatures and keys, to the times passed here."""
        self.ring = ring
        self.make_token = make_token
        """A new token of at least 256 random bits, in letters, digits, `-` and `_`."""
        self.connections = ConnectionLimiter(lambda client_id: connections_per_key)
        self.tokens = Tokens(make_token)
        self._on_refused = refused
        self._salt = make_token().encode()
        self._replays = NonceCache()
        self._backoff = Backoff(backoff or BackoffPolicy())

    def set_offset(self, offset_ns: int) -> None:
        """Set the difference of the wall clock to the times passed here."""
        self.offset_ns = offset_ns

    def replace(self, keys: Iterable[Key]) -> None:
        """Replace the valid keys; the grants of those that are missing or altered end."""
        for client_id in self.ring.replace(keys):
            self.tokens.revoke(client_id)

    # Logins.

    def by_secret(
        self, client_id: str, secret: str, scope: str, address: str, now: int, **over: bool
    ) -> Grant:
        """Log in with grant type `client_credentials`."""
        self._may_try(address, now)
        key = self._find(client_id, now)
        return self._grant(client_id, key, knows_secret(key, secret), scope, address, now, **over)

    def by_password(self, name: str, secret: str, scope: str, address: str, now: int, **over: bool) -> Grant:
        """Log in with grant type `password`: the name of a key and its secret."""
        self._may_try(address, now)
        key = self.ring.named(name, now + self.offset_ns)
        return self._grant(name, key, knows_secret(key, secret), scope, address, now, **over)

    def by_signature(self, signed: Signature, scope: str, address: str, now: int, **over: bool) -> Grant:
        """Log in with grant type `client_signature`, HMAC-SHA256 or Ed25519; a nonce can be used once."""
        self._may_try(address, now)
        key = self._find(signed.client_id, now)
        text = login_text(signed.timestamp, signed.nonce, signed.data)
        good = verified(key, text, signed.signature) and is_timely(signed.timestamp, now + self.offset_ns)
        good = good and len(signed.nonce) <= LONGEST_NONCE
        good = good and self._replays.is_new(signed.client_id, signed.nonce, now)
        return self._grant(signed.client_id, key, good, scope, address, now, **over)

    def by_refresh_token(
        self, token: str, asked: str, address: str, now: int, *, over_http: bool, own: int = 0
    ) -> Grant:
        """Log in with grant type `refresh_token`.

        The grant, or the part that the scope asks for, with new tokens; the old ones become invalid.

        `own` is the grant of the requesting connection: a grant that ends with its connection is refreshed on that
        connection only.
        """
        parent = self._parent(token, address, now)
        scope, before = parse_scope(asked), parent.identity
        if not parent.lasting and before.grant != own:
            raise _bound_to_connection()
        if scope.session not in ("", before.session):
            raise RequestError(
                INVALID_PARAMS,
                "Invalid params",
                reason="the token belongs to another session: see public/fork_token",
                param="scope",
            )
        if before.address and scope.address not in ("", before.address):
            raise RequestError(FORBIDDEN, "forbidden", reason="not permitted from this address", param="ip")
        self._check_address(None, scope.address, address)
        self.tokens.end(before.grant)
        lasting = parent.lasting and (over_http or bool(before.session))
        scope = msgspec.structs.replace(scope, session=before.session)
        return self.tokens.derive(parent, scope, now, lasting=lasting)

    def fork(self, token: str, session: str, address: str, now: int) -> Grant:
        """`fork_token`: give the rights of a refresh token to another session; the token stays valid.

        A grant that ends with its connection cannot be forked, because the fork would outlive it.
        """
        parent = self._parent(token, address, now)
        if not parent.lasting:
            raise _bound_to_connection()
        return self.tokens.derive(parent, Scope(session=session), now, lasting=True)

    def refreshed(self, token: str, address: str, now: int) -> Identity:
        """Whose refresh token this is, as long as it can be used from here."""
        return self._parent(token, address, now).identity

    def exchange(self, token: str, account: str, asked: str, address: str, now: int) -> Grant:
        """`exchange_token`: what the scope asks for of a session's rights, for another account; the token stays good.

        Who may act for which account is settled by who calls. Like a fork it is for sessions only.
        """
        parent = self._parent(token, address, now)
        if not parent.lasting:
            raise _bound_to_connection()
        scope = parse_scope(asked)
        self._check_address(None, scope.address, address)
        scope = msgspec.structs.replace(scope, session=scope.session or parent.identity.session)
        other = msgspec.structs.replace(
            parent, identity=msgspec.structs.replace(parent.identity, account=account)
        )
        return self.tokens.derive(other, scope, now, lasting=True)

    # Requests.

    def by_token(self, token: str, address: str, now: int) -> Identity:
        """The identity of an access token.

        A wrong one causes no delay: 256 bits cannot be guessed, but old ones are used.
        """
        identity = self.tokens.find(token, now)
        if identity is None:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="the token does not exist or has expired")
        self.check(identity, address, now)
        return identity

    def speaks_for(self, params: Mapping[str, Any], now: int) -> Identity | None:
        """The identity of a valid access token among a request's parameters, if any; checks no rights."""
        token = params.get("access_token")
        return self.tokens.find(token, now) if isinstance(token, str) and token else None

    def by_headers(
        self, headers: Sequence[str], request: HttpRequest, address: str, now: int
    ) -> Identity | None:
        """The identity of a request's `Authorization` header; two headers are refused.

        None without a header, or with an empty Bearer, which generated clients send with every request.
        """
        if len(headers) > 1:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="more than one Authorization header")
        if not headers or headers[0].strip().lower() == "bearer":
            return None
        return self.by_header(headers[0], request, address, now)

    def by_header(self, header: str, request: HttpRequest, address: str, now: int) -> Identity:
        """The identity of an `Authorization` header."""
        kind, _, rest = header.strip().partition(" ")
        if not header.isascii():
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="an Authorization header must be ASCII")
        if kind.lower() == "bearer":
            return self.by_token(rest.strip(), address, now)
        self._may_try(address, now)
        if kind.lower() == "basic":
            who, key, good = self._by_basic(rest, now)
        elif kind.lower() == "deri-hmac-sha256":
            who, key, good = self._by_signed_request(rest, request, now)
        else:
            raise RequestError(
                UNAUTHORIZED, "unauthorized", reason="must be Bearer, Basic or deri-hmac-sha256"
            )
        if key is None or not good:
            raise self._refused(who, address, now)
        self._check_address(key, "", address)
        self._backoff.succeeded(address)
        generation = self.ring.generation(key.client_id)
        return Identity(key.client_id, key.account, key.rights, key.channels, generation=generation)

    def check(self, identity: Identity, address: str, now: int) -> None:
        """Check that an identity is still valid: its key, its grant, and its address."""
        key = self._find(identity.client_id, now)
        if key is None or not self._lives(identity, now):
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="no longer valid: authenticate again")
        self._check_address(key, identity.address, address)

    def withheld(self, identity: Identity, address: str, now: int) -> RequestError | None:
        """The error that replaces the answer if the identity is no longer valid; None if it is."""
        try:
            self.check(identity, address, now)
        except RequestError as error:
            reason = f"{error.reason}; the request may have acted"
            return RequestError(error.code, error.message, reason=reason, param=error.param)
        return None

    def derived(self, identity: Identity, text: bytes, now: int) -> bytes:
        """HMAC-SHA256 of a text under the key's secret; the secret itself is not returned."""
        key = self._find(identity.client_id, now)
        if key is None or key.kind != "hmac":
            raise RequestError(
                FORBIDDEN, "forbidden", reason="an Ed25519 key shares no secret with the server", param="key"
            )
        return hmac.digest(key.secret.encode(), text, sha256)

    def safe_name(self, who: str) -> str:
        """What may be logged about a refused login: the id or name of a known key, else a hash.

        The client may have sent a secret in the wrong field.
        """
        if self.ring.knows(who):
            return who
        return f"unknown-{hmac.digest(self._salt, who.encode(errors='replace'), sha256).hex()[:8]}"

    # Internal functions.

    def _lives(self, identity: Identity, now: int) -> bool:
        """Whether the key is unchanged, and the grant valid, unless a header was used."""
        if identity.generation != self.ring.generation(identity.client_id):
            return False
        return not identity.grant or self.tokens.lives(identity, now)

    def _parent(self, refresh_token: str, address: str, now: int) -> HeldGrant:
        """The grant of a refresh token, if it can be used from this address."""
        parent = self.tokens.by_refresh(refresh_token, now)
        key = self._find(parent.identity.client_id, now) if parent else None
        if parent is None or key is None:
            raise RequestError(INVALID_CREDENTIALS, "invalid_credentials")
        self._check_address(key, parent.identity.address, address)
        return parent

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
        """The parts of the header may be in any order.

        A signed text can be used once, however its signature is written. The nonce alone may be used again: clients
        whose nonce is the millisecond may send two different requests in it.
        """
        parts = {match[1]: match[2] for part in pairs.split(",") if (match := _PAIR.fullmatch(part))}
        timestamp, nonce = parts.get("ts", ""), parts.get("nonce", "")
        who = parts.get("id", "")
        key = self._find(who, now)
        text = request_text(timestamp, nonce, request.method, request.uri, request.body)
        good = verified(key, text, parts.get("sig", ""))
        good = good and timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16
        good = good and is_timely(int(timestamp), now + self.offset_ns) and len(nonce) <= LONGEST_NONCE
        good = good and self._replays.is_new(who, sha256(text).digest(), now)
        return who, key, good

    def _grant(
        self, who: str, key: Key | None, good: bool, asked: str, address: str, now: int, *, over_http: bool
    ) -> Grant:
        if key is None or not good:
            raise self._refused(who, address, now)
        scope = parse_scope(asked)
        self._check_address(key, scope.address, address)
        self._backoff.succeeded(address)
        generation = self.ring.generation(key.client_id)
        return self.tokens.issue(key, generation, scope, now, lasting=over_http or bool(scope.session))

    def _check_address(self, key: Key | None, only: str, address: str) -> None:
        if (key and not key.may_come_from(address)) or (only and not is_within(address, (only,))):
            raise RequestError(FORBIDDEN, "forbidden", reason="not permitted from this address", param="ip")

    def _may_try(self, address: str, now: int) -> None:
        wait_ns = self._backoff.wait_ns(address, now)
        if wait_ns:
            seconds = -(-wait_ns // SECOND_NS)
            raise RequestError(
                TOO_MANY_REQUESTS, "too_many_requests", reason=f"failed logins: wait {seconds} s", retry=True
            )

    def _refused(self, who: str, address: str, now: int) -> RequestError:
        self._backoff.failed(address, now)
        self._on_refused(self.safe_name(who), address)
        return RequestError(INVALID_CREDENTIALS, "invalid_credentials")


def _bound_to_connection() -> RequestError:
    reason = "this token stays with its connection: sign in with scope session:NAME"
    return RequestError(UNAUTHORIZED, "unauthorized", reason=reason, param="refresh_token")
