"""What is Binance's own: the image by REST, the venue's own best prices, and the futures' further streams."""

import msgspec
import pytest

from deltawire.model.events import Fault, Liquidation, Listing, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS
from deltawire.ports import Fetch, Receipt, Send, Stream, Wants
from deltawire.testing.simulators import SIMULATORS
from deltawire.venues import make_venue
from deltawire.venues.binance import TOPS_KEPT
from deltawire.venues.connection import VenueConnection
from tests.venues.sessions import Session, told

NAME = "ETHUSDT"


@pytest.fixture(params=["binance_spot", "binance_usdm"])
def venue(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def session(venue: str) -> Session:
    opened = Session(venue)
    opened.open()
    for name in opened.names:
        opened.delta(name)
    return opened


@pytest.fixture
def futures() -> VenueConnection:
    return make_venue("binance_usdm")


def streams(venue: str, *names: str) -> list[str]:
    asks = make_venue(venue).opened(Wants(names), 1)
    (frame,) = [ask.frame for ask in asks if isinstance(ask, Send)]
    return msgspec.json.decode(frame)["params"]


def frame(stream: str, **data: object) -> bytes:
    return msgspec.json.encode({"stream": stream, "data": data})


@pytest.mark.parametrize("venue", ["binance_spot", "binance_usdm"])
def test_a_refused_request_for_several_streams_is_repeated_in_halves_until_one_is_refused(venue: str) -> None:
    machine = make_venue(venue)
    streams = [Stream(f"s{number}@depth@100ms", "book", f"S{number}") for number in range(3)]
    waiting, refused = machine.subscribe(streams), list[str]()
    sent = 0
    while waiting:
        request = msgspec.json.decode(waiting.pop(0).frame)
        sent += 1
        bad = "s1@depth@100ms" in request["params"]
        answer = {"error": {"code": 2, "msg": "Invalid request"}} if bad else {"result": None}
        outputs = machine.received(msgspec.json.encode(answer | {"id": request["id"]}), sent)
        waiting += [output for output in outputs if isinstance(output, Send)]
        refused += [name for output in outputs if isinstance(output, Receipt) for name in output.refused]
    assert (refused, sent) == (["s1@depth@100ms"], 5)


def test_a_connection_asks_for_its_streams() -> None:
    assert streams("binance_spot", "BTCUSDT") == [
        "btcusdt@depth@100ms",
        "btcusdt@bookTicker",
        "btcusdt@trade",
    ]
    assert streams("binance_usdm", "BTCUSDT") == [
        "btcusdt@depth@0ms",
        "btcusdt@bookTicker",
        "btcusdt@markPrice@1s",
        "btcusdt@forceOrder",
        "btcusdt@aggTrade",
    ]


def test_the_image_is_fetched_when_the_first_update_has_come(venue: str) -> None:
    session = Session(venue)
    session.slow = True
    session.open()
    session.asks = type(session.asks)(ask for ask in session.asks if isinstance(ask, Send))
    session.answer()
    assert told(session.delta(NAME)) == ["syncing"]
    (ask,) = session.asks
    assert isinstance(ask, Fetch)
    assert ask.tag == f"book:{NAME}" == session.venue.tag(ask.url)


class TestTheVenuesOwnBest:
    @pytest.mark.parametrize("early", [True, False])
    def test_it_confirms_the_book_at_its_number(self, session: Session, early: bool) -> None:
        for _ in range(5):
            delta, top = session.simulator.delta(NAME), session.simulator.ticker(NAME)
            for sent in (top, delta) if early else (delta, top):
                session.receive(sent)
        assert session.venue.books[NAME].counts.tops_ok == 5
        session.true(NAME)

    @pytest.mark.parametrize("early", [True, False])
    @pytest.mark.parametrize("member", ["b", "B", "a", "A"])
    def test_one_that_differs_shows_a_wrong_book(self, session: Session, early: bool, member: str) -> None:
        delta = session.simulator.delta(NAME)
        top = msgspec.json.decode(session.simulator.ticker(NAME))
        top["data"][member] = top["data"][member] + "1"
        wrong = msgspec.json.encode(top)
        events = [
            e for sent in ((wrong, delta) if early else (delta, wrong)) for e in session.unwitnessed(sent)
        ]
        assert told(events) == ["delta", "stale mismatch", "syncing mismatch", "live", "delta"]
        session.delta(NAME)
        session.true(NAME)

    def test_one_of_another_number_says_nothing(self, session: Session) -> None:
        session.simulator.move(NAME)
        session.receive(session.simulator.ticker(NAME))
        session.simulator.move(NAME)
        session.delta(NAME)
        session.true(NAME)

    @pytest.mark.parametrize("nonsense", ["x", "", "NaN", "Infinity", "1e999", "9" * 400, "-", "1_0"])
    def test_one_that_is_malformed_costs_no_delta(self, session: Session, nonsense: str) -> None:
        """It comes before the update of its number, and must not be what the update fails on."""
        delta = session.simulator.delta(NAME)
        top = msgspec.json.decode(session.simulator.ticker(NAME))
        top["data"]["B"] = nonsense
        (fault,) = session.unwitnessed(msgspec.json.encode(top))
        assert isinstance(fault, Fault)
        assert told(session.receive(delta)) == ["delta"]
        session.true(NAME)

    def test_those_that_no_update_reaches_do_not_pile_up(self, session: Session) -> None:
        top = msgspec.json.decode(session.simulator.ticker(NAME))
        for _ in range(3 * TOPS_KEPT):
            top["data"]["u"] += 1_000
            session.unwitnessed(msgspec.json.encode(top))
        assert len(session.venue._tops[NAME]) == TOPS_KEPT

    def test_they_are_forgotten_with_the_connection(self, session: Session) -> None:
        top = msgspec.json.decode(session.simulator.ticker(NAME))
        top["data"] |= {"u": top["data"]["u"] + 1, "b": "1"}
        session.unwitnessed(msgspec.json.encode(top))
        session.close()
        session.open()
        session.delta(NAME)
        session.true(NAME)


def test_an_image_inside_a_recording_names_no_symbol_and_is_that_of_the_book_that_waits(venue: str) -> None:
    simulator, machine = SIMULATORS[venue](listed=False), make_venue(venue)
    simulator.subscribe(NAME)
    machine.received(simulator.delta(NAME), 1)
    assert told(machine.received(simulator.image(NAME), 2)[1:])[:2] == ["live", "image"]


def test_where_no_increment_is_stated_the_image_shows_it_behind_the_padding(venue: str) -> None:
    machine = make_venue(venue)
    first = {"e": "depthUpdate", "E": 1, "s": NAME, "U": 1, "u": 9, "pu": 0, "b": [], "a": []}
    machine.received(frame("ethusdt@depth@100ms", **first), 1)
    bids, asks = [["3000.10000000", "1.00000000"]], [["3000.25000000", "0.00020000"], ["3001.00000000", "2"]]
    image = msgspec.json.encode({"lastUpdateId": 9, "bids": bids, "asks": asks})
    listed = [event.instrument for event in machine.received(image, 2) if isinstance(event, Listing)]
    assert [(each.tick_size, each.price_exponent) for each in listed] == [("0.01", -8)]
    assert listed[0].tick == 1_000_000
    coarser = msgspec.json.encode({"lastUpdateId": 9, "bids": [["3000.00000000", "1.00000000"]], "asks": []})
    machine.closed(3)
    machine.received(frame("ethusdt@depth@100ms", **first), 4)
    assert not [event for event in machine.received(coarser, 5) if isinstance(event, Listing)]


def test_an_image_that_two_books_could_mean_is_a_fault(venue: str) -> None:
    simulator, machine = SIMULATORS[venue](), make_venue(venue)
    for name in simulator.instruments[:2]:
        simulator.subscribe(name)
        machine.received(simulator.delta(name), 1)
    (fault,) = machine.received(simulator.image(NAME), 2)
    assert fault == Fault(venue, 2, "frame: an image without a symbol, and 2 books wait for one")


def test_an_update_that_comes_twice_is_ignored(session: Session) -> None:
    delta = session.simulator.delta(NAME)
    assert told(session.receive(delta)) == ["delta"]
    assert session.receive(delta) == []
    session.true(NAME)


def test_complaints_are_faults(session: Session) -> None:
    assert session.receive(b'{"code":2,"msg":"Invalid request"}') == [
        Fault(session.simulator.name, session.now, "2 Invalid request")
    ]


@pytest.mark.parametrize(
    "body", [b'{"code":-1003,"msg":"Too many requests."}', b"<html>503</html>", b"", b"[]"]
)
def test_a_fetch_that_failed_is_a_fault_and_is_tried_again(session: Session, body: bytes) -> None:
    session.slow = True
    session.simulator.delta(NAME)
    session.delta(NAME)
    ask = session.asks.popleft()
    (fault,) = session.venue.fetched(ask.tag, body, session.now)
    assert isinstance(fault, Fault)
    deadline = session.venue.deadline()
    assert session.venue.tick(deadline) == [ask]


def test_a_trade_names_its_aggressor(session: Session) -> None:
    trade = session.simulator.trade(NAME)
    sold = session.simulator.trade(NAME).replace(b'"m":false', b'"m":true')
    assert [event.side for event in (*session.receive(trade), *session.receive(sold))] == ["buy", "sell"]


def test_an_aggregate_trade_is_a_trade(session: Session) -> None:
    aggregate = frame("ethusdt@aggTrade", s=NAME, a=7, p="2685.50", q="1.5", T=5, m=True)
    (trade,) = session.receive(aggregate)
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.side, trade.venue_ns) == ("7", "sell", 5_000_000)


class TestFutures:
    def test_a_fill_without_a_price_is_no_trade(self, futures: VenueConnection) -> None:
        fill = frame("ethusdt@trade", s=NAME, t=7, p="0", q="1.5", T=5, m=True)
        assert futures.received(fill, 1) == []

    def test_a_mark_price_is_a_ticker(self, futures: VenueConnection) -> None:
        mark = frame("ethusdt@markPrice@1s", s=NAME, E=5, p="2685.5", i="2684.1", r="0.0001", T=9)
        (ticker,) = futures.received(mark, 1)
        assert isinstance(ticker, Ticker)
        assert (ticker.mark_price, ticker.index_price, ticker.current_funding) == (2685.5, 2684.1, 0.0001)

    @pytest.mark.parametrize(("side", "means"), [("SELL", "sell"), ("BUY", "buy")])
    def test_a_forced_order_is_a_liquidation_even_of_an_instrument_not_yet_defined(
        self, futures: VenueConnection, side: str, means: str
    ) -> None:
        order = {"s": NAME, "S": side, "q": "1.5", "p": "2685.55", "T": 5}
        listed, event = futures.received(frame("ethusdt@forceOrder", o=order), 1)
        assert isinstance(listed, Listing)
        assert isinstance(event, Liquidation)
        assert (event.price_ticks, event.size_lots, event.side) == (268_555, 15, means)

    def test_a_forced_order_of_neither_side_is_a_fault(self, futures: VenueConnection) -> None:
        order = {"s": NAME, "S": "HOLD", "q": "1.5", "p": "2685.55", "T": 5}
        (fault,) = futures.received(frame("ethusdt@forceOrder", o=order), 1)
        assert isinstance(fault, Fault)

    def test_a_dated_contract_expires(self) -> None:
        session = Session("binance_usdm")
        session.open()
        perpetual, _, dated = (session.instrument(name) for name in session.names)
        assert (perpetual.expiration_ns, perpetual.kind) == (FOREVER_NS, "future")
        assert (dated.expiration_ns, dated.base, dated.quote) == (1_924_588_800_000_000_000, "BTC", "USDT")


def test_a_bad_instrument_does_not_cost_its_neighbours(venue: str) -> None:
    body = SIMULATORS[venue]().body("exchangeInfo").replace(b'"LOT_SIZE"', b'"FAT_SIZE"', 1)
    events = make_venue(venue).fetched("instruments", body, 1)
    assert [type(event) for event in events] == [Fault, Listing, Listing]


def test_an_instrument_that_does_not_trade_is_not_listed(venue: str) -> None:
    body = SIMULATORS[venue]().body("exchangeInfo").replace(b'"TRADING"', b'"BREAK"', 1)
    events = make_venue(venue).fetched("instruments", body, 1)
    assert len([event for event in events if isinstance(event, Listing)]) == 2
