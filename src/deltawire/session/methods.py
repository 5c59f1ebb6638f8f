"""What a method is, and what it sees. The methods stand in files by subject; `table` collects them."""

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
from deltawire.session.effects import Effect
from deltawire.session.private.trading import Trading
from deltawire.wire.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, Request, decode_exactly

BAD_INSTRUMENT = 13020
UNAVAILABLE = 13028
WEBSOCKET_ONLY = 10030


JOURNALLED = ("public/get_delivery_prices", "public/get_last_settlements_by")
"""How public methods begin whose answers rest on the journal, as those of private ones do."""
OPEN = ("auth", "test", "hello", "get_time", "status", "set_heartbeat", "disable_heartbeat")
"""What may be asked of a private-only server by someone who has not signed in yet (`public/…`)."""
NO_ANSWER = object()
"""The result of a method that is not answered."""


class Conversation(Protocol):
    """What a method may change of the WebSocket session that called it."""

    def set_heartbeat(self, interval_s: int, now: int) -> None:
        """Begin, or with 0 end, heartbeats."""

    def answered(self, now: int) -> None:
        """The client has proved that it is there."""

    def signed_in(self, grant: Grant) -> None:
        """From now on the connection is this grant's."""

    def signed_out(self) -> None:
        """The client has logged out: what follows is no accident."""

    def connection(self, account: AccountId) -> int:
        """The number under which this connection acts for an account."""

    channels: dict[str, str]
    """What the client is subscribed to: ids of channels by the names that it gave."""

    pattern_sizes: dict[str, int]
    """For how many channels each pattern among them stood when it was joined."""

    authorized_by: dict[str, Identity]
    """Those that the connection's own identity does not cover, and by whose token they are heard."""

    identity: Identity | None
    attested: bool
    """Whether the running MAC is enabled."""

    def attest(self) -> None:
        """The running MAC is enabled from now on."""

    def authorize(self, name: str, identity: Identity | None) -> None:
        """A channel is heard by this token, or, where there is none, by the connection's own identity."""

    most_channels: int


P = TypeVar("P")


class Context(msgspec.Struct):
    """What a method sees: the market, the time (ns), who asks and from where, and over WebSocket the session.

    It may add effects.
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
    limits: RateLimits | None = None
    """What requests cost here; None: nothing."""
    strict: bool = True
    """False where values may be text, as they are in a URL."""

    @property
    def require_identity(self) -> Identity:
        """Who asks; the dialect's error when nobody has signed in, or does not count any more."""
        if self.identity is None:
            raise RequestError(UNAUTHORIZED, "unauthorized", reason="sign in with public/auth")
        self.access.check(self.identity, self.address, self.now)
        return self.identity

    def admit(self, request: Request) -> None:
        """Find out who asks, and that they may ask at all."""
        if token := request.params.get("access_token"):
            self.identity = self.access.by_token(str(token), self.address, self.now)
        scope, _, name = request.method.partition("/")
        if scope == "private" or (self.private_only and name not in OPEN):
            _ = self.require_identity

    def convert(self, params: dict[str, Any], into: type[P]) -> P:
        """Parameters as a type; the dialect's error when they are not."""
        value: P = _convert(params, into, strict=self.strict)
        return value

    def instrument(self, name: str) -> InstrumentState:
        """An instrument by name; the dialect's error when there is none."""
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
    """A method that takes nothing; what it is given anyway is ignored."""


class Method(msgspec.Struct, frozen=True):
    """A function that clients may call, under these names."""

    names: tuple[str, ...]
    params: type
    call: Callable[[Context, Any], Any]
    websocket_only: bool
    right: str


Methods = Mapping[str, Method]


def method(
    *names: str, websocket_only: bool = False, right: str = ""
) -> Callable[[Callable[[Context, P], Any]], Method]:
    """Make a function a method; the type of its second argument is its parameters.

    `private/…` is for those who have signed in, with `right` (such as `trade:read_write`) where one is named.
    """
    return lambda call: Method(names, call.__annotations__["params"], call, websocket_only, right)


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
    """The result of a request; `RequestError` says why there is none."""
    context.admit(request)
    method = methods.get(request.method)
    if method is None:
        raise RequestError(METHOD_NOT_FOUND, "Method not found", reason=request.method[:80])
    if method.right and not context.require_identity.may(method.right):
        raise RequestError(FORBIDDEN, "forbidden", reason=f"needs {method.right}", param="scope")
    if method.websocket_only and context.session is None:
        raise RequestError(WEBSOCKET_ONLY, "must_be_websocket_request")
    return method.call(context, context.convert(request.params, method.params))


def _convert(params: dict[str, Any], into: type, *, strict: bool) -> Any:
    if not strict:
        params = params | {name: _number(params[name]) for name in _numeric(into) & params.keys()}
    try:
        return msgspec.convert(params, into, strict=strict)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        missing = reason.removeprefix("Object missing required field `").rstrip("`")
        param = place.rstrip("`") or (missing if missing != reason else "")
        raise RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param=param) from None


@cache
def _numeric(into: type) -> frozenset[str]:
    """The parameters of a type that are numbers and nothing else."""
    if not isinstance(into, type) or not issubclass(into, msgspec.Struct):
        return frozenset()
    fields = msgspec.structs.fields(into)
    return frozenset(
        field.encode_name for field in fields if {*_members(field.type)} <= {int, float, NoneType}
    )


def _members(kind: Any) -> tuple[Any, ...]:
    """The types of a union; of an annotated type that itself."""
    bare = kind.__origin__ if get_origin(kind) is Annotated else kind
    return get_args(bare) if isinstance(bare, UnionType) else (bare,)


def _number(text: Any) -> Any:
    """What JSON would make of a text that is a number to it; what is none stays, and no type takes it."""
    if not isinstance(text, str):
        return text
    try:
        return decode_exactly(text)
    except msgspec.DecodeError:
        return text
