"""Accounts are a function of the journal: what was submitted, read back and submitted again, gives the same state."""

from typing import get_args

from deltawire.agents.simulation import Simulation
from deltawire.exchange.accounts.account_records import AccountRecord, Withdraw
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.exchange.orders.orders import Fill
from deltawire.exchange.ports import Record
from deltawire.exchange.snapshots import freeze, thaw
from deltawire.model.events import Trade
from deltawire.testing.market import START_NS, streams
from tests.support.contracts import CALL, PERPETUAL
from tests.support.exchange_harness import LISTED, WIDE, ExchangeHarness

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
    assert again.matching.risk.freeze() == accounts.freeze()
    assert not any(again.matching.risk.imbalance(each) for each in ("BTC", "USDC"))  # type: ignore[attr-defined]


def test_a_restart_in_the_middle_changes_nothing_after_it() -> None:
    """Snapshot and the rest of the journal give what the whole journal gives."""

    def day(*, restart: bool) -> bytes:
        harness = ExchangeHarness()
        harness.deposit(1, 10.0)
        harness.deposit(2, 10.0)
        harness.trade(1, 2, PERPETUAL, 60_000, 60_000.0)
        harness.trade(2, 1, CALL, 1.0, 0.08)
        harness.order(1, PERPETUAL, 10_000, 59_000.0)
        harness.prices(60_500.0, BTC_PERPETUAL=60_600.0)
        if restart:
            harness.accounts.thaw(harness.accounts.freeze())
        harness.prices(58_000.0, later_s=86_400.0)
        harness.trade(1, 2, PERPETUAL, 40_000, 58_000.0)
        harness.do(Withdraw, account=1, currency="BTC", units=12_345)
        assert harness.balanced()
        return harness.accounts.freeze()

    assert day(restart=True) == day(restart=False)


def test_what_a_trade_says_of_its_option_is_the_same_after_a_replay() -> None:
    """Volatility and underlying rest on journalled prices, and on nothing else."""
    harness = ExchangeHarness()
    harness.deposit(1, 10.0)
    harness.deposit(2, 10.0)
    harness.trade(1, 2, CALL, 1.0, 0.05)
    harness.prices(61_234.5)
    half = len(harness.records)
    harness.trade(2, 1, CALL, 1.0, 0.08)
    harness.trade(1, 2, CALL, 1.0, 0.0005)

    def empty() -> Exchange:
        accounts = Accounts(band=WIDE, listing=False)
        for instrument in LISTED:
            accounts.list(instrument)
        return Exchange(accounts)

    def told(exchange: Exchange, records: list[Record]) -> list[Fill | Trade]:
        outputs = [each for record in records for each in exchange.submit(CODEC.decode(CODEC.encode(record)))]
        return [each for each in outputs if isinstance(each, Fill | Trade)]

    whole, stopped, restarted = told(empty(), harness.records), empty(), empty()
    before = told(stopped, harness.records[:half])
    thaw(restarted, freeze(stopped))
    assert before + told(restarted, harness.records[half:]) == whole
    ivs = [each.iv for each in whole]
    assert ivs[0::3] == ivs[1::3] == ivs[2::3], "both sides and the public are told the same"
    assert ivs[0] is not None
    assert ivs[0] > 0.0
    assert ivs[-1] == 0.0, "below what the option is worth at once no volatility fits"
    assert {each.underlying for each in whole if isinstance(each, Fill)} == {60_000.0, 61_234.5}
