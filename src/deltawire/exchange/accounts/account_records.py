"""The records of accounts, and the events of accounts."""

from deltawire.exchange.accounts.ledger import MarginModel
from deltawire.exchange.orders.orders import AccountId, OrderId, TradeId
from deltawire.exchange.ports import AccountEvent, Record
from deltawire.exchange.pricing.pricing import Prices


class Deposit(Record, frozen=True, tag=True, kw_only=True):
    """A deposit in smallest units of the currency (1e-8). Creates the account if necessary.

    With a `number` it is the account's deposit of that number, from 1 on, and is made once, in their order.
    """

    account: AccountId
    currency: str
    units: int
    number: int = 0


class Withdraw(Record, frozen=True, tag=True, kw_only=True):
    """A withdrawal, if no position needs the money."""

    account: AccountId
    currency: str
    units: int


class SetMarginModel(Record, frozen=True, tag=True, kw_only=True):
    """Set the margin model of the account, if its funds cover the margins."""

    account: AccountId
    model: MarginModel


AccountRecord = Prices | Deposit | Withdraw | SetMarginModel


class Charged(AccountEvent, frozen=True, tag=True):
    """Fee and balance change of a fill, in smallest units of `currency`; follows its `Fill`."""

    trade_id: TradeId
    order_id: OrderId
    instrument: str
    currency: str
    fee: int
    profit: int


class BalanceChanged(AccountEvent, frozen=True, tag=True):
    """A deposit, or a withdrawal (below zero)."""

    currency: str
    units: int


class Settled(AccountEvent, frozen=True, tag=True):
    """The profit of a future since the last settlement became balance; the position continues."""

    instrument: str
    currency: str
    units: int
    price: float


class Delivered(AccountEvent, frozen=True, tag=True):
    """A position ended at its delivery price; `units` is its value, without the fee."""

    instrument: str
    currency: str
    lots: int
    units: int
    fee: int
    price: float


class LiquidationBegan(AccountEvent, frozen=True, tag=True):
    """The maintenance margin exceeds the margin balance: the account can neither place nor cancel orders."""

    currency: str


class LiquidationEnded(AccountEvent, frozen=True, tag=True):
    """The liquidation has ended. `covered`: units paid by the insurance fund and by winners."""

    currency: str
    covered: int
    socialised: int


AccountNotice = Charged | BalanceChanged | Settled | Delivered | LiquidationBegan | LiquidationEnded
