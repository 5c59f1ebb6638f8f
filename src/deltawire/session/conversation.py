"""Methods about the connection itself: test, hello, heartbeat, subscriptions."""

from typing import Any

import msgspec

from deltawire.errors import LimitError, RequestError
from deltawire.session.channels import ChannelKey, parse_channel
from deltawire.session.effects import Join, Leave
from deltawire.session.methods import Context, Conversation, NoParams, method
from deltawire.session.rights import channel_right, may_hear
from deltawire.wire.rpc import INVALID_PARAMS

SHORTEST_HEARTBEAT_S = 10


class _Test(msgspec.Struct):
    expected_result: str = ""


class _Hello(msgspec.Struct):
    client_name: str = ""
    client_version: str = ""


class _Heartbeat(msgspec.Struct):
    interval: float


class _Channels(msgspec.Struct):
    channels: list[str]


@method("public/test")
def test(context: Context, params: _Test) -> Any:
    """The version; also the answer to a `test_request`."""
    if params.expected_result == "exception":
        raise RequestError(10001, "error", reason="asked for")
    if context.session is not None:
        context.session.answered(context.now)
    return {"version": context.version}


@method("public/hello")
def hello(context: Context, params: _Hello) -> Any:
    """The version."""
    return {"version": context.version}


@method("public/get_time")
def get_time(context: Context, params: NoParams) -> Any:
    """Milliseconds since 1970, by the server's clock."""
    return (context.now + context.access.offset_ns) // 1_000_000


@method("public/status")
def status(context: Context, params: NoParams) -> Any:
    """Nothing is ever locked here."""
    return {"locked": "false", "locked_indices": []}


@method("public/set_heartbeat", websocket_only=True)
def set_heartbeat(context: Context, params: _Heartbeat) -> Any:
    """Send heartbeats every so many seconds, and ask for proof when the client is silent."""
    if not SHORTEST_HEARTBEAT_S <= params.interval <= 86_400:
        raise RequestError(
            INVALID_PARAMS,
            "Invalid params",
            reason=f"from {SHORTEST_HEARTBEAT_S} to 86400 seconds",
            param="interval",
        )
    _session(context).set_heartbeat(int(params.interval), context.now)
    return "ok"


@method("public/disable_heartbeat", websocket_only=True)
def disable_heartbeat(context: Context, params: NoParams) -> Any:
    """No more heartbeats."""
    _session(context).set_heartbeat(0, context.now)
    return "ok"


@method("private/subscribe", websocket_only=True)
@method("public/subscribe", websocket_only=True)
def subscribe(context: Context, params: _Channels) -> Any:
    """The channels accepted; names that are no channel, or not for this client, are left out, as the dialect has it."""
    session = _session(context)
    found = [key for name in dict.fromkeys(params.channels) if (key := _known(context, name)) is not None]
    fresh = [key for key in found if key.name not in session.channels]
    if len(session.channels) + len(fresh) > session.most_channels:
        reason = f"at most {session.most_channels} channels"
        raise LimitError(INVALID_PARAMS, "Invalid params", reason=reason, param="channels")
    session.channels.update({key.name: key.id for key in fresh})
    context.effects.append(Join(tuple(fresh)))
    return [key.name for key in found]


@method("private/unsubscribe", websocket_only=True)
@method("public/unsubscribe", websocket_only=True)
def unsubscribe(context: Context, params: _Channels) -> Any:
    """The channels left."""
    session = _session(context)
    left = [name for name in dict.fromkeys(params.channels) if name in session.channels]
    context.effects.append(Leave(tuple(session.channels.pop(name) for name in left)))
    return left


@method("private/unsubscribe_all", websocket_only=True)
@method("public/unsubscribe_all", websocket_only=True)
def unsubscribe_all(context: Context, params: NoParams) -> Any:
    """Leave everything."""
    session = _session(context)
    context.effects.append(Leave(tuple(session.channels.values())))
    session.channels.clear()
    return "ok"


def _known(context: Context, name: str) -> ChannelKey | None:
    """A channel whose instrument exists; wildcard families and indices always do."""
    key = parse_channel(name)
    if key is None or not may_hear(context.identity, key.name):
        return None
    if key.instrument and context.market.find(key.instrument) is None:
        return None
    return _owned(context, key) if channel_right(key.name) else key


def _owned(context: Context, key: ChannelKey) -> ChannelKey | None:
    """A private channel as the client's own; None where there is no such account."""
    if context.trading is None or context.identity is None:
        return None
    account = context.trading.account(context.identity.account)
    return None if account is None else msgspec.structs.replace(key, account=account)


def _session(context: Context) -> Conversation:
    assert context.session is not None, "the table lets only WebSocket sessions in"
    return context.session
