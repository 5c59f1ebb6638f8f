"""The client's queue: bounded, and whatever it merges leads to the very same book."""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.errors import FeedError
from deltawire.session.client import BookMirror, Notification
from deltawire.session.notification_queue import NotificationQueue
from tests.support.effort import examples

BOOK, OTHER, TRADES, TICKER = "book.X.raw", "book.Y.100ms", "trades.X.raw", "ticker.X.raw"
SIZE = 100


class Publisher:
    """A book channel that publishes what happens to a book, as a server would."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.seq = self.change_id = 0

    def image(self) -> Notification:
        self.change_id += 1
        rows = {name: [["new", *level] for level in side.items()] for name, side in self._sides()}
        return self._note({"type": "snapshot", "price_exponent": 0, "size_exponent": 0, **rows})

    def change(self, steps: list[tuple[bool, int, int]], status: str = "") -> Notification:
        """Each step sets a level of the bids (or asks) to a size; 0 removes it."""
        rows: dict[str, list[list[Any]]] = {"bids": [], "asks": []}
        touched = set[tuple[bool, int]]()
        for is_bid, tick, size in steps:
            side, price = (self.bids, 10.0 + tick) if is_bid else (self.asks, 90.0 + tick)
            if (is_bid, tick) in touched or (not size and price not in side):
                continue
            touched.add((is_bid, tick))
            action = "delete" if not size else "change" if price in side else "new"
            rows["bids" if is_bid else "asks"].append([action, price, float(size)])
            side.pop(price, None)
            if size:
                side[price] = float(size)
        before, self.change_id = self.change_id, self.change_id + 1
        data = {"type": "change", "prev_change_id": before, **rows}
        return self._note(data | ({"status": {"state": status}} if status else {}))

    def _sides(self) -> list[tuple[str, dict[float, float]]]:
        return [("bids", self.bids), ("asks", self.asks)]

    def _note(self, data: dict[str, Any]) -> Notification:
        self.seq += 1
        best = [*sorted(self.asks.items())[:10], *sorted(self.bids.items(), reverse=True)[:10]]
        digits = "".join(f"{price:.0f}{size:.0f}" for price, size in best)
        data |= {"change_id": self.change_id, "timestamp": self.seq, "checksum": crc32(digits.encode())}
        prev_seq = None if data["type"] == "snapshot" else self.seq - 1
        return Notification(self.channel, data, "e", self.seq, prev_seq=prev_seq)


class QueueReader:
    """Reads notifications and holds every channel to its sequence, every book to its checksum."""

    def __init__(self) -> None:
        self.seqs: dict[str, int] = {}
        self.books = {BOOK: BookMirror(), OTHER: BookMirror()}
        self.read: dict[str, list[Any]] = {}

    def take(self, note: Notification) -> None:
        assert note.prev_seq in (None, self.seqs.get(note.channel, 0))
        assert note.prev_seq is not None or note.data["type"] == "snapshot"
        self.seqs[note.channel] = note.seq
        self.read.setdefault(note.channel, []).append(note.data)
        if note.channel in self.books:
            self.books[note.channel].apply(note.data)


def trades() -> Iterator[Notification]:
    seq = 0
    while True:
        seq += 1
        yield Notification(TRADES, [{"trade_seq": seq}], "e", seq, prev_seq=seq - 1)


def tickers() -> Iterator[Notification]:
    seq = 0
    while True:
        seq += 1
        yield Notification(TICKER, {"timestamp": seq}, "e", seq, prev_seq=seq - 1)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 3)), max_size=6)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.booleans(), STEPS),
        st.tuples(st.just("image"), st.booleans(), st.none()),
        st.tuples(st.just("status"), st.booleans(), st.sampled_from(["stale", "live"])),
        st.tuples(st.just("ticker"), st.none(), st.none()),
        st.tuples(st.just("read"), st.integers(1, 12), st.none()),
    ),
    max_size=120,
)


@settings(max_examples=examples(60))
@given(ACTS, st.integers(4, 9))
def test_a_reader_who_is_slow_comes_to_the_same_books(acts: list[tuple[str, Any, Any]], most: int) -> None:
    queue, reader, ticker = NotificationQueue(most), QueueReader(), tickers()
    books = {True: Publisher(BOOK), False: Publisher(OTHER)}
    states = {True: "live", False: "live"}
    for book in books.values():
        book.change([(True, tick, 1) for tick in range(5)])
        book.seq = 0
        assert queue.put(book.image(), SIZE)
    for act, which, what in acts:
        if act == "read":
            for _ in range(min(which, len(queue))):
                reader.take(queue.pop())
        elif act == "ticker":
            assert queue.put(next(ticker), SIZE)
        elif act == "image":
            states[which] = "live"
            assert queue.put(books[which].image(), SIZE)
        elif act == "status":
            states[which] = what
            assert queue.put(books[which].change([], what), SIZE)
        else:
            assert queue.put(books[which].change(what), SIZE)
        assert len(queue) <= most
    while queue:
        reader.take(queue.pop())
    for which, book in books.items():
        mirror = reader.books[book.channel]
        assert (mirror.bids, mirror.asks) == (book.bids, book.asks)
        assert (mirror.change_id, mirror.state) == (book.change_id, states[which])
    assert reader.seqs == {book.channel: book.seq for book in books.values()} | (
        {TICKER: next(ticker).seq - 1} if TICKER in reader.seqs else {}
    )


def test_nothing_is_merged_for_a_reader_who_keeps_up() -> None:
    queue, book = NotificationQueue(4), Publisher(BOOK)
    queue.put(book.image(), SIZE)
    for size in range(1, 100):
        queue.put(book.change([(True, 0, size)]), SIZE)
        assert queue.pop().conflated == 1


def test_trades_are_kept_in_order_while_books_are_merged() -> None:
    queue, book, trade, reader = NotificationQueue(20), Publisher(BOOK), trades(), QueueReader()
    queue.put(book.image(), SIZE)
    for turn in range(1000):
        assert queue.put(book.change([(True, turn % 7, turn % 3)]), SIZE)
        if turn % 100 == 0:
            assert queue.put(next(trade), SIZE)
    assert len(queue) <= 20
    while queue:
        reader.take(queue.pop())
    assert reader.read[TRADES] == [[{"trade_seq": number}] for number in range(1, 11)]
    assert reader.books[BOOK].bids == book.bids


def test_what_cannot_be_merged_fills_the_queue_and_nothing_of_it_is_lost() -> None:
    queue, trade, reader = NotificationQueue(10), trades(), QueueReader()
    answers = [queue.put(next(trade), SIZE) for _ in range(11)]
    assert answers == [True] * 10 + [False]
    assert queue.error().retry
    while queue:
        reader.take(queue.pop())
    assert len(reader.read[TRADES]) == 11, "who comes back does so behind the last"


def test_bytes_are_bounded_as_numbers_are() -> None:
    queue, book = NotificationQueue(1000, most_bytes=1000), Publisher(BOOK)
    assert queue.put(book.image(), 900)
    for size in range(1, 100):
        assert queue.put(book.change([(True, size % 5, size)]), 300)
    assert len(queue) < 5
    queue = NotificationQueue(1000, most_bytes=1000)
    assert queue.put(Notification(TRADES, [], "e", 1), 5000), "one may be as large as it likes"
    assert not queue.put(Notification(TRADES, [], "e", 2), 10)


def test_who_does_not_want_to_be_told_less_is_told_so_at_once() -> None:
    queue, book = NotificationQueue(3, "raise"), Publisher(BOOK)
    assert [queue.put(note, SIZE) for note in (book.image(), *(book.change([]) for _ in range(3)))] == [
        True,
        True,
        True,
        False,
    ]
    error = queue.error()
    assert (error.retry, "the queue is full: 4 notifications" in str(error)) == (False, True)
    assert [queue.pop().conflated for _ in range(4)] == [1] * 4


def change(prev: int, **rows: Any) -> Notification:
    data = {"type": "change", "prev_change_id": prev, "change_id": prev + 1, "bids": [], "asks": []} | rows
    return Notification(BOOK, data, "e", prev + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        change(7),
        change(1, bids=[["new", 10.0, 1.0]]),
        change(1, asks=[["delete", 95.0, 0.0], ["new", 95.0, 1.0]]),
        change(1, bids=[["delete", 10.0, 0.0], ["change", 10.0, 1.0]]),
        change(1, bids=[["change", 11.0, 1.0]]),
        change(1, bids=[["odd", 12.0, 1.0]]),
        change(1, bids=[["new", 12.0]]),
        change(1, bids=7),
        Notification(BOOK, {"anything": 1}, "e", 2),
        Notification(BOOK, change(1).data, "another epoch", 2),
    ],
)
def test_what_contradicts_a_book_is_not_hidden_by_merging(wrong: Notification) -> None:
    queue = NotificationQueue(1)
    data = {"type": "snapshot", "change_id": 1, "bids": [["new", 10.0, 1.0]], "asks": []}
    queue.put(Notification(BOOK, data, "e", 1), SIZE)
    queue.put(wrong, SIZE)
    assert [queue.pop().data for _ in range(2)] == [data, wrong.data]


def test_deribits_own_books_are_merged_too() -> None:
    """They have neither epoch nor checksum."""
    queue, mirror = NotificationQueue(1), BookMirror()
    rows: dict[str, Any] = {"bids": [["new", 10.0, 1.0]], "asks": []}
    queue.put(Notification(BOOK, {"type": "snapshot", "change_id": 5, "timestamp": 1, **rows}), SIZE)
    for note in (change(5, timestamp=2, bids=[["delete", 10.0, 0.0]]), change(6, timestamp=3)):
        assert queue.put(Notification(BOOK, note.data), SIZE)
    (note,) = [queue.pop() for _ in range(len(queue))]
    mirror.apply(note.data)
    assert (note.conflated, mirror.bids, mirror.change_id) == (3, {}, 7)


def test_what_waits_is_as_a_server_would_have_sent_it() -> None:
    queue = NotificationQueue(1)
    for note in (
        change(1, timestamp=1, bids=[["change", 5.0, 1.0], ["new", 6.0, 1.0]], asks=[["delete", 9.0, 0.0]]),
        change(2, timestamp=2, bids=[["delete", 5.0, 0.0], ["delete", 6.0, 0.0]], asks=[["new", 9.0, 4.0]]),
    ):
        queue.put(note, SIZE)
    note = queue.pop()
    assert (note.seq, note.conflated) == (3, 2)
    assert note.data == {
        "type": "change",
        "timestamp": 2,
        "prev_change_id": 1,
        "change_id": 3,
        "bids": [["delete", 5.0, 0.0]],
        "asks": [["change", 9.0, 4.0]],
    }


@pytest.mark.parametrize(("most", "on_full"), [(0, "conflate"), (-1, "raise"), (5, "drop")])
def test_bounds_that_are_none_are_refused(most: int, on_full: Any) -> None:
    with pytest.raises(ValueError, match=r"the queue must hold|on_full must be one of conflate, raise"):
        NotificationQueue(most, on_full)


def test_the_error_is_one_that_users_know() -> None:
    assert isinstance(NotificationQueue().error(), FeedError)


def test_what_is_merged_states_the_newest_range() -> None:
    """A range of another kind replaces the one before as a whole."""
    publisher, queue = Publisher(BOOK), NotificationQueue(4)
    publisher.bids, publisher.asks = {10.0: 1.0}, {90.0: 1.0}
    image = publisher.image()
    image.data["complete_levels"] = 10
    assert queue.put(image, SIZE)
    mirror, given = BookMirror(), 0
    changes = [publisher.change([(True, tick, 5)]) for tick in range(1, 7)]
    changes[2].data["complete_to"] = [9.0, None]
    changes[4].data["complete_to"] = [11.0, 99.0]
    for change in changes:
        assert queue.put(change, SIZE)
    while len(queue):
        mirror.apply(queue.pop().data)
        given += 1
    assert given < 7, "some were merged"
    assert mirror.bids == publisher.bids
    assert mirror.complete_to == (11.0, 99.0)
    assert mirror.best(10)[0][-1] == (11.0, 5.0), "10.0 is beyond"
