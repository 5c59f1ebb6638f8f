"""Methods about replays: what can be replayed, and where the replay of this connection stands."""

from typing import Annotated, Any

import msgspec

from deltawire.errors import RequestError
from deltawire.exchange.orders.codes import Code
from deltawire.session.methods import Context, NoParams, method

FASTEST = 1000
MS_NS = 1_000_000


class _Speed(msgspec.Struct):
    speed: Annotated[float, msgspec.Meta(ge=0, le=FASTEST)]


@method("public/get_replay")
def get_replay(context: Context, params: NoParams) -> Any:
    """What can be replayed at `/ws/api/v2/replay`, and where the replay of this connection stands."""
    span = context.replaying.span() if context.replaying else None
    position = context.replaying.position() if context.replaying else None
    return {
        "available": span is not None,
        "venues": [] if span is None else list(span.venues),
        "start_timestamp": None if span is None else span.from_ns // MS_NS,
        "end_timestamp": None if span is None else span.to_ns // MS_NS,
        "active": position is not None,
        "timestamp": None if position is None else position.at_ns // MS_NS,
        "speed": None if position is None else position.speed,
        "ended": position is not None and position.ended,
    }


@method("public/set_replay", websocket_only=True)
def set_replay(context: Context, params: _Speed) -> Any:
    """Change the speed of this connection's replay; 0 pauses it. To seek, open another connection."""
    if context.replaying is None or context.replaying.position() is None:
        reason = "this connection has the present: a replay is at /ws/api/v2/replay"
        raise RequestError(int(Code.NOT_IMPLEMENTED), "not_implemented", reason=reason)
    context.replaying.set_speed(params.speed)
    return get_replay.call(context, NoParams())
