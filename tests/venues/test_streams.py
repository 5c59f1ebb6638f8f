"""Subscriptions as values, for every venue in the registry: asked, acknowledged, refused, identified."""

import msgspec
import pytest

from deltawire.ports import Fetch, Send, Stream, Wants
from deltawire.testing.link import Link
from deltawire.venues import REGISTRY, make_venue
from tests.venues.sessions import make_simulator

VENUES = sorted(REGISTRY)


def elsewhere(stream: Stream) -> bool:
    """Whether a stream of the venue's state needs a connection of its own."""
    return stream.topic == "status" and bool(stream.path)


@pytest.mark.parametrize("name", VENUES)
class TestStreams:
    def test_names_are_unique_and_paths_exist(self, name: str) -> None:
        venue, simulator = make_venue(name), make_simulator(name)
        streams = venue.streams(simulator.wants())
        assert len({stream.name for stream in streams}) == len(streams)
        assert {stream.path for stream in streams} <= {*venue.limits.endpoints}
        for instrument in simulator.instruments:
            assert [s.topic for s in streams if s.instrument == instrument].count("book") == 1

    def test_opening_asks_for_exactly_the_streams_and_lists(self, name: str) -> None:
        wants = make_simulator(name).wants()
        venue = make_venue(name)
        streams = [stream for stream in venue.streams(wants) if not elsewhere(stream)]
        parts = [*venue.lists(wants), *venue.connected(1), *venue.subscribe(streams)]
        assert make_venue(name).opened(wants, 1) == parts

    def test_every_stream_that_exists_is_acknowledged_and_flows(self, name: str) -> None:
        """The simulators of the venues answer as the venues do."""
        link = Link(make_venue(name), make_simulator(name))
        link.open()
        streams = link.venue.streams(link.simulator.wants())
        asked = {s.name for s in streams if s.topic != "list" and not elsewhere(s)}
        granted = {stream for receipt in link.receipts for stream in receipt.acknowledged}
        denied = {stream for receipt in link.receipts for stream in receipt.refused}
        assert not asked & denied
        if granted:
            assert {stream for stream in asked if stream in granted} == asked

    def test_requests_are_within_the_limits(self, name: str) -> None:
        venue = make_venue(name)
        streams = venue.streams(Wants(make_simulator(name).instruments * 1))
        sends = venue.subscribe(streams * 200)
        most = venue.limits.streams_per_request
        assert len(sends) >= len(streams) * 200 / most - 1
        if venue.limits.request_bytes:
            assert max(len(send.frame) for send in sends) <= venue.limits.request_bytes

    def test_ending_streams_names_them(self, name: str) -> None:
        venue, simulator = make_venue(name), make_simulator(name)
        streams = [s for s in venue.streams(simulator.wants()) if s.topic == "book"]
        frames = [send.frame.lower() for send in venue.unsubscribe(streams)]
        assert all("unsubscribe" in frame for frame in frames)
        for instrument in simulator.instruments:
            assert any(instrument.lower() in frame for frame in frames)

    def test_lists_are_fetched_from_the_stated_host(self, name: str) -> None:
        venue = make_venue(name)
        for fetch in venue.lists(make_simulator(name).wants()):
            assert fetch.url.startswith(f"{venue.limits.rest[0]}/")
            assert venue.tag(fetch.url) == fetch.tag

    def test_numbers_have_a_source(self, name: str) -> None:
        limits = make_venue(name).limits
        assert limits.source
        assert limits.cannot_show
        assert all(url.startswith("wss://") for urls in limits.endpoints.values() for url in urls)

    def test_updates_are_identified_where_connections_can_be_joined(self, name: str) -> None:
        link = Link(make_venue(name), make_simulator(name))
        link.open()
        for symbol in link.simulator.instruments:
            frames = [link.simulator.delta(symbol) for _ in range(3)]
            ids = [link.venue.identity(frame) for frame in frames]
            if not link.venue.limits.joins:
                assert ids == [None] * 3
                continue
            assert all(one and one.symbol == symbol and not one.image for one in ids)
            assert [two.previous for two in ids[1:]] == [one.last for one in ids[:-1]]  # type: ignore[union-attr]
            assert link.venue.identity(link.simulator.trade(symbol)) is None


REFUSALS = {
    "okx": (
        '{"id":"1","event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:FOO-USDT doesn\'t exist."}',
        {"books:FOO-USDT"},
    ),
    "binance_usdm": ('{"error":{"code":2,"msg":"Invalid request"},"id":1}', {"foo-usdt@depth@0ms"}),
    "binance_spot": ('{"code":2,"msg":"Invalid request","id":1}', {"foo-usdt@depth@100ms"}),
    "deribit": (
        '{"jsonrpc":"2.0","id":2,"result":[]}',
        {"book.FOO-USDT.100ms", "instrument.state.any.any", "platform_state"},
    ),
    "bybit_linear": (
        '{"success":false,"ret_msg":"error:handler not found","op":"subscribe","req_id":"1"}',
        {"orderbook.200.FOO-USDT"},
    ),
    "bybit_option": (
        '{"success":true,"type":"COMMAND_RESP","data":{"failTopics":["orderbook.100.FOO-USDT"],"successTopics":[]}}',
        {"orderbook.100.FOO-USDT"},
    ),
    "kraken": (
        '{"method":"subscribe","success":false,"error":"Currency pair not supported FOO-USDT","symbol":"FOO-USDT"}',
        {"book:FOO-USDT"},
    ),
    "hyperliquid": (
        '{"channel":"error","data":"Invalid subscription '
        '{\\"type\\":\\"l2Book\\",\\"coin\\":\\"FOO-USDT\\",\\"fast\\":true}"}',
        {"l2Book.fast:FOO-USDT"},
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_names_its_streams_and_is_a_fault(name: str) -> None:
    venue = make_venue(name)
    wants = Wants(("FOO-USDT",), frozenset({"book"}))
    asks = venue.opened(wants, 1)
    assert [ask for ask in asks if isinstance(ask, Send | Fetch)]
    frame, names = REFUSALS[name]
    receipt, fault = venue.received(frame.encode(), 2)
    assert set(receipt.refused) == names
    assert receipt.reason
    assert fault.reason


def test_a_partly_granted_request_is_a_refusal_of_the_rest() -> None:
    """cryptofeed issue 768: the answer's list is compared with what was asked."""
    venue = make_venue("deribit")
    venue.opened(Wants(("BTC-PERPETUAL", "FOO"), frozenset({"book"})), 1)
    answer = {"id": 2, "result": ["book.BTC-PERPETUAL.100ms", "instrument.state.any.any", "platform_state"]}
    granted, denied, fault = venue.received(msgspec.json.encode(answer), 2)
    assert granted.acknowledged == tuple(answer["result"])
    assert denied.refused == ("book.FOO.100ms",)
    assert "FOO" in fault.reason


def test_an_answer_that_names_no_request_grants_the_topics_that_it_lists() -> None:
    """Bybit's options: several requests are open, and none of their answers has a number."""
    venue = make_venue("bybit_option")
    names = [f"BTC-27DEC30-{strike}-C" for strike in range(50_000, 50_025)]
    venue.opened(Wants(tuple(names), frozenset({"book", "trades"})), 1)
    granted = ["publicTrade.BTC", *(f"orderbook.100.{name}" for name in names[:4])]
    answer = {"success": True, "type": "COMMAND_RESP", "data": {"failTopics": [], "successTopics": granted}}
    (receipt,) = venue.received(msgspec.json.encode(answer), 2)
    assert receipt.acknowledged == tuple(granted)


def test_futures_streams_are_split_over_the_paths_that_send_them() -> None:
    paths = {s.name: s.path for s in make_venue("binance_usdm").streams(Wants(("BTCUSDT",)))}
    assert paths == {
        "btcusdt@depth@0ms": "public",
        "btcusdt@bookTicker": "public",
        "btcusdt@aggTrade": "market",
        "btcusdt@markPrice@1s": "market",
        "btcusdt@forceOrder": "market",
    }
