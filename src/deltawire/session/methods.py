"""Methods and their context. The methods are in files by subject; `table` collects them."""

from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

import msgspec

from deltawire.access.access import FORBIDDEN, UNAUTHORIZED, Access
from deltawire.access.rate_limits import RateLimits
from deltawire.access.tokens import Grant, Identity
from deltawire.errors import RequestError
from deltawire.exchange.orders.orders import AccountId
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.model.literals import LongDecimal
from deltawire.ports import Replaying
from deltawire.session.effects import Effect
from deltawire.session.private.trading import Trading
from deltawire.wire.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, Request, decode_exactly

BAD_INSTRUMENT = 13020
UNAVAILABLE = 13028
WEBSOCKET_ONLY = 10030


JOURNALLED = ("public/get_delivery_prices", "public/get_last_settlements_by")
"""How public methods begin whose answers rest on the journal, as those of private ones do."""
OPEN = ("auth", "test", "hello", "get_time", "status", "set_heartbeat", "disable_heartbeat")
"""Methods (`public/…`) that a private-only server answers without authentication."""
NO_ANSWER = object()
"""The result of a method that is not answered."""


class Conversation(Protocol):
    """The part of a WebSocket session that its methods may change."""

    def set_heartbeat(self, interval_s: int, now: int) -> None:
        """Start heartbeats, or end them with 0."""

    def answered(self, now: int) -> None:
        """The client has answered a `test_request`."""

    def signed_in(self, grant: Grant) -> None:
        """The connection has this grant from now on."""

    def signed_out(self) -> None:
        """The client has logged out; a disconnection is intended."""

    def connection(self, account: AccountId) -> int:
        """The number under which this connection acts for an account."""

    channels: dict[str, str]
    """The client's channels: ids by the names that it used."""

    pattern_sizes: dict[str, int]
    """Number of channels that each pattern matched when it was joined."""

    authorized_by: dict[str, Identity]
    """Identities of the channels that the connection's own identity does not cover."""

    identity: Identity | None
    attested: bool
    """Whether the running MAC is enabled."""

    def attest(self) -> None:
        """Enable the running MAC."""

    def authorize(self, name: str, identity: Identity | None) -> None:
        """Let a channel depend on this token, or with None on the connection's own identity."""

    most_channels: int


P = TypeVar("P")


class Context(msgspec.Struct):
    """What a method can use.

    The market, the time (ns), the client's identity and address, and over WebSocket the session.

    Methods may add effects.
    """

    market: Market
    now: int
    version: str
    access: Access
    session: Conversation | None = None
    effects: list[Effect] = []
    identity: Identity | None = None
    address: str = ""
    private_only: bool = False
    trading: Trading | None = None
    replaying: Replaying | None = None
    server_health: Callable[[], dict[str, Any]] | None = None
    """What the server says of itself; None if the client may not know."""
    limits: RateLimits | None = None
    """What requests cost here; None: nothing."""
    strict: bool = True
    """False if values may be text, as in a URL."""

    @property
    def require_identity(self) -> Identity:
        """The client's identity; raises the dialect's error if it is not authenticated or no longer valid."""
        if self.identity is None:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="authenticate with public/auth")
        self.access.check(self.identity, self.address, self.now)
        return self.identity

    def admit(self, request: Request) -> None:
        """Identify the client and check that it may send requests at all."""
        if token := request.params.get("access_token"):
            self.identity = self.access.by_token(str(token), self.address, self.now)
        scope, _, name = request.method.partition("/")
        if scope == "private" or (self.private_only and name not in OPEN):
            _ = self.require_identity

    def convert(self, params: dict[str, Any], into: type[P]) -> P:
        """Convert parameters to a type; raises the dialect's error if they do not fit."""
        value: P = _convert(params, into, strict=self.strict)
        return value

    def instrument(self, name: str) -> InstrumentState:
        """An instrument by name; raises the dialect's error if it does not exist."""
        state = self.market.find(name)
        if state is None:
            raise RequestError(
                INVALID_PARAMS,
                "Invalid params",
                reason=f"no instrument {name[:80]!r}",
                param="instrument_name",
            )
        return state


def rests_on_journal(name: str) -> bool:
    """Whether what a method answers must be on disk first."""
    return name.startswith(("private/", *JOURNALLED))


class NoParams(msgspec.Struct):
    """For methods without parameters; any given ones are ignored."""


class Method(msgspec.Struct, frozen=True):
    """A function that clients may call, under these names."""

    names: tuple[str, ...]
    params: type
    call: Callable[[Context, Any], Any]
    websocket_only: bool
    right: str
    described: type
    """The parameters, where `params` takes them as they were sent because an instrument says what they may be."""


Methods = Mapping[str, Method]


def method(
    *names: str, websocket_only: bool = False, right: str = "", described: type | None = None
) -> Callable[[Callable[[Context, P], Any]], Method]:
    """Declare a function as a method; the type of its second argument defines its parameters.

    `private/…` methods need authentication, and `right` (such as `trade:read_write`) if stated. A method that takes
    its parameters as they were sent states by `described` what they may be.
    """

    def make(call: Callable[[Context, P], Any]) -> Method:
        params = call.__annotations__["params"]
        return Method(names, params, call, websocket_only, right, described or params)

    return make


def collect(*files: ModuleType) -> dict[str, Method]:
    """The methods of these files, by name."""
    return {
        name: method
        for file in files
        for method in vars(file).values()
        if isinstance(method, Method)
        for name in method.names
    }


def run(methods: Methods, context: Context, request: Request) -> Any:
    """Execute a request and return its result; raises `RequestError`."""
    context.admit(request)
    method = methods.get(request.method)
    if method is None:
        raise RequestError(METHOD_NOT_FOUND, "Method not found", reason=request.method[:80])
    if method.right and not context.require_identity.may(method.right):
        raise RequestError(FORBIDDEN, "forbidden", reason=f"requires {method.right}", param="scope")
    if method.websocket_only and context.session is None:
        raise RequestError(WEBSOCKET_ONLY, "must_be_websocket_request")
    return method.call(context, context.convert(request.params, method.params))


def _convert(params: dict[str, Any], into: type, *, strict: bool) -> Any:
    if not strict:
        params = params | {name: _number(params[name]) for name in _numeric(into) & params.keys()}
        params = params | {name: _list(params[name]) for name in _lists(into) & params.keys()}
    long = {name for name, value in params.items() if isinstance(value, LongDecimal)}
    if taken := long & _textual(into):
        params = params | {name: params[name].text for name in taken}
    try:
        return msgspec.convert(params, into, strict=strict)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        reason = reason.replace(f"`{LongDecimal.__name__}`", "a number that no double holds exactly")
        missing = reason.removeprefix("Object missing required field `").rstrip("`")
        param = place.rstrip("`") or (missing if missing != reason else "")
        raise RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param=param) from None


@cache
def _numeric(into: type) -> frozenset[str]:
    """The parameters of a type that can only be numbers."""
    if not isinstance(into, type) or not issubclass(into, msgspec.Struct):
        return frozenset()
    fields = msgspec.structs.fields(into)
    return frozenset(
        field.encode_name for field in fields if {*_members(field.type)} <= {int, float, NoneType}
    )


@cache
def _textual(into: type) -> frozenset[str]:
    """The parameters of a type that can be numbers and texts: a number of any length is taken by its digits."""
    if not isinstance(into, type) or not issubclass(into, msgspec.Struct):
        return frozenset()
    fields = msgspec.structs.fields(into)
    return frozenset(field.encode_name for field in fields if {float, str} <= {*_members(field.type)})


@cache
def _lists(into: type) -> frozenset[str]:
    """The parameters of a type that can be lists."""
    if not isinstance(into, type) or not issubclass(into, msgspec.Struct):
        return frozenset()
    fields = msgspec.structs.fields(into)
    return frozenset(
        field.encode_name
        for field in fields
        if any(get_origin(member) is list for member in _members(field.type))
    )


def _members(kind: Any) -> tuple[Any, ...]:
    """The members of a union; otherwise the type itself."""
    bare = kind.__origin__ if get_origin(kind) is Annotated else kind
    return get_args(bare) if isinstance(bare, UnionType) else (bare,)


def _number(text: Any) -> Any:
    """Convert a text to the number that it is in JSON; other texts stay and are refused later."""
    if not isinstance(text, str):
        return text
    try:
        return decode_exactly(text)
    except msgspec.DecodeError:
        return text


def _list(text: Any) -> Any:
    """Convert a text to the list that it is in JSON, as URLs carry it; other texts stay."""
    if not isinstance(text, str) or not text.startswith("["):
        return text
    try:
        return decode_exactly(text)
    except (msgspec.DecodeError, RecursionError):
        return text
