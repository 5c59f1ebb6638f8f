"""The server's side of one WebSocket conversation."""

from deltawire.errors import RequestError
from deltawire.market.market import Market
from deltawire.ports import Retained
from deltawire.session import conversation as _conversation
from deltawire.session import queries as _queries
from deltawire.session.channels import Position
from deltawire.session.effects import Close, Effect, Heartbeat, Leave
from deltawire.session.methods import Context, run
from deltawire.wire.rpc import BadRequest, Reply, Request, parse_request

SECOND_NS = 1_000_000_000
POLICY_VIOLATION = 1008

_tables = (_conversation, _queries)  # importing them fills the table of methods


class ServerSession:
    """Frames go in, effects come out, strictly in order; time comes in as nanoseconds.

    The answer comes before the images of channels joined, and after the last notification of channels left.

    Heartbeat: every interval a `heartbeat` goes out; when the client has said nothing for an interval a
    `test_request` goes instead, and when that is not answered within another the connection closes.
    """

    def __init__(self, market: Market, version: str) -> None:
        self.channels: dict[str, str] = {}
        self.retained: Retained | None = None
        self._market = market
        self._version = version
        self._interval_ns = 0
        self._due_ns = 0
        self._heard_ns = 0
        self._tested = False

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """A text frame has come."""
        self._heard_ns = now
        try:
            request = parse_request(frame)
        except BadRequest as bad:
            return [bad.reply]
        return self._answer(request, now)

    def deadline(self) -> int | None:
        """When `tick` wants to be called."""
        return self._due_ns or None

    def tick(self, now: int) -> list[Effect]:
        """Time has passed."""
        if not self._due_ns or now < self._due_ns:
            return []
        if self._tested:
            return [Close(POLICY_VIOLATION, "test_request was not answered")]
        self._due_ns = now + self._interval_ns
        self._tested = now - self._heard_ns >= self._interval_ns
        return [Heartbeat("test_request" if self._tested else "heartbeat")]

    def shift(self, jump_ns: int) -> None:
        """The clock was set by so much: heartbeats go on as if it had not been."""
        self._heard_ns += jump_ns
        self._due_ns += jump_ns if self._due_ns else 0

    def set_heartbeat(self, interval_s: int, now: int) -> None:
        """See `Conversation`."""
        self._interval_ns = interval_s * SECOND_NS
        self._due_ns = now + self._interval_ns if interval_s else 0
        self._tested = False

    def answered(self, now: int) -> None:
        """See `Conversation`."""
        self._tested = False

    def missed_bytes(self, channel: str, position: Position) -> int | None:
        """See `Conversation`."""
        retained = self.retained
        return None if retained is None else retained.missed_bytes(channel, position.epoch, position.seq)

    def _answer(self, request: Request, now: int) -> list[Effect]:
        context = Context(self._market, now, self._version, self, [], {})
        us_in = now // 1000
        try:
            result = run(context, request)
        except RequestError as error:
            return [Reply(request.id, error=error, us_in=us_in)]
        left = [effect for effect in context.effects if isinstance(effect, Leave)]
        rest = [effect for effect in context.effects if not isinstance(effect, Leave)]
        return [*left, Reply(request.id, result, us_in=us_in, more=context.more), *rest]


def answer_http(request: Request, market: Market, version: str, now: int, *, strict: bool) -> Reply:
    """The answer to one HTTP request; `strict` is False where parameters came as query text."""
    try:
        result = run(Context(market, now, version), request, strict=strict)
    except RequestError as error:
        return Reply(request.id, error=error, us_in=now // 1000)
    return Reply(request.id, result, us_in=now // 1000)
