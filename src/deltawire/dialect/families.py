"""The families of channels, one row each. Public names: docs.deribit.com; `status.X` and `venue_status` are extensions.

A new family is a row here, and the class that the row names in a file of `fanout/channels/`.
"""

from typing import Any, Literal

import msgspec

from deltawire.analytics.figures import (
    AlertData,
    ChainData,
    CrossedData,
    DepthData,
    FlowData,
    GammaData,
    ImbalanceData,
    PricesData,
    SkewData,
    SurfaceData,
)
from deltawire.dialect.payloads import (
    Candle,
    ExpirationPrice,
    Health,
    IncrementalTicker,
    IndexPrice,
    IndexStatistics,
    InstrumentState,
    MarkPrice,
    Perpetual,
    PlatformState,
    Quote,
    RankedPrice,
    Status,
    Ticker,
    Trade,
    VenueStatus,
    VolatilityIndex,
)
from deltawire.dialect.private_payloads import Lock, MmpTrigger, UserChanges, UserOrder, UserTrade
from deltawire.dialect.summaries import Summary
from deltawire.wire.notifications import BookData, GroupedBook

KINDS = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")
RESOLUTIONS = {"1": 1, "3": 3, "5": 5, "10": 10, "15": 15, "30": 30, "60": 60}
RESOLUTIONS |= {"120": 120, "180": 180, "360": 360, "720": 720, "1D": 1440}
"""Candle resolutions in minutes."""
INTERVALS_NS = {"raw": 0, "100ms": 100_000_000, "agg2": 1_000_000_000}
"""The time between two notifications; Deribit documents agg2 only as slower than 100ms."""
EVERY_NS = {"100ms": 100_000_000, "1s": 1_000_000_000, "10s": 10_000_000_000, "1m": 60_000_000_000}
"""The intervals of analytics."""
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "interval": tuple(INTERVALS_NS),
    "resolution": tuple(RESOLUTIONS),
    "group": ("none", "1", "2", "5", "10", "25", "100", "250"),
    "depth": ("1", "10", "20"),
    "role": ("maker", "taker"),
    "every": tuple(EVERY_NS),
    "alert": ("thin", "wide"),
}
"""Parts of names with a fixed set of values; the others are `instrument`, `index`, `currency`, `underlying`, `expiry`,
`other`, `threshold` and `venue`."""

Merging = Literal["never", "newest", "book"]


class Unsaid(msgspec.Struct):
    """The data of channels about which nothing is ever said here: it has no members."""


SILENT = Unsaid
"""The data type of channels that never publish, because their subject does not exist here."""


class Family(msgspec.Struct, frozen=True):
    """The properties shared by all channels of a family."""

    name: str
    names: tuple[str, ...]
    """Templates of its channel names; the document shows the last one."""
    channel: str
    """Name of the class that implements it."""
    data: Any
    """Type of the data in its notifications."""
    right: str = ""
    """The right that a subscriber needs; empty for public channels."""
    interval: str = ""
    """The interval if the name states none."""
    paced: bool = False
    """Whether `max_rate` applies."""
    limited: bool = False
    """Whether `depth` applies."""
    ranged: bool = False
    """Whether it is limited to a book's known range, unless `beyond` asks for more."""
    extra: str = ""
    """The extra of the package without which it is refused."""
    merging: Merging = "never"
    """How several notifications are merged: only the newest, the sum of a book's changes, or never."""

    @property
    def derived(self) -> bool:
        """Whether it publishes what a derivation finds, under the name of the channel."""
        return self.channel.endswith("FiguresChannel")

    @property
    def silent(self) -> bool:
        """Whether it is accepted, because clients subscribe to it, and never publishes."""
        return self.channel.endswith("SilentChannel")


def _of(head: str) -> tuple[str, str]:
    """Templates for a kind and currency, and for one instrument."""
    return f"{head}.{{kind}}.{{currency}}.{{interval}}", f"{head}.{{instrument}}.{{interval}}"


def _figures(name: str, data: Any, template: str = "", extra: str = "") -> Family:
    """Of analytics about one instrument."""
    names = (template or f"{name}.{{instrument}}.{{every}}",)
    return Family(name, names, "InstrumentFiguresChannel", data, extra=extra, merging="newest")


def _of_options(name: str, data: Any, template: str = "") -> Family:
    """Of analytics about the options on an underlying: a coin, with its venue if that is not the home venue."""
    names = (template or f"{name}.{{underlying}}.{{every}}",)
    return Family(name, names, "OptionFiguresChannel", data, extra="analytics", merging="newest")


_TRADE, _ACCOUNT, _RFQ = "trade:read", "account:read", "block_rfq:read"
_ROWS = (
    Family("user_orders", _of("user.orders"), "PrivateOrdersChannel", UserOrder | list[UserOrder], _TRADE),
    Family("user_trades", _of("user.trades"), "PrivateTradesChannel", list[UserTrade], _TRADE),
    Family("user_changes", _of("user.changes"), "PrivateChangesChannel", UserChanges, _TRADE),
    Family("user_combo_trades", _of("user.combo_trades"), "PrivateSilentChannel", list[UserTrade], _TRADE),
    Family("user_mmp_trigger", ("user.mmp_trigger.{index}",), "MmpTriggerChannel", MmpTrigger, _TRADE),
    # A portfolio has the members of `private/get_account_summary`.
    Family("user_portfolio", ("user.portfolio.{currency}",), "PortfolioChannel", Summary, _ACCOUNT),
    Family("user_access_log", ("user.access_log",), "PrivateSilentChannel", SILENT, _ACCOUNT),
    Family("user_lock", ("user.lock",), "LockChannel", Lock, _ACCOUNT),
    Family("user_rfqs", ("block_rfq.{role}.{currency}",), "PrivateSilentChannel", SILENT, _RFQ),
    Family("user_rfq_quotes", ("block_rfq.maker.quotes.{currency}",), "PrivateSilentChannel", SILENT, _RFQ),
    Family(
        "grouped_book",
        ("book.{instrument}.{group}.{depth}.{interval}",),
        "GroupedBookChannel",
        GroupedBook,
        paced=True,
        ranged=True,
        merging="newest",
    ),
    Family(
        "book",
        ("book.{instrument}.{interval}",),
        "BookChannel",
        BookData,
        paced=True,
        limited=True,
        ranged=True,
        merging="book",
    ),
    Family("kind_trades", ("trades.{kind}.{currency}.{interval}",), "KindTradesChannel", list[Trade]),
    Family("trades", ("trades.{instrument}.{interval}",), "TradesChannel", list[Trade], paced=True),
    Family(
        "ticker", ("ticker.{instrument}.{interval}",), "TickerChannel", Ticker, paced=True, merging="newest"
    ),
    Family(
        "incremental_ticker",
        ("incremental_ticker.{instrument}",),
        "IncrementalTickerChannel",
        IncrementalTicker,
        paced=True,
    ),
    Family("quote", ("quote.{instrument}",), "QuoteChannel", Quote, paced=True, merging="newest"),
    Family(
        "perpetual",
        ("perpetual.{instrument}.{interval}",),
        "PerpetualChannel",
        Perpetual,
        paced=True,
        merging="newest",
    ),
    Family("index", ("deribit_price_index.{index}",), "IndexChannel", IndexPrice, merging="newest"),
    Family(
        "index_statistics",
        ("deribit_price_statistics.{index}",),
        "IndexStatisticsChannel",
        IndexStatistics,
        interval="agg2",
        merging="newest",
    ),
    Family(
        "expiration_price",
        ("estimated_expiration_price.{index}",),
        "ExpirationPriceChannel",
        ExpirationPrice,
        interval="agg2",
        merging="newest",
    ),
    Family(
        "volatility_index",
        ("deribit_volatility_index.{index}",),
        "VolatilityIndexChannel",
        VolatilityIndex,
        interval="agg2",
        merging="newest",
    ),
    Family(
        "price_ranking",
        ("deribit_price_ranking.{index}",),
        "PriceRankingChannel",
        list[RankedPrice],
        interval="agg2",
        merging="newest",
    ),
    Family(
        "candles", ("chart.trades.{instrument}.{resolution}",), "CandlesChannel", Candle, interval="100ms"
    ),
    Family(
        "mark_prices", ("markprice.options.{index}",), "MarkPricesChannel", list[MarkPrice], interval="agg2"
    ),
    Family(
        "instrument_state", ("instrument.state.{kind}.{currency}",), "InstrumentStateChannel", InstrumentState
    ),
    Family("health", ("book.{instrument}.health",), "HealthChannel", Health, merging="newest"),
    Family("status", ("status.{instrument}",), "StatusChannel", Status, merging="newest"),
    _figures("imbalance", ImbalanceData),
    _figures("depth", DepthData),
    _figures("prices", PricesData),
    _figures("flow", FlowData, extra="analytics"),
    _of_options("chain", ChainData, "chain.{underlying}.{expiry}.{every}"),
    _of_options("surface", SurfaceData),
    _of_options("skew", SkewData),
    _of_options("gex", GammaData),
    _figures("alert", AlertData, "alert.{instrument}.{alert}.{threshold}.{every}"),
    _figures("crossed", CrossedData, "alert.{instrument}.crossed.{other}.{threshold}.{every}"),
    Family("venue_status", ("venue_status.{venue}",), "VenueStatusChannel", VenueStatus, merging="newest"),
    Family("platform_state", ("platform_state",), "PlatformStateChannel", PlatformState),
    Family("methods_state", ("platform_state.public_methods_state",), "SilentChannel", SILENT),
    Family("announcements", ("announcements",), "SilentChannel", SILENT),
    Family("block_trades", ("block_trade_confirmations",), "SilentChannel", SILENT),
    Family("currency_block_trades", ("block_trade_confirmations.{currency}",), "SilentChannel", SILENT),
    Family("rfq_trades", ("block_rfq.trades.{currency}",), "SilentChannel", SILENT),
)
FAMILIES = {row.name: row for row in _ROWS}
"""The rows by name. If templates of two families match a name, the first is used."""
