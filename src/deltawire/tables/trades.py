"""Rows of trades."""

from deltawire.model.events import Trade
from deltawire.tables.schemas import F_BAD_TS_RECV, F_LAST
from deltawire.tables.values import SIDES, Values


def trade_values(trade: Trade, doubt: int = 0) -> Values:
    """The columns that trades share, up to `sequence`; `doubt` is a flag of the book beside."""
    instrument = trade.instrument
    return (
        trade.venue_ns,
        trade.seen_ns,
        instrument.venue,
        instrument.name,
        "T",
        SIDES[trade.side],
        0,
        trade.price_ticks,
        trade.size_lots,
        F_LAST | doubt | (0 if trade.seen_ns else F_BAD_TS_RECV),
        trade.sequence,
    )


def row_of_trade(trade: Trade) -> Values:
    """A row of `trades`."""
    return (*trade_values(trade), trade.trade_id, trade.liquidation)
