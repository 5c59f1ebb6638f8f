"""Several channels of one book: one of them is the book, and the others cost it nothing, on both kernels."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from deltawire.model.events import BookDelta, BookImage, Fault, Status
from deltawire.ports import Fetch, Output, Wants
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from deltawire.venues.channels import BookChannels
from deltawire.venues.connection import VenueConnection

NAME = "BTCUSDT"
VENUES = ["binance_spot", "binance_usdm"]


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """On both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


class BinanceLine:
    """One connection to Binance, and what it says."""

    def __init__(self, venue: str) -> None:
        self.feed: VenueConnection = make_venue(venue)
        self.now = 1
        self.said: list[Output] = self.feed.opened(Wants(), 1)

    def hears(self, stream: str, **data: Any) -> list[Output]:
        """One frame of a stream."""
        self.now += 1
        frame = msgspec.json.encode({"stream": f"btcusdt@{stream}", "data": data})
        outputs = self.feed.received(frame, self.now)
        self.said += outputs
        return outputs

    def update(self, stream: str, first: int, last: int, before: int, **sides: Any) -> list[Output]:
        """An update of a diff stream, as both markets print it."""
        data = {"e": "depthUpdate", "E": 1, "s": NAME, "U": first, "u": last, "b": [], "a": []} | sides
        more = {"T": 1, "pu": before} if self.feed.name == "binance_usdm" else {}
        return self.hears(stream, **data, **more)

    def partial(self, stream: str, last: int, bids: list[list[str]], asks: list[list[str]]) -> list[Output]:
        """The best levels, as both markets print them."""
        if self.feed.name == "binance_usdm":
            return self.update(stream, 1, last, 0, b=bids, a=asks)
        return self.hears(stream, lastUpdateId=last, bids=bids, asks=asks)

    def image(self, last: int) -> list[Output]:
        """The image that was asked for."""
        assert any(isinstance(output, Fetch) and output.tag == f"book:{NAME}" for output in self.said)
        self.now += 1
        body = {"lastUpdateId": last, "bids": [["10", "1"], ["9", "1"]], "asks": [["11", "1"]]}
        outputs = self.feed.fetched(f"book:{NAME}", msgspec.json.encode(body), self.now)
        self.said += outputs
        return outputs

    @property
    def levels(self) -> list[tuple[float, float]]:
        book = self.feed.books[NAME]
        sides = [side.levels() for side in (book.ladder.bids, book.ladder.asks)]
        return [
            (book.instrument.price(price), book.instrument.size(size))
            for side in sides
            for price, size in zip(side.prices, side.sizes, strict=True)
        ]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("order", [("depth@100ms", "depth@500ms"), ("depth@500ms", "depth@100ms")])
def test_of_two_speeds_the_finer_is_the_book_and_the_other_spoils_nothing(
    venue: str, order: tuple[str, str]
) -> None:
    line = BinanceLine(venue)
    spans = {"depth@100ms": (11, 12, 10), "depth@500ms": (5, 14, 4)}
    for stream in order:
        line.update(stream, *spans[stream])
    line.update("depth@100ms", 13, 14, 12)
    line.image(12)
    assert line.feed.books[NAME].state == "live"
    for number in range(15, 115):
        line.update("depth@100ms", number, number, number - 1, b=[["10", str(number)]])
        if number % 5 == 4:
            line.update("depth@500ms", number - 4, number, number - 5, b=[["10", "777"]])
    assert line.levels == [(10.0, 114.0), (9.0, 1.0), (11.0, 1.0)]
    assert line.feed.books[NAME].counts.gaps == 0
    (kind,) = line.feed.unread
    assert kind == "book depth@500ms beside depth@100ms"
    assert not [said for said in line.said if isinstance(said, Fault)]


@pytest.mark.parametrize("venue", VENUES)
def test_images_of_the_best_levels_are_a_book_where_there_is_no_other(venue: str) -> None:
    line = BinanceLine(venue)
    first = line.partial("depth5@100ms", 10, [["10", "1"], ["9", "1"]], [["11", "1"]])
    assert [type(said) for said in first if isinstance(said, BookImage)] == [BookImage]
    (delta,) = line.partial("depth5@100ms", 20, [["10", "2"], ["8", "1"]], [["11", "1"]])
    assert isinstance(delta, BookDelta)
    assert line.levels == [(10.0, 2.0), (8.0, 1.0), (11.0, 1.0)]
    counts = line.feed.books[NAME].counts
    assert (counts.images, counts.resyncs) == (2, 0)
    line.partial("depth5", 30, [], [])
    assert line.feed.unread == {"book depth5 beside depth5@100ms": 1}


@pytest.mark.parametrize("venue", VENUES)
def test_updates_take_the_place_of_such_images(venue: str) -> None:
    line = BinanceLine(venue)
    line.partial("depth5@100ms", 10, [["10", "1"]], [["11", "1"]])
    outputs = line.update("depth@100ms", 11, 12, 10, b=[["9.5", "3"]])
    (stale,) = [each for each in outputs if isinstance(each, Status) and each.state == "stale"]
    assert (stale.reason, stale.detail) == ("gap", "depth@100ms begins with an image")
    line.partial("depth5@100ms", 12, [["1", "1"]], [["2", "1"]])
    line.image(11)
    assert line.feed.books[NAME].state == "live"
    assert line.levels == [(10.0, 1.0), (9.5, 3.0), (9.0, 1.0), (11.0, 1.0)]
    assert line.feed.unread == {"book depth5@100ms beside depth@100ms": 1}


@pytest.mark.parametrize("venue", VENUES)
def test_the_next_connection_may_have_another_channel(venue: str) -> None:
    line = BinanceLine(venue)
    line.update("depth@100ms", 11, 12, 10)
    line.image(11)
    line.feed.closed(line.now)
    line.feed.opened(Wants(), line.now)
    line.update("depth@500ms", 21, 22, 20)
    line.image(21)
    assert line.feed.books[NAME].state == "live"
    assert line.feed.unread == {}


def push(channel: str, action: str, last: int, previous: int, bid: str) -> bytes:
    data = {"asks": [["11", "1", "0", "1"]], "bids": [[bid, "1", "0", "1"]], "ts": "1760000000000"}
    data |= {"checksum": 0, "seqId": last, "prevSeqId": previous}
    return msgspec.json.encode(
        {"arg": {"channel": channel, "instId": "BTC-USDT-SWAP"}, "action": action, "data": [data]}
    )


@pytest.mark.parametrize("first", ["books", "books-l2-tbt"])
def test_okx_tells_one_book_on_several_channels(first: str) -> None:
    feed = make_venue("okx")
    feed.opened(Wants(), 1)
    second = {"books": "books-l2-tbt", "books-l2-tbt": "books"}[first]
    for channel in (first, second):
        feed.received(push(channel, "snapshot", 10, -1, "10"), 2)
    for number in range(11, 211):
        feed.received(push("books-l2-tbt", "update", number, number - 1, "9"), 3)
        feed.received(push("books", "update", number * 7, number * 7 - 7, "8"), 3)
    book = feed.books["BTC-USDT-SWAP"]
    assert (book.state, book.counts.deltas, book.counts.gaps) == ("live", 200, 0)
    assert list(book.ladder.bids.levels().prices) == [10, 9]
    beside = {kind: count for kind, count in feed.unread.items() if "beside" in kind}
    assert beside == {"book books beside books-l2-tbt": 200 + (first == "books-l2-tbt")}


def test_what_cannot_be_read_on_another_channel_costs_the_book_nothing() -> None:
    feed = make_venue("okx")
    feed.opened(Wants(), 1)
    feed.received(push("books", "snapshot", 10, -1, "10"), 2)
    (fault,) = feed.received(push("books-l2-tbt", "odd", 11, 10, "9"), 3)
    assert isinstance(fault, Fault)
    assert feed.books["BTC-USDT-SWAP"].state == "live"
    feed.received(push("books", "odd", 11, 10, "9"), 4)
    assert feed.books["BTC-USDT-SWAP"].reason == "malformed"


def test_a_channel_that_never_opens_gives_way() -> None:
    chosen = BookChannels(lambda channel: (len(channel),))
    assert chosen.choose("X", "a", opens=False)
    assert not chosen.choose("X", "bb", opens=False)
    assert chosen.choose("X", "bb", opens=True), "a has given no image so far"
    assert not chosen.choose("X", "ccc", opens=True)
    assert not chosen.choose("X", "a", opens=False)
    assert chosen.choose("X", "a", opens=True)
    assert chosen.of("X") == "a"
    assert chosen.of("Y") is None
    chosen.clear()
    assert chosen.choose("X", "ccc", opens=False)
