"""The accounts' own records, and what they tell of accounts."""

from deltawire.exchange.accounts.ledger import MarginModel
from deltawire.exchange.orders.orders import AccountId, OrderId, TradeId
from deltawire.exchange.ports import AccountEvent, Record
from deltawire.exchange.pricing.pricing import Prices


class Deposit(Record, frozen=True, tag=True, kw_only=True):
    """Money comes in; `units` are the smallest of the currency (1e-8). Opens the account if need be.

    With a `number` it is the one of that number among the account's, from 1 on, and is taken once, in their order.
    """

    account: AccountId
    currency: str
    units: int
    number: int = 0


class Withdraw(Record, frozen=True, tag=True, kw_only=True):
    """Money goes out, if no position needs it."""

    account: AccountId
    currency: str
    units: int


class SetMarginModel(Record, frozen=True, tag=True, kw_only=True):
    """From now on the account is margined by this model, if it can bear it."""

    account: AccountId
    model: MarginModel


AccountRecord = Prices | Deposit | Withdraw | SetMarginModel


class Charged(AccountEvent, frozen=True, tag=True):
    """What a fill cost and brought, in smallest units of `currency`; follows its `Fill`."""

    trade_id: TradeId
    order_id: OrderId
    instrument: str
    currency: str
    fee: int
    profit: int


class BalanceChanged(AccountEvent, frozen=True, tag=True):
    """A deposit or withdrawal (below zero)."""

    currency: str
    units: int


class Settled(AccountEvent, frozen=True, tag=True):
    """A future's profit since the last settlement became balance; the position goes on."""

    instrument: str
    currency: str
    units: int
    price: float


class Delivered(AccountEvent, frozen=True, tag=True):
    """A position ended at its delivery price; `units` are what it brought, the fee not counted."""

    instrument: str
    currency: str
    lots: int
    units: int
    fee: int
    price: float


class LiquidationBegan(AccountEvent, frozen=True, tag=True):
    """The maintenance margin exceeds the margin balance: the account may place and cancel nothing."""

    currency: str


class LiquidationEnded(AccountEvent, frozen=True, tag=True):
    """The account is its owner's again. `covered`: units that the insurance fund and winners paid for it."""

    currency: str
    covered: int
    socialised: int


AccountNotice = Charged | BalanceChanged | Settled | Delivered | LiquidationBegan | LiquidationEnded
