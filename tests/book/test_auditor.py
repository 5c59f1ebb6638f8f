"""Which book is audited next, and what that may cost."""

from deltawire.book.auditor import AuditBudget, Auditor
from deltawire.book.book import Book, BookUpdate
from deltawire.book.columns import TextPairs
from deltawire.book.coverage import book_coverage_bp, nears_edge
from deltawire.book.sequencers import PreviousIdChain
from tests.support.market_events import make_instrument

SECOND_NS = 1_000_000_000
BUDGET = AuditBudget(weight=20, weight_per_minute=100)


def book(reach: int, name: str = "X") -> Book:
    """A live book around 10,000 whose bids are known so many ticks deep."""
    made = Book(
        make_instrument(name, price_exponent=0, size_exponent=0),
        TextPairs(0, 0),
        PreviousIdChain(),
        holds=True,
    )
    bids = f'[["9999","1"],["{10_000 - reach}","1"]]'.encode()
    made.image(BookUpdate(bids, b'[["10001","1"],["10100","1"]]', last=1, limit=2), 0)
    return made


def test_a_market_near_the_edge_needs_an_image() -> None:
    assert book_coverage_bp(book(50)) == (50.0, 100.0)
    assert nears_edge(book(9))
    assert not nears_edge(book(11))
    assert nears_edge(book(11), reach_bp=12.0)


def test_a_book_that_is_kept_to_a_number_of_levels_needs_none() -> None:
    kept = book(9)
    kept.follow("depth2", 2)
    kept.fault("gap", 1)
    kept.image(BookUpdate(b'[["9999","1"],["9998","1"]]', b'[["10001","1"],["10002","1"]]', last=9), 2)
    assert kept.complete_to == (9998, 10002)
    assert not nears_edge(kept)


def test_the_book_that_is_known_least_far_comes_first_and_then_each_in_turn() -> None:
    auditor = Auditor(BUDGET)
    books = {"A": book(50), "B": book(8), "C": book(4)}
    assert auditor.choose(books, SECOND_NS) == "C"
    assert auditor.choose(books, SECOND_NS) == "B"
    assert auditor.choose(books, SECOND_NS) is None, "what is left is kept for the next that is urgent"
    assert auditor.choose(books, 7 * SECOND_NS) == "C", "still near the edge"
    assert auditor.spent == 60


def test_the_budget_is_never_exceeded() -> None:
    auditor = Auditor(BUDGET)
    books = {f"B{number}": book(5) for number in range(50)}
    asked = [auditor.choose(books, (100 + second) * SECOND_NS) for second in range(601)]
    spent = 20 * sum(name is not None for name in asked)
    assert spent == auditor.spent
    assert 950 <= spent <= 100 + 1000, "a full bucket, and ten minutes of its rate"
    assert len({name for name in asked if name}) == 50


def test_quiet_books_are_audited_in_turn_and_rest_between() -> None:
    auditor = Auditor(BUDGET)
    books = {"A": book(50), "B": book(60)}
    asked = [auditor.choose(books, (1 + second) * SECOND_NS) for second in range(0, 700, 10)]
    assert [name for name in asked if name] == ["A", "B", "A", "B"]


def test_a_book_in_doubt_comes_before_all_others_and_rests_too() -> None:
    auditor = Auditor(BUDGET)
    books = {"A": book(50), "B": book(4)}
    assert [auditor.choose(books, second * SECOND_NS) for second in (1, 2, 3)] == ["B", "A", None]
    auditor.doubt("A")
    assert auditor.choose({}, 8 * SECOND_NS) is None, "of another connection"
    assert auditor.choose(books, 8 * SECOND_NS) == "A", "although it was not long ago"
    auditor.doubt("A")
    assert auditor.choose(books, 9 * SECOND_NS) == "B", "it rests"
    assert auditor.choose(books, 10 * SECOND_NS) is None
    assert auditor.choose(books, 13 * SECOND_NS) == "A"
    books["A"].fault("gap", 1)
    auditor.doubt("A")
    assert auditor.choose({"A": books["A"]}, 60 * SECOND_NS) is None, "it is not live"


def test_a_stale_book_is_not_audited() -> None:
    stale = book(5)
    stale.fault("gap", 1)
    assert Auditor(BUDGET).choose({"A": stale}, SECOND_NS) is None
    assert not stale.begin_audit()
