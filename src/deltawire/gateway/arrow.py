"""Trades as an Arrow IPC stream: what flowsurface asks a data server of its users for (`GET /trades.arrow`)."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from deltawire.errors import RequestError
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.wire.rpc import INVALID_PARAMS

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
MS_NS = 1_000_000
MOST_TRADES = 100_000
UNAVAILABLE = 13503
MARKETS = "spot", "linear", "inverse"


def find_state(market: Market, query: Mapping[str, str]) -> InstrumentState:
    """The instrument of `venue`, `market` and `symbol`, whatever their case; `RequestError` if there is none.

    A venue may be named without its part: `bybit` for `bybit_linear`. `market` is spot, linear or inverse; it may be
    omitted, as may the venue.
    """
    venue, kind = query.get("venue", "").lower(), query.get("market", "").lower()
    symbol = query.get("symbol", "").lower()
    if not symbol:
        raise _refused("symbol", "which instrument? /trades.arrow?venue=…&symbol=…")
    if kind and not any(kind.startswith(each) for each in MARKETS):
        raise _refused("market", f"must be one of {', '.join(MARKETS)}")
    for state in market:
        instrument = state.instrument
        named = symbol in (instrument.name.lower(), state.name.lower())
        of_venue = venue in ("", instrument.venue, instrument.venue.partition("_")[0])
        if named and of_venue and (not kind or kind.startswith(_kind(state))):
            return state
    raise _refused("symbol", "no such instrument")


def _kind(state: InstrumentState) -> str:
    instrument = state.instrument
    return "spot" if instrument.kind == "spot" else "inverse" if instrument.inverse else "linear"


def format_trades(state: InstrumentState, query: Mapping[str, str]) -> bytes:
    """The kept trades from `from` to `to` (ms since 1970, both included), the first `limit` of them, oldest first.

    Columns: `ts` int64 (ms), `price` and `qty` float64, `is_sell` bool. `RequestError` for what is no number.
    """
    begin, end = _number(query, "from", 0), _number(query, "to", (1 << 63) - 1)
    limit = min(_number(query, "limit", MOST_TRADES), MOST_TRADES)
    trades = [entry.trade for entry in state.tape if begin <= entry.trade.venue_ns // MS_NS <= end][:limit]
    try:
        pa: Any = import_module("pyarrow")
    except ImportError as error:
        reason = "the server has no pyarrow: pip install 'deltawire[arrow]'"
        raise RequestError(UNAVAILABLE, "unavailable", reason=reason) from error
    batch = pa.record_batch(
        [
            pa.array([trade.venue_ns // MS_NS for trade in trades], pa.int64()),
            pa.array([trade.price_float for trade in trades], pa.float64()),
            pa.array([trade.size_float for trade in trades], pa.float64()),
            pa.array([trade.side == "sell" for trade in trades], pa.bool_()),
        ],
        names=["ts", "price", "qty", "is_sell"],
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _refused(name, f"must be a whole number, not {text[:40]!r}")
    return int(text)


def _refused(param: str, reason: str) -> RequestError:
    return RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param=param)
