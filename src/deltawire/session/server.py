"""The server's side of one WebSocket connection."""

from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any

import msgspec

from deltawire.access.access import TOO_MANY_REQUESTS, Access
from deltawire.access.rate_limits import TokenBucket, TokenBuckets
from deltawire.access.tokens import Grant, Identity
from deltawire.errors import LimitError, RequestError
from deltawire.exchange.orders.orders import AccountId
from deltawire.market.market import Market
from deltawire.ports import Replaying
from deltawire.session.conversation import leave
from deltawire.session.effects import Close, Durable, Effect, Heartbeat, Join, Leave, SendMessage
from deltawire.session.methods import NO_ANSWER, Context, rests_on_journal, run
from deltawire.session.private.trading import Trading
from deltawire.session.table import METHODS
from deltawire.wire.rpc import BadRequest, Reply, Request, RequestId, format_unsubscribed, parse_request

SECOND_NS = 1_000_000_000
NO_PARAMS: Mapping[str, Any] = {}
UNSUPPORTED_DATA = 1003
POLICY_VIOLATION = 1008
MOST_CHANNELS = 10_000
REMEMBERED_GRANTS = 16
NO_GRANTS: Set[int] = frozenset()
NO_LENDERS: Mapping[int, Identity] = MappingProxyType({})
NO_ACCOUNTS: Mapping[AccountId, int] = MappingProxyType({})
TOKEN_ENDED = "the token that they were joined with has ended"


class ServerSession:
    """Takes frames, returns effects strictly in order; time is passed in nanoseconds.

    The answer precedes the images of joined channels, and follows the last notification of channels that were left.
    After a `Close`, further messages of the client are neither executed nor answered.

    Heartbeat: every interval a `heartbeat` is sent; if the client has sent nothing for an interval, a `test_request`
    is sent in addition, and if that is not answered within another interval, the connection closes.
    """

    takes_binary = False

    def __init__(
        self,
        market: Market,
        version: str,
        access: Access,
        *,
        address: str = "",
        identity: Identity | None = None,
        auth_by_ns: int = 0,
        trading: Trading | None = None,
        bucket: TokenBucket | None = None,
        buckets: TokenBuckets | None = None,
        most_channels: int = MOST_CHANNELS,
        replaying: Replaying | None = None,
        server_health: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`address` is the peer's, `identity` that of the handshake.

        Unless it is 0, the client must authenticate by `auth_by_ns`.

        Requests are charged to `bucket`, after authentication to the account's; without one they are free.
        """
        self.channels: dict[str, str] = {}
        self.pattern_sizes: dict[str, int] = {}
        self.authorized_by: dict[str, Identity] = {}
        self.most_channels = most_channels
        self._bucket = bucket
        self._buckets = buckets
        self.identity = identity
        self.logged_out = False
        self.attested = False
        self._own_grant = 0
        """The grant that ends with the connection."""
        self._lenders: Mapping[int, Identity] = NO_LENDERS
        """The identities of other tokens that channels depend on, by grant."""
        self._held: Set[int] = NO_GRANTS
        self._given_up: tuple[int, ...] = ()
        """The last ones."""
        self._over = False
        self._address = address
        self._access = access
        self._private_only = bool(auth_by_ns)
        self._auth_by_ns = 0 if identity else auth_by_ns
        self._market = market
        self._trading = trading
        self._replaying = replaying
        self._server_health = server_health
        self._acts_for: Mapping[AccountId, int] = NO_ACCOUNTS
        self._version = version
        self._interval_ns = 0
        self._due_ns = 0
        self._heard_ns = 0
        self._tested = False
        self._hold()

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """Handle a text frame."""
        return [] if self._over else self._closing_with(self._received(frame, now))

    def _received(self, frame: bytes, now: int) -> list[Effect]:
        self._heard_ns = now
        try:
            request = parse_request(frame)
        except BadRequest as bad:
            return [bad.reply] if self._can_pay("", now) else self._too_many_requests(bad.reply.id)
        if not self._can_pay(request.method, now, request.params):
            return self._too_many_requests(request.id)
        return self._answer(request, now)

    def received_binary(self, frame: bytes, now: int) -> list[Effect]:
        """Handle a binary frame, which closes the connection."""
        return self._closing_with([Close(UNSUPPORTED_DATA, "send JSON in text frames")])

    def deadline(self) -> int | None:
        """When to call `tick`."""
        ends = [identity.expires_ns for identity in (self.identity, *self._lenders.values()) if identity]
        return min(filter(None, (self._due_ns, self._auth_by_ns, *ends)), default=None)

    def tick(self, now: int) -> list[Effect]:
        """Time has passed."""
        if self._auth_by_ns and now >= self._auth_by_ns:
            return self._closing_with([Close(POLICY_VIOLATION, "nobody has signed in")])
        changes = self.rights_changed(now)
        return changes if self._over else self._closing_with([*changes, *self._heartbeat(now)])

    def rights_changed(self, now: int) -> list[Effect]:
        """Keys or tokens may have ended: close the connection, or leave the channels, that depended on them."""
        if self._over:
            return []
        if self.identity is not None and (why := self._revoked_because(self.identity, now)):
            return self._closing_with([Close(POLICY_VIOLATION, why)])
        ended = {grant for grant, identity in self._lenders.items() if self._revoked_because(identity, now)}
        lost = [name for name, identity in self.authorized_by.items() if identity.grant in ended]
        if not lost:
            return []
        left = leave(self, lost)
        self._hold()
        return [left, SendMessage(format_unsubscribed(lost, TOKEN_ENDED))]

    def withheld(self, identity: Identity, now: int) -> RequestError | None:
        """Why an identity may no longer get the answer to an earlier request; empty if it may.

        A grant that the connection itself has replaced since then, by a login or logout, is no reason.
        """
        if identity.grant in self._given_up:
            identity = msgspec.structs.replace(identity, grant=0)
        return self._access.withheld(identity, self._address, now)

    def closed(self) -> None:
        """The connection has ended; its own grant ends, too."""
        self._over = True
        self._disconnect_accounts()
        if self.identity is not None:
            self._access.connections.leave(self.identity.client_id)
        self.identity = None
        self.authorized_by.clear()
        self._hold()
        self._access.tokens.end(self._own_grant)

    def _revoked_because(self, identity: Identity, now: int) -> str:
        """Why an identity is no longer valid; empty while it is."""
        try:
            self._access.check(identity, self._address, now)
        except RequestError as error:
            return error.reason
        return ""

    def _hold(self) -> None:
        """Register for the end of all grants that the connection or its channels depend on."""
        before = {*self._lenders, *self._held}
        self._lenders = {identity.grant: identity for identity in self.authorized_by.values()} or NO_LENDERS
        self._held = {self.identity.grant} if self.identity is not None and self.identity.grant else NO_GRANTS
        after = {*self._lenders, *self._held}
        for grant in before - after:
            self._access.tokens.release(grant, self)
        for grant in after - before:
            self._access.tokens.hold(grant, self)

    def _give_up(self, grant: int) -> None:
        self._given_up = (*self._given_up, grant)[-REMEMBERED_GRANTS:]

    def _closing_with(self, effects: list[Effect]) -> list[Effect]:
        """After a `Close` the session and its grant end at once, without waiting for the peer."""
        if not self._over and any(isinstance(effect, Close) for effect in effects):
            self._over = True
            self._give_up(self._own_grant)
            self._access.tokens.end(self._own_grant)
        return effects

    def connection(self, account: AccountId) -> int:
        """Enable the running MAC."""
        number = self._acts_for.get(account)
        if number is None:
            assert self._trading is not None, "accounts are an exchange's"
            number = self._trading.connected(account)
            self._acts_for = {**self._acts_for, account: number}
        return number

    def _disconnect_accounts(self) -> None:
        acts_for, self._acts_for = self._acts_for, NO_ACCOUNTS
        for account, number in acts_for.items():
            if self._trading is not None:
                self._trading.disconnected(account, number, on_purpose=self.logged_out)

    def _can_pay(self, method: str, now: int, params: Mapping[str, Any] = NO_PARAMS) -> bool:
        """Charge the owner of the access token among the parameters; without a valid one, the connection."""
        bucket = self._bucket
        if self._buckets is not None:
            identity = self._access.speaks_for(params, now)
            if identity is not None:
                bucket = self._buckets.of(f"account {identity.account}")
        return bucket is None or bucket.pay_for(method, now)

    def _too_many_requests(self, request_id: RequestId) -> list[Effect]:
        error = RequestError(TOO_MANY_REQUESTS, "too_many_requests", retry=True)
        return [Reply(request_id, error=error), Close(POLICY_VIOLATION, "too many requests: come back later")]

    def _heartbeat(self, now: int) -> list[Effect]:
        if not self._due_ns or now < self._due_ns:
            return []
        if self._tested:
            return [Close(POLICY_VIOLATION, "test_request was not answered")]
        self._due_ns = now + self._interval_ns
        self._tested = now - self._heard_ns >= self._interval_ns
        beat = Heartbeat("heartbeat")
        return [beat, Heartbeat("test_request")] if self._tested else [beat]

    def set_heartbeat(self, interval_s: int, now: int) -> None:
        """Start heartbeats, or end them with 0."""
        self._interval_ns = interval_s * SECOND_NS
        self._due_ns = now + self._interval_ns if interval_s else 0
        self._tested = False

    def answered(self, now: int) -> None:
        """The client has answered a `test_request`."""
        self._tested = False

    def signed_in(self, grant: Grant) -> None:
        """The connection has this grant from now on."""
        before, key = self.identity, grant.identity.client_id
        if before is None or before.client_id != key:
            if not self._access.connections.enter(key):
                self._access.tokens.end(grant.identity.grant)
                raise RequestError(
                    TOO_MANY_REQUESTS, "too_many_requests", reason="too many connections of this key"
                )
            if before is not None:
                self._access.connections.leave(before.client_id)
        if before is not None:
            self._give_up(before.grant)
        self.identity = grant.identity
        self._hold()
        self._access.tokens.end(self._own_grant)
        self._own_grant = 0 if grant.identity.session else grant.identity.grant
        self._auth_by_ns = 0
        if self._buckets is not None:
            self._bucket = self._buckets.of(f"account {grant.identity.account}")

    def attest(self) -> None:
        """Enable the running MAC."""
        self.attested = True

    def authorize(self, name: str, identity: Identity | None) -> None:
        """Let a channel depend on this token, or with None on the connection's own identity."""
        if identity is None:
            self.authorized_by.pop(name, None)
        else:
            self.authorized_by[name] = identity

    def signed_out(self) -> None:
        """The client has logged out; a disconnection is intended."""
        self.logged_out = True
        if self.identity is not None:
            self._give_up(self.identity.grant)

    def _answer(self, request: Request, now: int) -> list[Effect]:
        context = Context(
            self._market,
            now,
            self._version,
            self._access,
            self,
            [],
            self.identity,
            self._address,
            self._private_only,
            self._trading,
            self._replaying,
            self._server_health,
            self._buckets.limits if self._buckets else None,
        )
        us_in = now // 1000
        try:
            result = run(METHODS, context, request)
        except LimitError as error:
            return [Reply(request.id, error=error, us_in=us_in), Close(POLICY_VIOLATION, error.reason)]
        except RequestError as error:
            return [*self._durable(context, request), Reply(request.id, error=error, us_in=us_in)]
        if context.effects:
            self._hold()
        left = [effect for effect in context.effects if isinstance(effect, Leave)]
        rest: list[Effect] = [effect for effect in context.effects if not isinstance(effect, Leave)]
        if result is not NO_ANSWER:
            rest = _with_reply(Reply(request.id, result, us_in=us_in), rest)
        return [*left, *self._durable(context, request), *rest]

    def _durable(self, context: Context, request: Request) -> list[Effect]:
        """Wait for the journal before the results of a private method; private channels start at its request."""
        private = rests_on_journal(request.method) or any(
            isinstance(effect, Join) and any(key.account for key in effect.keys) for effect in context.effects
        )
        if self._trading is None or not private:
            return []
        return [Durable(self._trading.ticket(), context.identity, request.id)]


def _with_reply(reply: Reply, effects: list[Effect]) -> list[Effect]:
    """The answer before the other effects; if a join decides a part of the answer, it is sent with that join."""
    for number, effect in enumerate(effects):
        if isinstance(effect, Join) and effect.resume:
            join = msgspec.structs.replace(effect, reply=reply)
            return [*effects[:number], join, *effects[number + 1 :]]
    return [reply, *effects]


def answer_http(request: Request, context: Context) -> Reply:
    """The answer to one HTTP request."""
    us_in = context.now // 1000
    try:
        result = run(METHODS, context, request)
    except RequestError as error:
        return Reply(request.id, error=error, us_in=us_in)
    return Reply(request.id, result, us_in=us_in)
