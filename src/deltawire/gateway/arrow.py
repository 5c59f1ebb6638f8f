"""Trades as an Arrow IPC stream: what flowsurface asks a data server of its users for (`GET /trades.arrow`)."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

import structlog

from deltawire.errors import RequestError, how_to_install
from deltawire.market.market import Market
from deltawire.market.state import InstrumentState
from deltawire.recording.entry import LATEST_NS
from deltawire.recording.past_trades import PastTrade, PastTrades
from deltawire.wire.rpc import INVALID_PARAMS

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
MS_NS = 1_000_000
MOST_TRADES = 100_000
UNAVAILABLE = 13503
MARKETS = "spot", "linear", "inverse"

log = structlog.get_logger()


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


def format_trades(
    state: InstrumentState, query: Mapping[str, str], stores: Sequence[PastTrades] = (), now: int = LATEST_NS
) -> bytes:
    """The trades from `from` to `to` (ms since 1970, both included), the first `limit` of them, oldest first.

    They are those of stores up to `now`, and those kept here. Columns: `ts` int64 (ms), `price` and `qty` float64,
    `is_sell` bool. `RequestError` for what is no number, or if a store cannot be read.
    """
    begin, end = _number(query, "from", 0), _number(query, "to", LATEST_NS // MS_NS)
    limit = min(_number(query, "limit", MOST_TRADES), MOST_TRADES)
    try:
        pa: Any = import_module("pyarrow")
        trades = _trades(state, (begin * MS_NS, min((end + 1) * MS_NS - 1, now)), limit, stores)
    except ImportError as error:
        reason = f"the server has no pyarrow: {how_to_install('arrow')}"
        raise RequestError(UNAVAILABLE, "unavailable", reason=reason) from error
    except (OSError, ValueError) as error:
        log.error("a store cannot be read", error=str(error))
        raise RequestError(
            UNAVAILABLE, "unavailable", reason="stored trades cannot be read", retry=True
        ) from error
    batch = pa.record_batch(
        [
            pa.array([trade.venue_ns // MS_NS for trade in trades], pa.int64()),
            pa.array([trade.price for trade in trades], pa.float64()),
            pa.array([trade.size for trade in trades], pa.float64()),
            pa.array([trade.is_sell for trade in trades], pa.bool_()),
        ],
        names=["ts", "price", "qty", "is_sell"],
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def _trades(
    state: InstrumentState, span: tuple[int, int], limit: int, stores: Sequence[PastTrades]
) -> list[PastTrade]:
    """The first trades of a time; one that is stored and kept here counts once."""
    begin_ns, end_ns = span
    found: dict[PastTrade, None] = {}
    for store in stores:
        found |= dict.fromkeys(islice(store.between(state.instrument, begin_ns, end_ns), limit))
    for entry in list(state.tape):
        trade = entry.trade
        if begin_ns <= trade.venue_ns <= end_ns:
            sells = trade.side == "sell"
            kept = PastTrade(trade.venue_ns, trade.trade_id, trade.price_float, trade.size_float, sells)
            found[kept] = None
    return sorted(found, key=lambda trade: trade.venue_ns)[:limit]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise _refused(name, f"must be a whole number, not {text[:40]!r}")
    return int(text)


def _refused(param: str, reason: str) -> RequestError:
    return RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param=param)
