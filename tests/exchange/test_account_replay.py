"""Accounts are a function of the journal: what was submitted, read back and submitted again, gives the same state."""

from typing import get_args

from deltawire.exchange.account_records import AccountRecord, Withdraw
from deltawire.exchange.accounts import Accounts
from deltawire.exchange.agents.simulation import Simulation
from deltawire.exchange.calendar import SECOND_NS
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.ports import Record
from deltawire.testing.market import START_NS, streams
from tests.exchange.instruments import CALL, PERPETUAL
from tests.support.margined import Hall

CODEC = Codec(*get_args(AccountRecord))


def replayed(records: list[Record]) -> Exchange:
    """A new exchange after the records, each through its bytes."""
    accounts = Accounts()
    exchange = Exchange(accounts)
    for record in records:
        exchange.submit(CODEC.decode(CODEC.encode(record)))
    return exchange


def test_a_whole_market_replays_to_the_same_bytes() -> None:
    records: list[Record] = []
    accounts = Accounts()
    simulation = Simulation(
        streams(9), START_NS, exchange=Exchange(accounts, records.append), accounts=accounts
    )
    for _ in simulation.advance(START_NS + 4 * SECOND_NS):
        pass
    assert len(records) > 2_000
    again = replayed(records)
    assert again.desk.risk.freeze() == accounts.freeze()
    assert not any(again.desk.risk.imbalance(each) for each in ("BTC", "USDC"))  # type: ignore[attr-defined]


def test_a_restart_in_the_middle_changes_nothing_after_it() -> None:
    """Snapshot and the rest of the journal give what the whole journal gives."""

    def day(*, restart: bool) -> bytes:
        hall = Hall()
        hall.deposit(1, 10.0)
        hall.deposit(2, 10.0)
        hall.trade(1, 2, PERPETUAL, 60_000, 60_000.0)
        hall.trade(2, 1, CALL, 1.0, 0.08)
        hall.order(1, PERPETUAL, 10_000, 59_000.0)
        hall.prices(60_500.0, BTC_PERPETUAL=60_600.0)
        if restart:
            hall.accounts.thaw(hall.accounts.freeze())
        hall.prices(58_000.0, later_s=86_400.0)
        hall.trade(1, 2, PERPETUAL, 40_000, 58_000.0)
        hall.do(Withdraw, account=1, currency="BTC", units=12_345)
        assert hall.balanced()
        return hall.accounts.freeze()

    assert day(restart=True) == day(restart=False)
