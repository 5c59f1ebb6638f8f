"""The ledger in whole units. Money only moves; the sum over all accounts is always zero.

The sum includes balances, unsettled amounts of positions, and the house; deposits are counted with a minus sign
there.
"""

from typing import Literal

import msgspec

from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.orders.orders import AccountId, OrderId

MarginModel = Literal["segregated_sm", "segregated_pm"]


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """The open part of an order in a book."""

    instrument: str
    sign: int
    lots: int
    price_ticks: int
    reduce_only: bool


class Wallet(msgspec.Struct, gc=False):
    """One currency of one account."""

    balance: int = 0
    fees: int = 0
    """Fees paid in total, less rebates."""
    liquidating: bool = False


class Account(msgspec.Struct):
    """One account's money, positions and open orders."""

    id: AccountId
    model: MarginModel = "segregated_sm"
    wallets: dict[str, Wallet] = msgspec.field(default_factory=dict)
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    orders: dict[OrderId, OpenOrder] = msgspec.field(default_factory=dict)
    deposits: int = 0
    """Number of numbered deposits that were made."""
    main: AccountId = 0
    """Of a sub-account whose it is."""
    name: str = ""
    """Of a sub-account."""
    login: bool = True
    """Of a sub-account: whether sessions may act for it."""
    opened: int = 0
    """Number of sub-accounts that the account has ever opened."""

    def wallet(self, currency: str) -> Wallet:
        """The wallet of a currency, created empty."""
        wallet = self.wallets.get(currency)
        if wallet is None:
            wallet = self.wallets[currency] = Wallet()
        return wallet


class House(msgspec.Struct):
    """The exchange's own money in one currency."""

    fees: int = 0
    insurance: int = 0
    rounding: int = 0
    """Remainders from rounding shares of one sum; may be below zero, by a few units."""
    deposits: int = 0
    """Deposits not withdrawn yet; the only amount with a minus sign."""


class Ledger(msgspec.Struct):
    """All accounts and the house."""

    accounts: dict[AccountId, Account] = msgspec.field(default_factory=dict)
    houses: dict[str, House] = msgspec.field(default_factory=dict)
    last_sub: AccountId = 0
    """The highest number that a sub-account has had."""

    def account(self, number: AccountId) -> Account:
        """An account, created when it is first named."""
        account = self.accounts.get(number)
        if account is None:
            account = self.accounts[number] = Account(number)
        return account

    def open_subaccount(self, main: AccountId, name: str, first: AccountId) -> Account:
        """A new sub-account; its number is `first` or the next after all sub-accounts so far, closed ones included."""
        numbers = [number for number, each in self.accounts.items() if each.main]
        self.last_sub = max(*numbers, self.last_sub, first - 1) + 1
        account = self.account(self.last_sub)
        account.main, account.name = main, name
        return account

    def close(self, number: AccountId) -> None:
        """Remove an account; `KeyError` if there is none."""
        del self.accounts[number]

    def subaccounts(self, main: AccountId) -> list[Account]:
        """The sub-accounts of an account, in the order of their opening."""
        return [each for each in self.accounts.values() if each.main == main]

    def house(self, currency: str) -> House:
        """The house's money in a currency."""
        house = self.houses.get(currency)
        if house is None:
            house = self.houses[currency] = House()
        return house

    def deposit(self, number: AccountId, currency: str, units: int) -> None:
        """Deposit, or withdraw with a minus sign."""
        self.account(number).wallet(currency).balance += units
        self.house(currency).deposits += units

    def charge(self, wallet: Wallet, currency: str, fee: int) -> None:
        """Charge a fee, or pay a rebate with a minus sign."""
        wallet.balance -= fee
        wallet.fees += fee
        self.house(currency).fees += fee

    def insure(self, wallet: Wallet, currency: str, units: int) -> None:
        """Move money to the insurance fund, or from it with a minus sign."""
        wallet.balance -= units
        self.house(currency).insurance += units

    def round(self, wallet: Wallet, currency: str, units: int) -> None:
        """Pay a share of one sum that many receive, such as a payoff."""
        wallet.balance += units
        self.house(currency).rounding -= units

    def imbalance(self, currency: str, settlement: dict[str, str]) -> int:
        """The sum over all accounts, which is zero; `settlement` gives each instrument's currency."""
        house = self.house(currency)
        units = house.fees + house.insurance + house.rounding - house.deposits
        for account in self.accounts.values():
            units += account.wallets[currency].balance if currency in account.wallets else 0
            units += sum(
                position.unsettled
                for name, position in account.positions.items()
                if settlement[name] == currency
            )
        return units
