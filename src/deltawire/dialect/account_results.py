"""The results of methods about the past, about money and about sub-accounts as types. Names: docs.deribit.com."""

from typing import Any, Literal

import msgspec

from deltawire.dialect.private_payloads import Position, UserOrder
from deltawire.dialect.summaries import AccountSummary

Number = float | None
Pairs = list[tuple[int, float]]
"""Milliseconds and a number, oldest first."""


class Settlement(msgspec.Struct):
    """A settlement or delivery; amounts in the settlement currency."""

    type: str
    timestamp: int
    instrument_name: str
    position: float
    mark_price: Number
    index_price: Number
    profit_loss: float
    session_profit_loss: float
    funding: float


class Settlements(msgspec.Struct):
    """A page of settlements; the `continuation` of the last is empty."""

    settlements: list[Settlement]
    continuation: str


class LogInfo(msgspec.Struct, omit_defaults=True):
    """More about a change: of a transfer and a moved position the other account."""

    other_side: str = ""


class LogEntry(msgspec.Struct, omit_defaults=True):
    """A change of a balance, and what brought it about."""

    id: int
    user_seq: int
    user_id: int
    username: str
    timestamp: int
    type: str
    currency: str
    change: float
    balance: float
    cashflow: float
    commission: float
    info: LogInfo
    profit_as_cashflow: bool
    instrument_name: str = ""
    amount: float = 0.0
    contracts: Number = None
    position: Number = None
    price: Number = None
    price_currency: str = ""
    index_price: Number = None
    mark_price: Number = None
    interest_pl: Number = None
    side: str = ""
    order_id: str = ""
    trade_id: str = ""
    user_role: str = ""
    fee_role: str = ""


class TransactionLog(msgspec.Struct):
    """A page of the log; null behind the last."""

    logs: list[LogEntry]
    continuation: int | None


class Deposit(msgspec.Struct):
    """What the operator gave."""

    address: str
    amount: float
    currency: str
    received_timestamp: int
    updated_timestamp: int
    state: str
    transaction_id: str
    source_address: str
    clearance_state: str


class Withdrawal(msgspec.Struct):
    """What the operator took."""

    id: int
    address: str
    amount: float
    fee: float
    priority: float
    currency: str
    created_timestamp: int
    confirmed_timestamp: int
    updated_timestamp: int
    state: str
    transaction_id: str | None


class MoneyTransfer(msgspec.Struct, omit_defaults=True):
    """What went to or came from another account of the same owner."""

    id: int
    amount: float
    currency: str
    direction: Literal["payment", "income"]
    other_side: str
    state: str
    type: str
    created_timestamp: int
    updated_timestamp: int
    nonce: str = ""


class Deposits(msgspec.Struct):
    """A page, and how many there are in all."""

    count: int
    data: list[Deposit]


class Withdrawals(msgspec.Struct):
    """A page, and how many there are in all."""

    count: int
    data: list[Withdrawal]


class Transfers(msgspec.Struct):
    """A page, and how many there are in all."""

    count: int
    data: list[MoneyTransfer]


class TriggerOrder(msgspec.Struct, omit_defaults=True):
    """An order with a trigger in its present state."""

    timestamp: int
    request: str
    source: str
    trigger_order_id: str
    order_id: str
    order_state: str
    order_type: str
    instrument_name: str
    direction: str
    price: float | str
    amount: float
    label: str
    post_only: bool
    reduce_only: bool
    trigger: str
    trigger_price: Number
    last_update_timestamp: int
    trigger_offset: Number = None
    is_secondary_oto: bool = False
    oco_ref: str = ""


class TriggerOrders(msgspec.Struct):
    """A page; the last has no `continuation`."""

    entries: list[TriggerOrder]
    continuation: str | None = None


class OrderMargin(msgspec.Struct):
    """What an order alone requires."""

    order_id: str
    initial_margin: float
    initial_margin_currency: str


class UserLock(msgspec.Struct, omit_defaults=True):
    """Whether a liquidation has locked a currency."""

    currency: str
    enabled: bool
    locked: bool
    message: str = ""


class SubaccountPortfolio(msgspec.Struct):
    """Money and margin of a currency."""

    currency: str
    balance: float
    equity: float
    margin_balance: float
    available_funds: float
    available_withdrawal_funds: float
    initial_margin: float
    maintenance_margin: float
    additional_reserve: float
    spot_reserve: float


class Subaccount(msgspec.Struct, omit_defaults=True):
    """An account of the owner's; the portfolio is by currency in small letters."""

    id: int
    username: str
    system_name: str
    type: str
    email: str
    is_password: bool
    login_enabled: bool
    receive_notifications: bool
    margin_model: str
    proof_id: str
    proof_id_signature: str
    security_keys_enabled: bool
    security_keys_assignments: list[str]
    portfolio: dict[str, SubaccountPortfolio] = {}


class TradingProduct(msgspec.Struct):
    """A kind of instrument that may be switched off; none can be here."""

    product: str
    enabled: bool
    overwriteable: bool


class NewSubaccount(Subaccount, omit_defaults=True):
    """A sub-account that was just created."""

    disabled_trading_products: list[str] = []
    trading_products_details: list[TradingProduct] = []
    referrals_count: int = 0


class SubaccountDetails(msgspec.Struct, omit_defaults=True):
    """Positions and open orders of an account."""

    uid: int
    positions: list[Position]
    open_orders: list[UserOrder] = []


class MovedPosition(msgspec.Struct):
    """A part of a position that another account has now."""

    instrument_name: str
    direction: str
    amount: float
    price: float
    source_uid: int
    target_uid: int


class MovedPositions(msgspec.Struct):
    """All of them."""

    trades: list[MovedPosition]


class DeliveryPrice(msgspec.Struct):
    """The price of one day."""

    date: str
    delivery_price: float


class DeliveryPrices(msgspec.Struct):
    """A page, and how many there are in all."""

    data: list[DeliveryPrice]
    records_total: int


class ContractSize(msgspec.Struct):
    """Of one contract; null if unknown."""

    contract_size: Number


class SupportedIndex(msgspec.Struct):
    """An index; there are no combos."""

    name: str
    future_combo_creation_enabled: bool
    option_combo_creation_enabled: bool


class FundingPoint(msgspec.Struct):
    """The funding at the end of an hour."""

    timestamp: int
    index_price: Number
    interest_8h: float


class FundingChart(msgspec.Struct):
    """The funding of a time, and as it stands."""

    current_interest: float
    interest_8h: float
    data: list[FundingPoint]


class Announcement(msgspec.Struct):
    """What an operator would announce; there are none here."""

    id: int
    title: str
    body: str
    important: bool
    confirmation: bool
    publication_timestamp: int


class TradeVolumes(msgspec.Struct, omit_defaults=True):
    """What was traded of a currency in 24 hours; with `extended` also in 7 and 30 days."""

    currency: str
    futures_volume: float
    calls_volume: float
    puts_volume: float
    spot_volume: float
    futures_volume_7d: Number = None
    calls_volume_7d: Number = None
    puts_volume_7d: Number = None
    spot_volume_7d: Number = None
    futures_volume_30d: Number = None
    calls_volume_30d: Number = None
    puts_volume_30d: Number = None
    spot_volume_30d: Number = None


ACCOUNT_RESULTS: dict[str, Any] = {
    "private/change_subaccount_name": Literal["ok"],
    "private/create_subaccount": NewSubaccount,
    "private/remove_subaccount": Literal["ok"],
    "private/toggle_subaccount_login": Literal["ok"],
    "private/get_deposits": Deposits,
    "private/get_new_announcements": list[Announcement],
    "private/get_order_margin_by_ids": list[OrderMargin],
    "private/get_settlement_history_by_currency": Settlements,
    "private/get_settlement_history_by_instrument": Settlements,
    "private/get_subaccounts": list[Subaccount],
    "private/get_subaccounts_details": list[SubaccountDetails],
    "private/get_transaction_log": TransactionLog,
    "private/get_transfers": Transfers,
    "private/get_trigger_order_history": TriggerOrders,
    "private/get_user_locks": list[UserLock],
    "private/get_withdrawals": Withdrawals,
    "private/move_positions": MovedPositions,
    "private/pme/simulate": AccountSummary,
    "private/simulate_portfolio": AccountSummary,
    "private/submit_transfer_between_subaccounts": MoneyTransfer,
    "private/submit_transfer_to_subaccount": MoneyTransfer,
    "public/get_announcements": list[Announcement],
    "public/get_contract_size": ContractSize,
    "public/get_delivery_prices": DeliveryPrices,
    "public/get_funding_chart_data": FundingChart,
    "public/get_historical_volatility": Pairs,
    "public/get_index": dict[str, float],
    "public/get_index_chart_data": Pairs,
    "public/get_last_settlements_by_currency": Settlements,
    "public/get_last_settlements_by_instrument": Settlements,
    "public/get_mark_price_history": Pairs,
    "public/get_supported_index_names": list[SupportedIndex],
    "public/get_trade_volumes": list[TradeVolumes],
}
"""By method."""
