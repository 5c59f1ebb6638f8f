"""The results of methods as types, for documents and for those who check. Names: docs.deribit.com."""

from typing import Any, Literal

import msgspec

from deltawire.dialect.account_results import ACCOUNT_RESULTS, SupportedIndex
from deltawire.dialect.payloads import Definitions, Ticker, Trade
from deltawire.dialect.private_payloads import (
    Position,
    UserOrder,
    UserTrade,
)
from deltawire.dialect.summaries import AccountSummaries, AccountSummary

Number = float | None
Ok = Literal["ok"]


class Version(msgspec.Struct):
    """The server's version."""

    version: str


class PlatformStatus(msgspec.Struct):
    """Which indices are locked."""

    locked: str
    locked_indices: list[str]


class Tokens(msgspec.Struct):
    """An access token, how many seconds it lives, and the token that renews it."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str
    token_type: str


class SignedIn(Tokens, omit_defaults=True):
    """The tokens of a new session, with the other members of a login."""

    enabled_features: list[str]
    google_login: bool
    mandatory_tfa_status: str
    state: str | None = None


class ReplayState(msgspec.Struct):
    """What can be replayed, and where this connection's replay stands; null where there is none.

    `speed` is recorded seconds per second, 0 while it is paused.
    """

    available: bool
    venues: list[str]
    start_timestamp: int | None
    end_timestamp: int | None
    active: bool
    timestamp: int | None
    speed: Number
    ended: bool


class ClientQueue(msgspec.Struct):
    """A WebSocket connection; `behind` while it reads more slowly than the server writes."""

    channels: int
    queue_bytes: int
    behind: bool


class VenueConnections(msgspec.Struct):
    """The live connections to a venue. `streams` are counted by state, `waiting` are requests held for its limits."""

    sockets: int
    reconnects: int
    streams: dict[str, int]
    waiting: int
    weight_used: int
    weight_limit: int | None
    subscribed: int
    listed: int
    why: str


class VenueHealth(msgspec.Struct):
    """A venue; `lag_ms` is from its own timestamp to our receipt, `connection` null for recordings and the exchange.

    `state` and `state_reason` are what the venue says of itself; `up` if it says nothing.
    """

    venue: str
    lag_ms: Number
    faults: int
    stale: int
    resyncs: int
    closed: str
    state: str
    state_reason: str
    connection: VenueConnections | None


class ServerHealth(msgspec.Struct):
    """How the server is doing; numbers without a unit count since its start.

    `tick_counts` are ticks by their duration from the first event to the last write: one for each of `tick_bounds_ms`
    at or below it, then those above the last. `slowest` are the connections that have read least.
    """

    timestamp: int
    ready: bool
    reason: str
    connections: int
    subscriptions: int
    queue_bytes: int
    behind: int
    slowest: list[ClientQueue]
    accepted: int
    refused: int
    deliveries: int
    delivered_bytes: int
    merged: int
    tick_bounds_ms: list[float]
    tick_counts: list[int]
    venues: list[VenueHealth]


class Mac(msgspec.Struct):
    """How frames are attested from here on."""

    algorithm: str
    nonce: str


class ApiKey(msgspec.Struct):
    """A key without its secret; times in milliseconds."""

    id: int
    client_id: str
    name: str
    default: bool
    enabled_features: list[str]
    max_scope: str
    enabled: bool
    timestamp: int
    expires: int | None
    ip_whitelist: list[str]
    asymmetric: bool


class TickSizeStep(msgspec.Struct):
    """The tick size above a price."""

    above_price: float
    tick_size: float


class InstrumentFacts(msgspec.Struct, omit_defaults=True):
    """One instrument; null is what nobody has stated."""

    instrument_name: str
    instrument_id: int
    kind: str | None
    state: str
    is_active: bool
    base_currency: str | None
    quote_currency: str | None
    counter_currency: str | None
    contract_size: Number
    amount_unit: str | None
    price_index: str | None
    instrument_type: str | None
    creation_timestamp: int | None
    expiration_timestamp: int | None
    rfq: bool
    underlying_type: str
    venue: str
    tick_size: Number
    min_trade_amount: Number
    tick_size_steps: list[TickSizeStep] | None = None
    maker_commission: Number = None
    taker_commission: Number = None
    max_leverage: Number = None
    max_liquidation_commission: Number = None
    settlement_currency: str | None = None
    settlement_period: str | None = None
    future_type: str | None = None
    strike: Number = None
    option_type: str | None = None


class WithdrawalPriority(msgspec.Struct):
    """How fast a withdrawal is for how much; there are none here."""

    name: str
    value: float


class Currency(msgspec.Struct):
    """A coin."""

    currency: str
    currency_long: str
    coin_type: str
    decimals: int
    min_confirmations: int
    min_withdrawal_fee: float
    withdrawal_fee: float
    withdrawal_priorities: list[WithdrawalPriority]
    in_cross_collateral_pool: bool


class OrderBook(Ticker, omit_defaults=True, kw_only=True):
    """A ticker and the best levels: price and amount, best first."""

    change_id: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    complete_to: tuple[Number, Number] = (None, None)
    """The lowest bid and the highest ask up to which every level is known; null: to the end of the side."""


class BookSummary(msgspec.Struct, omit_defaults=True):
    """An instrument's last 24 hours; prices null where there are none."""

    instrument_name: str
    base_currency: str
    quote_currency: str
    creation_timestamp: int
    bid_price: Number
    ask_price: Number
    mid_price: Number
    mark_price: Number
    last: Number
    high: Number
    low: Number
    price_change: Number
    volume: float
    open_interest: float
    estimated_delivery_price: Number
    volume_usd: Number = None
    volume_notional: Number = None
    current_funding: Number = None
    funding_8h: Number = None
    mark_iv: Number = None
    underlying_price: Number = None
    underlying_index: str | None = None
    interest_rate: Number = None


class Trades(msgspec.Struct):
    """A page of trades."""

    trades: list[Trade]
    has_more: bool


class Candles(msgspec.Struct):
    """Candles as columns; `ticks` are their starts."""

    status: Literal["ok", "no_data"]
    ticks: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[Number]
    cost: list[Number]


class IndexValue(msgspec.Struct):
    """An index, and what would be settled at now."""

    index_price: float
    estimated_delivery_price: float


class FundingHour(msgspec.Struct):
    """What a perpetual cost to hold for an hour."""

    timestamp: int
    index_price: Number
    prev_index_price: Number
    interest_8h: float
    interest_1h: float


class VolatilityIndexCandles(msgspec.Struct):
    """Candles of a volatility index."""

    data: list[tuple[int, float, float, float, float]]
    continuation: int | None


class PlacedOrder(msgspec.Struct):
    """An order, and the trades that it led to at once."""

    order: UserOrder
    trades: list[UserTrade]


class CancelledOrders(msgspec.Struct):
    """The orders of an instrument that were cancelled."""

    instrument_name: str
    currency: str
    type: str
    result: list[UserOrder]


class OrderPage(msgspec.Struct):
    """A page of orders, and where the next begins."""

    orders: list[UserOrder]
    continuation: str | None


class UserTrades(msgspec.Struct):
    """A page of one's own trades."""

    trades: list[UserTrade]
    has_more: bool


class QuoteErrorBody(msgspec.Struct, omit_defaults=True):
    """The error that an order would have had."""

    code: int
    message: str
    data: dict[str, str] = {}


class QuoteError(msgspec.Struct):
    """Why one side of a quote was refused."""

    instrument_name: str
    quote_id: str
    quote_set_id: str
    side: Literal["bid", "ask"]
    code: int
    message: str
    error: QuoteErrorBody


class QuoteReport(msgspec.Struct, omit_defaults=True):
    """What came of many quotes; orders, trades and errors with `detailed`."""

    errors_count: int
    success_count: int | None = None
    orders: list[UserOrder] | None = None
    trades: list[UserTrade] | None = None
    errors: list[QuoteError] | None = None
    pending_requests: list[UserOrder] | None = None
    pending_requests_count: int | None = None


class Margins(msgspec.Struct):
    """What an order would need, and between which prices it may be."""

    buy: float
    sell: float
    min_price: Number
    max_price: Number


class MarginRates(msgspec.Struct):
    """Margins as shares of the margin balance."""

    initial_margin_rate: float
    maintenance_margin_rate: float
    available_balance: float


class MarginChange(msgspec.Struct):
    """What another margin model changed in a currency."""

    currency: str
    old_state: MarginRates
    new_state: MarginRates


class MmpConfig(msgspec.Struct, omit_defaults=True):
    """Market-maker protection as it is set; seconds."""

    index_name: str
    mmp_group: str
    interval: int
    frozen_time: int
    block_rfq: bool
    quantity_limit: Number = None
    delta_limit: Number = None
    vega_limit: Number = None
    trade_count_limit: int | None = None


class MmpStatus(msgspec.Struct):
    """A frozen group; 0 is until reset."""

    index_name: str
    mmp_group: str
    frozen_until: int


class AccessLogEntry(msgspec.Struct):
    """A login; no log of them is kept, so that there are none."""

    id: int
    timestamp: int
    ip: str
    result: str
    country: str
    city: str


Expirations = dict[str, list[str] | dict[str, list[str]]]
"""Lists by kind; under a currency where one is asked for, under each with `grouped`."""


class CancelOnDisconnect(msgspec.Struct):
    """Whether orders go with their connection."""

    scope: str
    enabled: bool


class SelfTrading(msgspec.Struct):
    """What happens when an account would trade with itself."""

    mode: str
    extended_to_subaccounts: bool


Cancelled = int | list[CancelledOrders]
_ORDERS, _USER_TRADES = list[UserOrder], UserTrades
RESULTS: dict[str, Any] = {
    "private/buy": PlacedOrder,
    "private/cancel": UserOrder,
    "private/cancel_all": Cancelled,
    "private/cancel_all_by_currency": Cancelled,
    "private/cancel_all_by_currency_pair": Cancelled,
    "private/cancel_all_by_instrument": Cancelled,
    "private/cancel_all_by_kind_or_type": Cancelled,
    "private/cancel_by_label": Cancelled,
    "private/cancel_quotes": Cancelled,
    "private/change_margin_model": list[MarginChange],
    "private/close_position": PlacedOrder,
    "private/disable_cancel_on_disconnect": Ok,
    "private/edit": PlacedOrder,
    "private/edit_by_label": PlacedOrder,
    "private/enable_cancel_on_disconnect": Ok,
    "private/enable_mac": Mac,
    "private/get_access_log": list[AccessLogEntry],
    "private/get_account_summaries": AccountSummaries,
    "private/get_account_summary": AccountSummary,
    "private/get_cancel_on_disconnect": CancelOnDisconnect,
    "private/get_margins": Margins,
    "private/get_mmp_config": list[MmpConfig],
    "private/get_mmp_status": list[MmpStatus],
    "private/get_open_orders": _ORDERS,
    "private/get_open_orders_by_currency": _ORDERS,
    "private/get_open_orders_by_instrument": _ORDERS,
    "private/get_open_orders_by_label": _ORDERS,
    "private/get_order_history_by_currency": _ORDERS | OrderPage,
    "private/get_order_history_by_instrument": _ORDERS | OrderPage,
    "private/get_order_state": UserOrder,
    "private/get_order_state_by_label": _ORDERS,
    "private/get_position": Position,
    "private/get_positions": list[Position],
    "private/get_self_trading_config": SelfTrading,
    "private/get_user_trades_by_currency": _USER_TRADES,
    "private/get_user_trades_by_currency_and_time": _USER_TRADES,
    "private/get_user_trades_by_instrument": _USER_TRADES,
    "private/get_user_trades_by_instrument_and_time": _USER_TRADES,
    "private/get_user_trades_by_order": list[UserTrade],
    "private/list_api_keys": list[ApiKey],
    "private/logout": None,
    "private/mass_quote": QuoteReport,
    "private/reset_mmp": Ok,
    "private/sell": PlacedOrder,
    "private/set_mmp_config": list[MmpConfig],
    "private/set_self_trading_config": Ok,
    "private/subscribe": list[str],
    "private/unsubscribe": list[str],
    "private/unsubscribe_all": Ok,
    "public/auth": SignedIn,
    "public/disable_heartbeat": Ok,
    "public/fork_token": Tokens,
    "public/get_book_summary_by_currency": list[BookSummary],
    "public/get_book_summary_by_instrument": list[BookSummary],
    "public/get_currencies": list[Currency],
    "public/get_definitions": Definitions,
    "public/get_expirations": Expirations,
    "public/get_funding_rate_history": list[FundingHour],
    "public/get_funding_rate_value": float,
    "public/get_index_price": IndexValue,
    "public/get_index_price_names": list[str | SupportedIndex],
    "public/get_instrument": InstrumentFacts,
    "public/get_instruments": list[InstrumentFacts],
    "public/get_last_trades_by_currency": Trades,
    "public/get_last_trades_by_currency_and_time": Trades,
    "public/get_last_trades_by_instrument": Trades,
    "public/get_last_trades_by_instrument_and_time": Trades,
    "public/get_order_book": OrderBook,
    "public/get_order_book_by_instrument_id": OrderBook,
    "public/get_time": int,
    "public/get_server_health": ServerHealth,
    "public/get_tradingview_chart_data": Candles,
    "public/get_volatility_index_data": VolatilityIndexCandles,
    "public/get_replay": ReplayState,
    "public/hello": Version,
    "public/set_heartbeat": Ok,
    "public/set_replay": ReplayState,
    "public/status": PlatformStatus,
    "public/subscribe": list[str],
    "public/test": Version,
    "public/ticker": Ticker,
    "public/unsubscribe": list[str],
    "public/unsubscribe_all": Ok,
    "public/exchange_token": Tokens,
    **ACCOUNT_RESULTS,
}
"""By method; null is not answered."""
