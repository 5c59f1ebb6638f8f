"""The accounts of the built-in exchange: names, numbers and deposits. Balances are in the journal."""

from pathlib import Path
from typing import Annotated

import msgspec

from deltawire.errors import UsageError
from deltawire.exchange.accounts.names import owner_of
from deltawire.store.home import decode_own, file_stamp, home, locked, make_home, write_whole

ACCOUNTS, LOCK = "accounts.json", "accounts.lock"
FIRST, LAST = 1, 499_999
"""Higher numbers belong to sub-accounts, and to the exchange's own agents."""
MOST_UNITS = 10**17
"""Limit of a currency over all accounts: far below the range of the exchange's integers."""


class LaterDeposit(msgspec.Struct, frozen=True):
    """A deposit after the account was created, in smallest units (1e-8)."""

    currency: str
    units: int


class AccountEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account; `deposits` are the first ones, in smallest units (1e-8) by currency.

    The exchange counts the later deposits that it has made, so their order never changes and none is removed.
    """

    name: str
    number: Annotated[int, msgspec.Meta(ge=FIRST, le=LAST)]
    deposits: dict[str, int]
    later: tuple[LaterDeposit, ...] = ()

    def total(self) -> dict[str, int]:
        """The sum of all deposits, by currency."""
        total = dict(self.deposits)
        for deposit in self.later:
            total[deposit.currency] = total.get(deposit.currency, 0) + deposit.units
        return total


class AccountStore:
    """The accounts under a folder. A running server reads new ones by itself."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home()
        self.path = self.folder / ACCOUNTS

    def read(self) -> list[AccountEntry]:
        """All accounts; empty if there is no file yet."""
        try:
            entries = decode_own(self.path, list[AccountEntry])
        except FileNotFoundError:
            return []
        for what in ("name", "number"):
            if len({getattr(entry, what) for entry in entries}) != len(entries):
                raise UsageError(f"{self.path} is damaged: two accounts have the same {what}")
        return entries

    def find(self, name: str) -> AccountEntry:
        """The account of this name; `UsageError` lists the existing ones and says how to create it."""
        return _find(self.read(), name)

    def deposit(self, name: str, deposits: dict[str, int]) -> AccountEntry:
        """Add a deposit to an existing account; returns the account."""
        make_home(self.folder)
        with locked(self.folder / LOCK):
            entries = self.read()
            entry = _find(entries, name)
            _check_sum(entries, deposits)
            later = (*entry.later, *(LaterDeposit(coin, units) for coin, units in deposits.items()))
            richer = msgspec.structs.replace(entry, later=later)
            self._write([richer if other is entry else other for other in entries])
        return richer

    def add(self, name: str, deposits: dict[str, int]) -> AccountEntry:
        """Add an account; its name must be new."""
        make_home(self.folder)
        with locked(self.folder / LOCK):
            entries = self.read()
            _check_sum(entries, deposits)
            if any(other.name == name for other in entries):
                raise UsageError(
                    f"account {name!r} already exists; to create a key for it: deltawire keys add --account {name}"
                )
            _check_reserved(entries, name)
            number = max((other.number for other in entries), default=FIRST - 1) + 1
            if number > LAST:
                raise UsageError(f"the limit of {LAST} accounts is reached")
            entry = AccountEntry(name, number, deposits)
            self._write([*entries, entry])
        return entry

    def _write(self, entries: list[AccountEntry]) -> None:
        write_whole(self.path, msgspec.json.format(msgspec.json.encode(entries), indent=1))

    def stamp(self) -> tuple[int, int, int]:
        """A value that changes whenever the file does."""
        return file_stamp(self.path)


def _find(entries: list[AccountEntry], name: str) -> AccountEntry:
    for entry in entries:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in entries)
    raise UsageError(
        f"no account {name!r}; {f'accounts are {names}' if names else 'there are no accounts'}; "
        f"to create it: deltawire account add {name}"
    )


def _check_reserved(entries: list[AccountEntry], name: str) -> None:
    """`NAME_1`, `NAME_2` … are names of the sub-accounts of `NAME`."""
    names = {entry.name for entry in entries}
    if (owner := owner_of(name)) in names:
        raise UsageError(
            f"{name!r} is a name of a sub-account of {owner!r}, which its owner opens: choose another name"
        )
    if subs := sorted(other for other in names if owner_of(other) == name):
        raise UsageError(
            f"the sub-accounts of {name!r} would have the names of existing accounts such as {subs[0]!r}: "
            "choose another name"
        )


def _check_sum(entries: list[AccountEntry], deposits: dict[str, int]) -> None:
    for coin, units in deposits.items():
        if units + sum(entry.total().get(coin, 0) for entry in entries) >= MOST_UNITS:
            raise UsageError(
                f"too much {coin}: the total of all accounts must be below {MOST_UNITS // 10**8}"
            )
