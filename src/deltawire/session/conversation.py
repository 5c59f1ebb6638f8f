"""Methods about the connection itself: test, hello, heartbeat, subscriptions."""

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import Annotated, Any

import msgspec

from deltawire.dialect.families import FAMILIES, INTERVALS_NS
from deltawire.dialect.grammar import ChannelKey, ResumePosition, count_fitting, parse_channel
from deltawire.errors import LimitError, RequestError, how_to_install
from deltawire.exchange.orders.codes import Code
from deltawire.session.effects import EnableMac, Join, Leave
from deltawire.session.methods import Context, Conversation, NoParams, method
from deltawire.session.rights import channel_right, covers, may_subscribe
from deltawire.session.unavailable import UNAVAILABLE
from deltawire.wire.mac import ALGORITHM, mac_text
from deltawire.wire.rpc import INVALID_PARAMS, INVALID_REQUEST

SHORTEST_HEARTBEAT_S = 10
MOST_PATTERNS = 100
_NEEDED = {"analytics": ("numpy",)}
"""The modules that each extra brings."""
SECOND_NS = 1_000_000_000
PACES_NS = [ms * 1_000_000 for ms in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)]
"""The intervals of `max_rate`, which is rounded down to one of them, so that subscribers form few groups."""


class _Test(msgspec.Struct):
    expected_result: str = ""


class _Hello(msgspec.Struct):
    client_name: str = ""
    client_version: str = ""


class _Heartbeat(msgspec.Struct):
    interval: float


class _Channels(msgspec.Struct):
    channels: list[str]


class _Subscription(msgspec.Struct):
    channels: list[str]
    resume: dict[str, ResumePosition] | None = None
    depth: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    max_rate: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] | None = None
    stamps: bool = False
    beyond: bool = False


class _Mac(msgspec.Struct):
    nonce: Annotated[str, msgspec.Meta(min_length=16, max_length=128)]


@method("public/test")
def test(context: Context, params: _Test) -> Any:
    """Return the version; also answers a `test_request`."""
    if params.expected_result == "exception":
        raise RequestError(int(Code.ERROR), "error", reason="asked for")
    if context.session is not None:
        context.session.answered(context.now)
    return {"version": context.version}


@method("public/hello")
def hello(context: Context, params: _Hello) -> Any:
    """Return the version."""
    return {"version": context.version}


@method("public/get_time")
def get_time(context: Context, params: NoParams) -> Any:
    """Return the server's time in milliseconds since 1970."""
    return (context.now + context.access.offset_ns) // 1_000_000


@method("public/status")
def status(context: Context, params: NoParams) -> Any:
    """Which indices of the home venue are locked; `partial`: some of them."""
    market = context.market
    locked = market.locked_indices()
    standing = market.standings.get(market.home)
    whole = standing is not None and "" in standing.down()
    return {"locked": "true" if whole else "partial" if locked else "false", "locked_indices": locked}


@method("public/set_heartbeat", websocket_only=True)
def set_heartbeat(context: Context, params: _Heartbeat) -> Any:
    """Start heartbeats at this interval, with a `test_request` when the client is silent."""
    if not SHORTEST_HEARTBEAT_S <= params.interval <= 86_400:
        raise RequestError(
            INVALID_PARAMS,
            "Invalid params",
            reason=f"must be from {SHORTEST_HEARTBEAT_S} to 86400 seconds",
            param="interval",
        )
    _session(context).set_heartbeat(int(params.interval), context.now)
    return "ok"


@method("public/disable_heartbeat", websocket_only=True)
def disable_heartbeat(context: Context, params: NoParams) -> Any:
    """End heartbeats."""
    _session(context).set_heartbeat(0, context.now)
    return "ok"


@method("private/subscribe", "public/subscribe", websocket_only=True)
def subscribe(context: Context, params: _Subscription) -> Any:
    """Subscribe; returns the accepted channels. Unknown and forbidden channels are left out, as on Deribit.

    `depth`, `max_rate` (notifications per second) and `beyond` (levels beyond a book's known range as well) apply to
    the channels joined now. With `resume`, the answer says
    for each channel that is joined now and has a position whether it is `recovered`.
    """
    session = _session(context)
    if context.identity is not None:
        _ = context.require_identity  # an identity that is no longer valid joins nothing
    _bound(len(params.channels), session)
    known = (_known(context, name) for name in dict.fromkeys(params.channels))
    keys = [_limited(key, params) for key in known if key is not None]
    fresh = [key for key in keys if _is_fresh(session, key)]
    _bound(len(session.channels) + len(fresh), session)
    patterns = [key for key in fresh if key.pattern]
    if len(session.pattern_sizes) + len(patterns) > MOST_PATTERNS:
        raise RequestError(
            INVALID_PARAMS, "Invalid params", reason=f"at most {MOST_PATTERNS} patterns", param="channels"
        )
    sizes = _measure(context, session, patterns, len(session.channels) + len(fresh))
    _leave_others(context, session, fresh)
    session.pattern_sizes.update(sizes)
    session.channels.update({key.name: key.id for key in fresh})
    _record_authority(context, session, keys)
    _follow_positions(context, fresh)
    resume = None if params.resume is None else _resume_positions(fresh, params.resume)
    context.effects.append(Join(tuple(fresh), resume, by=context.identity))
    return [key.name for key in keys]


@method("private/unsubscribe", "public/unsubscribe", websocket_only=True)
def unsubscribe(context: Context, params: _Channels) -> Any:
    """Unsubscribe; returns the channels that were left."""
    session = _session(context)
    left = [name for name in dict.fromkeys(params.channels) if name in session.channels]
    context.effects.append(leave(session, left))
    return left


@method("private/unsubscribe_all", "public/unsubscribe_all", websocket_only=True)
def unsubscribe_all(context: Context, params: NoParams) -> Any:
    """Unsubscribe from all channels."""
    session = _session(context)
    context.effects.append(leave(session, list(session.channels)))
    return "ok"


@method("private/enable_mac", websocket_only=True)
def enable_mac(context: Context, params: _Mac) -> Any:
    """Cover every frame after this answer by a running MAC with the key's secret; once per connection.

    The MAC's key depends on both nonces, so that an older connection cannot be replayed to either side.
    """
    session = context.session
    assert session is not None, "the table lets only WebSocket sessions in"
    if session.attested:
        raise RequestError(
            INVALID_REQUEST, "Invalid Request", reason="the MAC is already enabled: reconnect first"
        )
    nonce = context.access.make_token()
    key = context.access.derived(context.require_identity, mac_text(params.nonce, nonce), context.now)
    session.attest()
    context.effects.append(EnableMac(key))
    return {"algorithm": ALGORITHM, "nonce": nonce}


def _follow_positions(context: Context, keys: list[ChannelKey]) -> None:
    """Request positions with later trades, if one of the channels publishes them."""
    if context.trading is not None:
        for key in keys:
            if key.family == "user_changes":
                context.trading.follow_positions(key.account)


def _measure(
    context: Context, session: Conversation, patterns: list[ChannelKey], named: int
) -> dict[str, int]:
    """Number of channels that each new pattern matches now; `LimitError` if the total is too high.

    A channel that two patterns match counts twice, because both are stored.
    """
    sizes: dict[str, int] = {}
    total = named + sum(session.pattern_sizes.values())
    _bound(total, session, ", those that patterns stand for included")
    for key in patterns:
        size = count_fitting(key, context.market.names(), session.most_channels - total)
        total += size
        _bound(total, session, ", those that patterns stand for included")
        sizes[key.name] = size
    return sizes


def _bound(count: int, session: Conversation, remark: str = "") -> None:
    if count > session.most_channels:
        reason = f"at most {session.most_channels} channels{remark}"
        raise LimitError(INVALID_PARAMS, "Invalid params", reason=reason, param="channels")


def leave(session: Conversation, names: Iterable[str]) -> Leave:
    """Remove these channels from a session, by their names."""
    left = tuple(names)
    for name in left:
        session.authorize(name, None)
        session.pattern_sizes.pop(name, None)
    return Leave(tuple(session.channels.pop(name) for name in left))


def _is_fresh(session: Conversation, key: ChannelKey) -> bool:
    """Whether the channel is not joined yet; a private channel of the same name may belong to another account."""
    joined = session.channels.get(key.name)
    return joined is None or (bool(key.account) and joined != key.id)


def _leave_others(context: Context, session: Conversation, keys: list[ChannelKey]) -> None:
    """Leave channels of these names that belong to another account."""
    others = [key.name for key in keys if key.name in session.channels]
    if others:
        context.effects.append(leave(session, others))


def _record_authority(context: Context, session: Conversation, keys: list[ChannelKey]) -> None:
    """Record the identity that each channel depends on.

    The connection's own if its rights suffice, else the token's.
    """
    by = context.identity
    for key in keys:
        covered = by is None or covers(session.identity, by, key.name)
        session.authorize(key.name, None if covered else by)


def _resume_positions(
    keys: list[ChannelKey], positions: dict[str, ResumePosition]
) -> dict[str, ResumePosition]:
    """The positions of the channels that are joined now, by name or by a pattern."""
    names = {key.name for key in keys}
    patterns = [key for key in keys if key.pattern]
    return {name: at for name, at in positions.items() if name in names or _implied(name, patterns)}


def _implied(name: str, patterns: list[ChannelKey]) -> bool:
    """Whether one of these patterns matches a channel."""
    plain = parse_channel(name) if patterns else None
    return plain is not None and any(
        pattern.fits(plain.instrument) and pattern.of(plain.instrument).name == name for pattern in patterns
    )


def _limited(key: ChannelKey, params: _Subscription) -> ChannelKey:
    """The channel with the requested depth, rate, stamps and range."""
    family, pace_ns, max_rate = FAMILIES[key.family], 0, params.max_rate
    if max_rate is not None and family.paced:
        pace_ns = next((pace for pace in PACES_NS if pace * max_rate >= SECOND_NS), PACES_NS[-1])
    if pace_ns <= INTERVALS_NS.get(key.interval, 0):
        pace_ns = 0
    levels = params.depth or 0 if family.limited else 0
    stamps = params.stamps and bool(key.instrument) and not key.account
    beyond = params.beyond and family.ranged
    return msgspec.structs.replace(key, levels=levels, pace_ns=pace_ns, stamps=stamps, beyond=beyond)


def _known(context: Context, name: str) -> ChannelKey | None:
    """The channel if its instruments, or its venue, exist; channels of kinds and indices always do.

    Raises `RequestError` where the server lacks the extra that the channel needs.
    """
    key = parse_channel(name)
    if key is None or not may_subscribe(context.identity, key.name):
        return None
    extra = FAMILIES[key.family].extra
    if extra and _lacks(extra):
        reason = f"{name} needs the extra `{extra}` at the server: {how_to_install(extra)}"
        raise RequestError(UNAVAILABLE, "unavailable", reason=reason, param="channels")
    if key.instrument and not key.pattern and context.market.find(key.instrument) is None:
        return None
    if key.other and context.market.find(key.other) is None:
        return None
    if key.venue and not context.market.knows(key.venue):
        return None
    return _owned(context, key) if channel_right(key.name) else key


@cache
def _lacks(extra: str) -> bool:
    """Whether the server does not have the modules of an extra; looked for once, as that reads folders."""
    return None in map(find_spec, _NEEDED[extra])


def _owned(context: Context, key: ChannelKey) -> ChannelKey | None:
    """A private channel with the client's account; None if there is no such account."""
    if context.trading is None or context.identity is None:
        return None
    account = context.trading.account(context.identity.account)
    return None if account is None else msgspec.structs.replace(key, account=account)


def _session(context: Context) -> Conversation:
    assert context.session is not None, "the table lets only WebSocket sessions in"
    return context.session
