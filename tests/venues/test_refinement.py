"""What a number finer than the instrument does to those behind the book, and what the venues state of precision."""

from typing import Any
from zlib import crc32

import msgspec
import pytest

from deltawire.book import kernel
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON
from deltawire.market.market import Market
from deltawire.model.events import BookDelta, Fault, Listing, Trade
from deltawire.ports import Fetch, Output, Send, Wants
from deltawire.session.client import BookMirror
from deltawire.venues import make_venue
from tests.support.subscribers import Inbox, join, joined

ETH, MS = "ETH-PERPETUAL", 1_760_000_000_000
NOW = MS * 1_000_000


def deribit_frame(change: int, bids: list[Any], asks: list[Any]) -> bytes:
    """A message of the book; the first is the image."""
    data: dict[str, Any] = {"type": "change" if change > 1 else "snapshot", "timestamp": MS}
    data |= {"prev_change_id": change - 1} if change > 1 else {}
    data |= {"instrument_name": ETH, "change_id": change, "bids": bids, "asks": asks}
    params = {"channel": f"book.{ETH}.100ms", "data": data}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def deribit_list() -> bytes:
    stated = {"instrument_name": ETH, "kind": "future", "base_currency": "ETH", "quote_currency": "USD"}
    return msgspec.json.encode({"result": [stated | {"tick_size": 0.5, "min_trade_amount": 1.0}]})


CHANGES = [
    ([["new", 3000.0, 100.0]], [["new", 3001.0, 50.0]]),
    ([["new", 3000.5, 10.0]], []),
    ([["new", 3000.05, 5.0]], [["new", 3000.75, 1.5]]),
    ([["change", 3000.0, 7.25]], [["delete", 3001.0, 0.0]]),
    ([["delete", 3000.05, 0.0]], [["new", 3002.125, 9.0]]),
]
BOOK = {3000.5: 10.0, 3000.0: 7.25}, {3000.75: 1.5, 3002.125: 9.0}


@pytest.mark.parametrize("listed", [False, True])
def test_subscribers_follow_a_book_that_becomes_finer(listed: bool) -> None:
    """Each in an unbroken chain, held to its checksums: at once, in intervals, and far behind."""
    venue, market = make_venue("deribit"), Market("deribit")
    hub = Hub(market, "epoch")
    venue.opened(Wants(), NOW)
    channels = [f"book.{ETH}.raw", f"book.{ETH}.100ms"]
    reader, slow, mirrors = Inbox(), Inbox(), {name: BookMirror() for name in channels}
    behind = BookMirror()

    def publish(said: list[Output], at_ns: int) -> None:
        hub.advance("deribit", at_ns)
        hub.publish([event for event in said if not isinstance(event, Send | Fetch)])  # type: ignore[misc]
        hub.flush()
        for note in reader.take():
            mirrors[note["params"]["channel"]].apply(note["params"]["data"])

    if listed:
        publish(venue.fetched("instruments:any", deribit_list(), NOW), NOW)
    publish(venue.received(deribit_frame(1, *CHANGES[0]), NOW), NOW)
    reader.subscriber.encoding = slow.subscriber.encoding = JSON
    join(hub, reader, *channels)
    join(hub, slow, channels[0])
    hub.flush()
    for note in reader.take():
        mirrors[note["params"]["channel"]].apply(note["params"]["data"])
    behind.apply(slow.data(channels[0])[0])
    hub.fall_behind(slow.subscriber, 1 << 30, lambda: None)
    for number, (bids, asks) in enumerate(CHANGES[1:], 2):
        publish(venue.received(deribit_frame(number, bids, asks), NOW), NOW + number * 60_000_000)
    publish([], NOW + 1_000_000_000)
    while data := hub.catch_up(slow.subscriber):
        slow.write(data)
    (merged,) = slow.data(channels[0])
    behind.apply(merged)
    assert (merged["price_exponent"], merged["size_exponent"]) == (-3, -2)
    for mirror in (*mirrors.values(), behind):
        assert (mirror.bids, mirror.asks) == BOOK
    late = joined(hub, channels[0])
    hub.flush()
    (image,) = late.data(channels[0])
    assert (image["price_exponent"], image["size_exponent"]) == (-3, -2)
    if kernel.COMPILED:  # the track goes on with the finer exponents
        taken = venue.fast_messages
        frame = (
            f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"book.{ETH}.100ms","data":{{"type":'
            f'"change","timestamp":{MS},"prev_change_id":{len(CHANGES)},"instrument_name":"{ETH}","change_id":9,'
            '"bids":[["new",2999.999,0.25]],"asks":[]}}}'
        )
        (delta,) = venue.received(frame.encode(), NOW)
        assert isinstance(delta, BookDelta)
        assert (list(delta.bids.prices), list(delta.bids.sizes)) == ([2_999_999], [25])
        assert venue.fast_messages == taken + 1


@pytest.mark.parametrize("odd", [["new", 3000.0500000000006, 1.0], ["new", 2999.0, 0.30000000000000004]])
def test_an_odd_level_costs_a_book_until_the_image_that_is_asked_for(odd: list[Any]) -> None:
    venue = make_venue("deribit")
    venue.opened(Wants(), NOW)
    venue.received(deribit_frame(1, *CHANGES[0]), NOW)
    outputs = venue.received(deribit_frame(2, [["new", 3000.5, 1.0], odd], []), NOW)
    assert [type(each).__name__ for each in outputs] == ["Status", "Send", "Send", "Status"]
    assert (outputs[0].reason, "float noise" in outputs[0].detail) == ("malformed", True)  # type: ignore[union-attr]
    assert venue.received(deribit_frame(3, [["new", 3000.5, 1.0]], []), NOW) == []
    outputs = venue.received(deribit_frame(1, *CHANGES[0]).replace(b'"change_id":1', b'"change_id":4'), NOW)
    assert [type(each).__name__ for each in outputs] == ["Status", "BookDelta"]
    assert outputs[0].state == "live"  # type: ignore[union-attr]


def test_a_trade_does_not_refine_where_the_levels_leave_no_room() -> None:
    venue = make_venue("okx")
    venue.opened(Wants(), NOW)
    venue.received(okx_books("snapshot", 1, bids=[["0.1", "900000000000000"]]), NOW)
    (fault,) = venue.received(okx_trade("0.1", "0.001"), NOW)
    assert isinstance(fault, Fault)
    assert "leaves no room" in fault.reason
    listing, trade = venue.received(okx_trade("0.1", "0.5"), NOW)
    assert isinstance(listing, Listing)
    assert isinstance(trade, Trade)
    (delta,) = venue.received(okx_books("update", 2, bids=[["0.1", "1"]]), NOW)
    assert (list(delta.bids.sizes), list(delta.bids.previous)) == ([10], [9_000_000_000_000_000])  # type: ignore[union-attr]


def okx_books(action: str, number: int, *, bids: list[list[str]]) -> bytes:
    data = {"asks": [], "bids": [[*level, "0", "1"] for level in bids], "ts": str(MS), "checksum": 0}
    data |= {"seqId": number, "prevSeqId": number - 1 or -1}
    message = {"arg": {"channel": "books", "instId": "ABC-USDT"}, "action": action, "data": [data]}
    return msgspec.json.encode(message)


def okx_trade(price: str, size: str) -> bytes:
    data = {"instId": "ABC-USDT", "tradeId": "1", "px": price, "sz": size, "side": "buy", "ts": str(MS)}
    return msgspec.json.encode({"arg": {"channel": "trades", "instId": "ABC-USDT"}, "data": [data]})


def test_a_least_size_finer_than_the_size_increment_is_what_the_venue_states() -> None:
    stated = {"instId": "YFI-BTC", "instType": "SPOT", "tickSz": "0.001", "lotSz": "0.0001"}
    listed = {}
    for least in ("0.00001", "0.0001", "1", "x", "-1", "1e-5"):
        body = msgspec.json.encode({"data": [stated | {"minSz": least}]})
        (listed[least],) = make_venue("okx").fetched("instruments:SPOT", body, 1)
    for least in ("0.00001", "0.0001", "1"):
        assert isinstance(listed[least], Listing)
        instrument = listed[least].instrument
        assert (instrument.size_exponent, instrument.min_trade_size) == (-4, least)
    assert all(isinstance(listed[least], Fault) for least in ("x", "-1", "1e-5"))


class TestKraken:
    """Its checksum is made of the digits it prints, so what it prints must be known apart from what is held."""

    @pytest.fixture
    def venue(self) -> Any:
        venue = make_venue("kraken")
        venue.opened(Wants(), NOW)
        return venue

    def book(
        self, kind: str, levels: list[tuple[str, str]], best: list[tuple[str, str]] | None = None
    ) -> bytes:
        """Bids only; `best` are those that the checksum is made of."""
        rows = ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in levels)
        digits = "".join(text.replace(".", "").lstrip("0") for level in best or levels for text in level)
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"A/B","bids":[{rows}],"asks":[],'
            f'"checksum":{crc32(digits.encode())}}}]}}'
        ).encode()

    def trade(self, price: str) -> bytes:
        return (
            f'{{"channel":"trade","type":"update","data":[{{"symbol":"A/B","side":"buy","price":{price},"qty":1,'
            '"trade_id":1,"timestamp":"2026-01-02T03:04:05.000001Z"}]}'
        ).encode()

    def list(self, price_places: int) -> bytes:
        pair = {
            "symbol": "A/B",
            "base": "A",
            "quote": "B",
            "price_precision": price_places,
            "qty_precision": 3,
        }
        pair |= {"price_increment": 10.0**-price_places, "qty_min": 0.5}
        return msgspec.json.encode({"channel": "instrument", "type": "update", "data": {"pairs": [pair]}})

    def held(self, venue: Any) -> tuple[Any, ...]:
        book = venue.books["A/B"]
        levels, instrument = book.ladder.bids.levels(), book.instrument
        return (
            book.state,
            (instrument.price_exponent, instrument.size_exponent),
            dict(zip(levels.prices, levels.sizes, strict=True)),
            book.counts.checksums_bad,
        )

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize("listed", [True, False])
    def test_a_finer_trade_changes_what_is_held_not_what_is_printed(
        self, venue: Any, first: bool, listed: bool
    ) -> None:
        if listed:
            venue.received(self.list(1), NOW)
        if first:
            venue.received(self.trade("9.125"), NOW)
        venue.received(self.book("snapshot", [("9.5", "1.000")]), NOW)
        if not first:
            venue.received(self.trade("9.125"), NOW)
        frame = self.book("update", [("9.4", "2.000")], [("9.5", "1.000"), ("9.4", "2.000")])
        venue.received(frame, NOW)
        assert self.held(venue) == ("live", (-3, -3), {9500: 1000, 9400: 2000}, 0)

    @pytest.mark.parametrize("stated", [1, 2, 3])
    def test_a_list_that_is_old_does_not_cost_the_book(self, venue: Any, stated: int) -> None:
        venue.received(self.list(stated), NOW)
        venue.received(self.book("snapshot", [("9.51", "1.000"), ("9.50", "3.000")]), NOW)
        best = [("9.51", "1.000"), ("9.50", "3.000"), ("9.49", "2.000")]
        venue.received(self.book("update", [best[-1]], best), NOW)
        exponent, factor = -max(2, stated), 10 ** max(0, stated - 2)
        levels = {951 * factor: 1000, 950 * factor: 3000, 949 * factor: 2000}
        assert self.held(venue) == ("live", (exponent, -3), levels, 0)

    def test_a_list_that_has_become_coarser_is_followed_from_the_next_image_on(self, venue: Any) -> None:
        venue.received(self.list(2), NOW)
        venue.received(self.book("snapshot", [("9.50", "1.000")]), NOW)
        venue.received(self.list(1), NOW)
        venue.received(self.book("snapshot", [("9.5", "1.000")]), NOW)
        venue.received(self.book("update", [("9.4", "2.000")], [("9.5", "1.000"), ("9.4", "2.000")]), NOW)
        assert self.held(venue) == ("live", (-2, -3), {950: 1000, 940: 2000}, 0)

    def test_an_image_that_no_precision_explains_is_wrong(self, venue: Any) -> None:
        venue.received(self.book("snapshot", [("9.5", "1.5")], [("9.5", "1.25")]), NOW)
        assert self.held(venue) == ("syncing", (-1, -1), {}, 1)


class TestBinance:
    """Its best-price stream is held against the book, unless it is odd itself."""

    @pytest.mark.parametrize(
        ("subscriber", "text", "said"),
        [
            ("B", "1.50000000", ["Ticker"]),
            ("B", "0.30000000000000004", ["Fault", "Ticker"]),
            ("a", "10.123456789012345", ["Fault", "Ticker"]),
            ("a", "11.00000000001", ["Status", "Fetch", "Status", "Ticker"]),
        ],
    )
    @pytest.mark.parametrize("early", [False, True])
    @pytest.mark.parametrize("name", ["binance_spot", "binance_usdm"])
    def test_best_prices(self, name: str, subscriber: str, text: str, said: list[str], early: bool) -> None:
        venue = make_venue(name)
        venue.opened(Wants(), NOW)
        update = {
            "e": "depthUpdate",
            "E": MS,
            "T": MS,
            "s": "ABCUSDT",
            "U": 1,
            "u": 5,
            "pu": 4,
            "b": [],
            "a": [],
        }
        venue.received(self.frame("depth@0ms", update), NOW)
        body = {"lastUpdateId": 5, "bids": [["10.00", "1.50"]], "asks": [["11.00", "2.00"]]}
        venue.fetched("book:ABCUSDT", msgspec.json.encode(body), NOW)
        number = 6 if early else 5
        top = {"u": number, "s": "ABCUSDT", "b": "10.00", "B": "1.50", "a": "11.00", "A": "2.00", "T": MS}
        events = venue.received(self.frame("bookTicker", top | {subscriber: text}), NOW)
        if early:
            assert [type(each).__name__ for each in events] == ["Ticker"]
            update |= {"U": 6, "u": 6, "pu": 5, "b": [["9.00", "1.00"]]}
            events = venue.received(self.frame("depth@0ms", update), NOW)
            said = ["BookDelta", *said[:-1]]
        assert [type(each).__name__ for each in events] == said
        assert (venue.books["ABCUSDT"].state == "live") == ("Fetch" not in said)  # type: ignore[attr-defined]

    def frame(self, stream: str, data: dict[str, Any]) -> bytes:
        return msgspec.json.encode({"stream": f"abcusdt@{stream}", "data": data})
