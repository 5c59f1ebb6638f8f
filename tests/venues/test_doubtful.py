"""What leaves a doubt about a book's levels costs that book until its next image, on both kernels."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from zlib import crc32

import msgspec
import pytest

from deltawire.ports import Output, Send, Wants
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from deltawire.venues.connection import VenueConnection


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """On both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


def opened(venue: str) -> VenueConnection:
    connection = make_venue(venue)
    connection.opened(Wants(), 1)
    return connection


def deribit(**data: Any) -> bytes:
    whole = {
        "timestamp": 1_760_000_000_000,
        "instrument_name": "BTC-PERPETUAL",
        "bids": [],
        "asks": [],
    } | data
    params = {"channel": "book.BTC-PERPETUAL.raw", "data": whole}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


IMAGE = {"type": "snapshot", "change_id": 100, "bids": [["new", 100.0, 1.0]], "asks": [["new", 101.0, 1.0]]}


@pytest.mark.parametrize("previous", [{}, {"prev_change_id": None}])
@pytest.mark.parametrize("bids", [[["change", 100.0, 3.0]], [["delete", 100.0, 0.0]], []])
def test_a_change_that_names_no_predecessor_is_no_image(previous: dict[str, Any], bids: list[Any]) -> None:
    connection = opened("deribit")
    connection.received(deribit(**IMAGE), 2)
    connection.received(deribit(type="change", change_id=101, bids=bids, **previous), 3)
    book = connection.books["BTC-PERPETUAL"]
    assert (book.state, book.reason, book.counts.images) == ("syncing", "malformed", 1)
    first = opened("deribit")
    first.received(deribit(type="change", change_id=101, bids=bids, **previous), 3)
    assert not first.books


@pytest.mark.parametrize(
    "header",
    [
        {"change_id": None, "prev_change_id": 100},
        {"change_id": "101", "prev_change_id": 100},
        {"change_id": 101, "prev_change_id": "100"},
        {"change_id": 101, "prev_change_id": 100, "timestamp": -5},
        {"change_id": 101, "prev_change_id": 100, "type": "foo"},
    ],
)
def test_an_update_of_deribit_with_an_unreadable_header_costs_its_book(header: dict[str, Any]) -> None:
    connection = opened("deribit")
    connection.received(deribit(**IMAGE), 2)
    connection.received(deribit(**{"type": "change", "bids": [["delete", 100.0, 0.0]]} | header), 3)
    book = connection.books["BTC-PERPETUAL"]
    assert (book.state, book.counts.malformed) == ("syncing", 1)


def depth(stream: str = "btcusdt@depth@100ms", **data: Any) -> bytes:
    whole = {"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "pu": 0, "b": [], "a": []} | data
    return msgspec.json.encode({"stream": stream, "data": whole} if stream else whole)


@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
@pytest.mark.parametrize(
    "header", [{"u": None}, {"U": "13"}, {"E": "x"}, {"u": 1 << 70}, {"s": "BTCUSDT", "b": 5}]
)
def test_an_update_of_binance_with_an_unreadable_header_costs_its_book(
    venue: str, header: dict[str, Any]
) -> None:
    connection = opened(venue)
    connection.received(depth(U=11, u=12, pu=10), 2)
    connection.fetched("book:BTCUSDT", b'{"lastUpdateId":11,"bids":[["100","1"]],"asks":[["101","1"]]}', 3)
    book = connection.books["BTCUSDT"]
    assert book.state == "live"
    connection.received(depth(**{"U": 13, "u": 13, "pu": 12, "b": [["100", "0"]]} | header), 4)
    assert (book.state, book.counts.malformed) == ("syncing", 1)


def levels(first: int, step: int) -> list[list[str]]:
    return [[str(first + step * number), "1"] for number in range(5)]


def test_the_best_levels_on_a_stream_without_a_name_are_not_taken_for_updates() -> None:
    connection = opened("binance_usdm")
    connection.received(depth("", U=90, u=100, pu=89, b=levels(100, -1), a=levels(101, 1)), 2)
    image = {"lastUpdateId": 100, "bids": levels(100, -1), "asks": levels(101, 1)}
    connection.fetched("book:BTCUSDT", msgspec.json.encode(image), 3)
    for number, best in ((110, 99), (120, 98)):
        frame = depth("", U=number - 9, u=number, pu=number - 10, b=levels(best, -1), a=levels(best + 1, 1))
        connection.received(frame, number)
    assert not [book for book in connection.books.values() if book.state == "live"]
    assert connection.books["BTCUSDT"].reason == "malformed"


def test_the_best_levels_of_spot_on_a_stream_without_a_name_are_not_taken_for_an_image() -> None:
    connection = opened("binance_spot")
    connection.received(depth("", U=90, u=110), 2)
    partial = {"lastUpdateId": 100, "bids": levels(100, -1), "asks": levels(101, 1)}
    (fault,) = connection.received(msgspec.json.encode(partial), 3)
    assert "best levels alone" in str(fault)
    assert connection.books["BTCUSDT"].state == "syncing"
    connection.received(msgspec.json.encode(partial | {"bids": levels(100, -1)[:4]}), 4)
    assert connection.books["BTCUSDT"].state == "live", "it is none of the sizes that streams have"


def kraken(kind: str, bids: dict[float, float], asks: dict[float, float], book: tuple[Any, Any]) -> bytes:
    best = [(price, book[1][price]) for price in sorted(book[1])[:10]]
    best += [(price, book[0][price]) for price in sorted(book[0], reverse=True)[:10]]
    numbers = (text for price, size in best for text in (f"{price:.1f}", f"{size:.8f}"))
    digits = "".join(number.replace(".", "").lstrip("0") for number in numbers)
    sides = (
        "[" + ",".join(f'{{"price":{price:.1f},"qty":{size:.8f}}}' for price, size in side.items()) + "]"
        for side in (bids, asks)
    )
    data = '{"symbol":"BTC/USD","bids":%s,"asks":%s,"checksum":%d,"timestamp":"2026-01-02T03:04:05.000001Z"}'
    body = data % (*sides, crc32(digits.encode()))
    return f'{{"channel":"book","type":"{kind}","data":[{body}]}}'.encode()


def test_the_depth_that_one_connection_states_is_not_that_of_the_next() -> None:
    sides = [{start + way * number: 1.0 for number in range(25)} for start, way in ((100.0, -1), (101.0, 1))]
    bids, asks = sides
    stated = '{"method":"subscribe","success":true,"result":{"channel":"book","symbol":"BTC/USD","depth":%d}}'
    connection = opened("kraken")
    connection.received((stated % 10).encode(), 2)
    connection.received(kraken("snapshot", bids, asks, (bids, asks)), 3)
    book = connection.books["BTC/USD"]
    assert len(book.ladder.bids) == 10
    connection.closed(4)
    connection.opened(Wants(), 5)
    connection.received(kraken("snapshot", bids, asks, (bids, asks)), 6)
    assert (book.state, len(book.ladder.bids), len(book.ladder.asks)) == ("live", 25, 25)


@pytest.mark.parametrize(("depth_held", "state"), [(10, "live"), (25, "syncing")])
def test_a_checksum_of_the_best_levels_does_not_prove_those_behind(depth_held: int, state: str) -> None:
    bids = {100.0 - number: 1.0 for number in range(depth_held)}
    asks = {101.0 + number: 1.0 for number in range(depth_held)}
    connection = opened("kraken")
    connection.received(kraken("snapshot", bids, asks, (bids, asks)), 2)
    book = connection.books["BTC/USD"]
    assert book.state == "live"
    said: list[Output] = connection.missed(3, "line 2: torn")
    assert book.state != "live"
    assert any(isinstance(each, Send) for each in said) == (depth_held > 10)
    bids[100.0] = 2.0
    connection.received(kraken("update", {100.0: 2.0}, {}, (bids, asks)), 4)
    assert book.state == state
    connection.received(kraken("snapshot", bids, asks, (bids, asks)), 5)
    assert book.state == "live"
