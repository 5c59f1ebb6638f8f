"""Who owns what, in whole units. Money only moves; the sum over everybody is zero, always.

The sum counts balances, what positions have not settled, and the house; deposits stand there with a minus.
"""

from typing import Literal

import msgspec

from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.orders.orders import AccountId, OrderId

MarginModel = Literal["segregated_sm", "segregated_pm"]


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """What is open of an order in a book."""

    instrument: str
    sign: int
    lots: int
    price_ticks: int
    reduce_only: bool


class Wallet(msgspec.Struct, gc=False):
    """One currency of one account."""

    balance: int = 0
    fees: int = 0
    """Paid in all, less rebates."""
    liquidating: bool = False


class Account(msgspec.Struct):
    """One account's money, positions and open orders."""

    id: AccountId
    model: MarginModel = "segregated_sm"
    wallets: dict[str, Wallet] = msgspec.field(default_factory=dict)
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    orders: dict[OrderId, OpenOrder] = msgspec.field(default_factory=dict)
    deposits: int = 0
    """How many numbered deposits it has taken."""
    main: AccountId = 0
    """Of a sub-account whose it is."""
    name: str = ""
    """Of a sub-account."""

    def wallet(self, currency: str) -> Wallet:
        """The wallet of a currency, empty at first."""
        wallet = self.wallets.get(currency)
        if wallet is None:
            wallet = self.wallets[currency] = Wallet()
        return wallet


class House(msgspec.Struct):
    """The exchange's own money in one currency."""

    fees: int = 0
    insurance: int = 0
    rounding: int = 0
    """What is left over where shares of one sum were rounded; may be below zero, by a few units."""
    deposits: int = 0
    """Put in and not taken out yet; the only sum that counts with a minus."""


class Ledger(msgspec.Struct):
    """All accounts and the house."""

    accounts: dict[AccountId, Account] = msgspec.field(default_factory=dict)
    houses: dict[str, House] = msgspec.field(default_factory=dict)

    def account(self, number: AccountId) -> Account:
        """An account, opened when it is first named."""
        account = self.accounts.get(number)
        if account is None:
            account = self.accounts[number] = Account(number)
        return account

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
        """Money comes in, or with a minus goes out."""
        self.account(number).wallet(currency).balance += units
        self.house(currency).deposits += units

    def charge(self, wallet: Wallet, currency: str, fee: int) -> None:
        """A fee, or with a minus a rebate."""
        wallet.balance -= fee
        wallet.fees += fee
        self.house(currency).fees += fee

    def insure(self, wallet: Wallet, currency: str, units: int) -> None:
        """Money into the insurance fund, or with a minus out of it."""
        wallet.balance -= units
        self.house(currency).insurance += units

    def round(self, wallet: Wallet, currency: str, units: int) -> None:
        """A share that many get of one sum, such as a payoff."""
        wallet.balance += units
        self.house(currency).rounding -= units

    def imbalance(self, currency: str, settlement: dict[str, str]) -> int:
        """The sum over everybody, which is zero; `settlement` names each instrument's currency."""
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
