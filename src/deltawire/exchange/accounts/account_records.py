"""The records of accounts, and the events of accounts."""

import msgspec

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


class OpenSubaccount(Record, frozen=True, tag=True, kw_only=True):
    """An account of its own that belongs to `account`; its number is the next of such."""

    account: AccountId
    name: str


class RenameSubaccount(Record, frozen=True, tag=True, kw_only=True):
    """A sub-account has another name from now on."""

    account: AccountId
    sub: AccountId
    name: str


class SetSubaccountLogin(Record, frozen=True, tag=True, kw_only=True):
    """Whether sessions may act for a sub-account."""

    account: AccountId
    sub: AccountId
    enabled: bool


class CloseSubaccount(Record, frozen=True, tag=True, kw_only=True):
    """A sub-account without money, positions and orders ends; its number is not given again."""

    account: AccountId
    sub: AccountId


class Transfer(Record, frozen=True, tag=True, kw_only=True):
    """Money from an account to another of the same owner, if no position needs it."""

    account: AccountId
    to: AccountId
    currency: str
    units: int
    nonce: str = ""
    """By which the client knows it."""


class Move(msgspec.Struct, frozen=True):
    """So many lots of a position, at a price."""

    instrument: str
    lots: int
    price: float


class MovePositions(Record, frozen=True, tag=True, kw_only=True):
    """Parts of positions from an account to another of the same owner, all of them or none, without fees."""

    account: AccountId
    to: AccountId
    moves: tuple[Move, ...]


AccountRecord = (
    Prices
    | Deposit
    | Withdraw
    | SetMarginModel
    | OpenSubaccount
    | RenameSubaccount
    | SetSubaccountLogin
    | CloseSubaccount
    | Transfer
    | MovePositions
)


class Charged(AccountEvent, frozen=True, tag=True):
    """Fee and balance change of a fill, in smallest units of `currency`; follows its `Fill`."""

    trade_id: TradeId
    order_id: OrderId
    instrument: str
    currency: str
    fee: int
    profit: int
    cashflow: int = 0
    """What was realised, or of an option paid (below zero) or got."""
    balance: int = 0
    """Behind it, as in all that follow."""
    lots: int = 0
    """The position behind it."""


class BalanceChanged(AccountEvent, frozen=True, tag=True):
    """A deposit or withdrawal (below zero); of a transfer `other` is the account at its other end."""

    currency: str
    units: int
    at_ns: int = 0
    balance: int = 0
    other: AccountId = 0
    nonce: str = ""


class Settled(AccountEvent, frozen=True, tag=True):
    """The profit of a future since the last settlement became balance; the position continues."""

    instrument: str
    currency: str
    units: int
    price: float
    at_ns: int = 0
    balance: int = 0
    lots: int = 0
    funding: int = 0
    """The part of `units` that is funding; below zero when paid."""
    index: float | None = None


class Delivered(AccountEvent, frozen=True, tag=True):
    """A position ended at its delivery price; `units` is its value, without the fee."""

    instrument: str
    currency: str
    lots: int
    units: int
    fee: int
    price: float
    at_ns: int = 0
    balance: int = 0
    funding: int = 0


class SubaccountOpened(AccountEvent, frozen=True, tag=True):
    """The account has a sub-account of this number and name."""

    number: AccountId
    name: str


class PositionMoved(AccountEvent, frozen=True, tag=True):
    """A part of a position came from, or (lots of the other sign) went to another account."""

    instrument: str
    currency: str
    lots: int
    price: float
    at_ns: int
    balance: int
    position: int
    other: AccountId


class LiquidationBegan(AccountEvent, frozen=True, tag=True):
    """The maintenance margin exceeds the margin balance: the account can neither place nor cancel orders."""

    currency: str


class LiquidationEnded(AccountEvent, frozen=True, tag=True):
    """The liquidation has ended. `covered`: units paid by the insurance fund and by winners."""

    currency: str
    covered: int
    socialised: int
    at_ns: int = 0
    balance: int = 0


AccountNotice = (
    Charged
    | BalanceChanged
    | Settled
    | Delivered
    | SubaccountOpened
    | PositionMoved
    | LiquidationBegan
    | LiquidationEnded
)
