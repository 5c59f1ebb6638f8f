"""What an account's summary would be with other positions; nothing changes."""

from collections.abc import Mapping

import msgspec

from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.accounts.ledger import Account, Ledger
from deltawire.exchange.accounts.positions import Position
from deltawire.exchange.accounts.summaries import CurrencySummary, account_summary
from deltawire.exchange.instruments.contracts import worth_at
from deltawire.exchange.orders.orders import AccountId


def what_if(
    accounts: Accounts, number: AccountId, currency: str, lots: Mapping[str, int], *, add: bool
) -> CurrencySummary:
    """The summary of a currency with these positions, entered at their marks, beside those held or instead of them.

    Instruments without a mark are left out.
    """
    known = accounts.ledger.accounts.get(number) or Account(number)
    account = msgspec.msgpack.decode(msgspec.msgpack.encode(known), type=Account)
    if not add:
        account.positions, account.orders = {}, {}
    pricing = accounts.pricing
    for name, size in lots.items():
        instrument, mark = pricing.instruments.get(name), pricing.marks.get(name)
        if instrument is None or mark is None:
            continue
        position = account.positions.setdefault(name, Position(instrument.kind == "future"))
        if not position.lots and name in pricing.funding:
            position.charge(0, pricing.funding[name].reading)
        worth = worth_at(instrument, mark, size)
        position.trade(size, worth)
        if not position.margined:
            account.wallet(instrument.settlement).balance -= worth
    ledger = Ledger(accounts={number: account})
    return account_summary(accounts.beside(ledger), number, currency)
