import pytest

from deltawire.model.events import Ticker, Trade
from deltawire.ports import Receipt, Stream
from deltawire.venues import make_venue
from deltawire.venues.live.ledger import ATTEMPTS, SECOND_NS, Ledger, StreamState

BOOK = Stream("a@depth", "book", "A")
PROMISED = Stream("b@depth", "book", "B", cadence_s=1.0)
MARK = Stream("a@markPrice", "ticker", "A", cadence_s=1.0, gives="mark_price")
TRADES = Stream("a@trade", "trades", "A")
ALL = [BOOK, PROMISED, MARK, TRADES]


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.asked(ALL, 0)
    ledger.answered(Receipt(tuple(stream.name for stream in ALL)), 1)
    return ledger


def ticker(**members: float) -> Ticker:
    instrument = make_venue("okx")._describe("A")  # type: ignore[attr-defined]
    return Ticker(instrument=instrument, venue_ns=0, seen_ns=0, **members)


def test_asked_then_acknowledged_then_flowing(ledger: Ledger) -> None:
    fresh = Ledger()
    fresh.asked([BOOK], 0)
    assert fresh.state("a@depth") is StreamState.ASKED
    assert ledger.state("a@depth") is StreamState.ACKNOWLEDGED
    ledger.progressed(BOOK, 1, 5)
    assert ledger.state("a@depth") is StreamState.FLOWING
    assert ledger.counts() == {StreamState.FLOWING: 1, StreamState.ACKNOWLEDGED: 3}


def test_a_refused_stream_is_told_once_and_not_asked_for_again(ledger: Ledger) -> None:
    receipt = Receipt(refused=("a@depth", "unknown"), reason="no")
    assert ledger.answered(receipt, 5) == [BOOK]
    assert ledger.answered(receipt, 6) == []
    assert BOOK not in ledger.streams
    assert not ledger.overdue(3600 * SECOND_NS).unanswered


def test_an_answer_that_does_not_come_is_asked_for_again_and_then_given_up() -> None:
    ledger = Ledger()
    ledger.asked([TRADES], 0)
    now = 0
    for _ in range(ATTEMPTS - 1):
        now += 10 * SECOND_NS
        assert ledger.overdue(now).unanswered == [TRADES]
        assert not ledger.overdue(now)
        ledger.asked([TRADES], now)
    now += 10 * SECOND_NS
    assert ledger.overdue(now).given_up == [TRADES]
    assert ledger.state("a@trade") is StreamState.REFUSED


def test_a_granted_stream_that_breaks_its_promise_is_silent(ledger: Ledger) -> None:
    """binance-public-data issue 472: granted, and no data for 14 hours."""
    assert not ledger.overdue(3 * SECOND_NS)
    assert ledger.overdue(5 * SECOND_NS).silent == [MARK]
    assert not ledger.overdue(6 * SECOND_NS)
    assert ledger.state("a@markPrice") is StreamState.SILENT


def test_a_stream_is_heard_by_what_it_gives(ledger: Ledger) -> None:
    for second in range(1, 60):
        ledger.heard(ticker(best_bid_price=1.0), second * SECOND_NS)
    assert MARK in ledger.overdue(59 * SECOND_NS).silent
    ledger.heard(ticker(mark_price=1.0), 60 * SECOND_NS)
    assert ledger.state("a@markPrice") is StreamState.FLOWING
    assert MARK not in ledger.overdue(63 * SECOND_NS).silent


def test_a_book_says_something_within_half_a_minute_and_then_as_promised(ledger: Ledger) -> None:
    ledger.progressed(PROMISED, 1, 10 * SECOND_NS)
    due = ledger.overdue(15 * SECOND_NS)
    assert PROMISED in due.silent
    assert BOOK not in due.silent
    assert BOOK in ledger.overdue(31 * SECOND_NS).silent


def test_a_book_that_flows_without_a_promise_may_be_quiet(ledger: Ledger) -> None:
    ledger.progressed(BOOK, 1, 10 * SECOND_NS)
    assert BOOK not in ledger.overdue(86_400 * SECOND_NS).silent


def test_trades_without_a_promise_may_never_come(ledger: Ledger) -> None:
    instrument = make_venue("okx")._describe("A")  # type: ignore[attr-defined]
    ledger.heard(Trade(instrument, "1", 1, 1, "buy", 0, 0), 5)
    assert TRADES not in ledger.overdue(86_400 * SECOND_NS).silent


def test_what_is_not_wanted_any_more_is_not_missed(ledger: Ledger) -> None:
    ledger.ended(ALL)
    assert not ledger.overdue(86_400 * SECOND_NS)
    assert ledger.streams == []
    assert not ledger.counts()


def test_a_venue_that_acknowledges_nothing_is_taken_at_its_word() -> None:
    ledger = Ledger(acknowledges=False)
    ledger.asked([TRADES], 0)
    assert ledger.state("a@trade") is StreamState.ACKNOWLEDGED


def test_a_granted_book_that_says_nothing_is_quiet_once_and_then_silent() -> None:
    ledger = Ledger(quiet_s=2.0)
    ledger.asked([BOOK, TRADES], 0)
    ledger.answered(Receipt(("a@depth", "a@trade")), 1)
    assert not ledger.overdue(2 * SECOND_NS)
    assert ledger.overdue(2 * SECOND_NS + 1).quiet == [BOOK]
    assert not ledger.overdue(3 * SECOND_NS)
    assert ledger.overdue(31 * SECOND_NS).silent == [BOOK]
    ledger.asked([BOOK], 40 * SECOND_NS)
    ledger.answered(Receipt(("a@depth",)), 40 * SECOND_NS)
    ledger.progressed(BOOK, 1, 41 * SECOND_NS)
    assert not ledger.overdue(99 * SECOND_NS), "it has spoken"
