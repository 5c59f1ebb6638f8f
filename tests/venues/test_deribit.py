"""What is Deribit's own: heartbeats, channels, names, actions, numbers that are doubles."""

import msgspec
import pytest

from deltawire.model.events import BookDelta, Fault, Index, Listing, Ticker, Trade
from deltawire.model.expiries import FOREVER_NS
from deltawire.ports import Fetch, Send, Wants
from deltawire.testing.simulators.deribit import DeribitSimulator
from deltawire.venues.deribit import Deribit, describe
from tests.venues.sessions import Session, told

PERPETUAL, OPTION, LINEAR = DeribitSimulator().instruments


@pytest.fixture
def session() -> Session:
    opened = Session("deribit")
    opened.open()
    return opened


def request(ask: Send) -> dict:
    return msgspec.json.decode(ask.frame)


def notification(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def test_a_connection_asks_for_heartbeats_instruments_and_channels() -> None:
    asks = Deribit().opened(Wants(("BTC-PERPETUAL",)), 1)
    assert [request(ask)["method"] for ask in asks if isinstance(ask, Send)] == [
        "public/set_heartbeat",
        "public/status",
        "public/subscribe",
    ]
    assert request(asks[-1])["params"] == {
        "channels": [
            "book.BTC-PERPETUAL.100ms",
            "ticker.BTC-PERPETUAL.100ms",
            "trades.BTC-PERPETUAL.100ms",
            "instrument.state.any.any",
            "platform_state",
        ]
    }
    assert [ask.tag for ask in asks if isinstance(ask, Fetch)] == ["instruments:any"]


def test_many_channels_go_in_several_requests_of_their_own_numbers() -> None:
    names = tuple(f"BTC-{number}" for number in range(1_000))
    requests = [request(ask) for ask in Deribit().opened(Wants(names), 1) if isinstance(ask, Send)]
    assert len({asked["id"] for asked in requests}) == len(requests)
    assert all(len(msgspec.json.encode(asked)) < 32_768 for asked in requests)
    assert sum(len(asked["params"].get("channels", ())) for asked in requests) == 3_002


def test_a_test_request_is_answered(session: Session) -> None:
    (ask,) = session.venue.received(DeribitSimulator().test_request(), session.now)
    assert request(ask)["method"] == "public/test"


def test_only_the_channel_of_the_slipped_book_is_subscribed_again(session: Session) -> None:
    session.delta(OPTION)
    session.slow = True
    session.simulator.delta(OPTION)
    session.delta(OPTION)
    assert [(request(ask)["method"], request(ask)["params"]) for ask in session.asks] == [
        ("public/unsubscribe", {"channels": [f"book.{OPTION}.100ms"]}),
        ("public/subscribe", {"channels": [f"book.{OPTION}.100ms"]}),
    ]


def test_a_recording_of_raw_books_is_subscribed_raw_again() -> None:
    machine = Deribit()
    data = {
        "timestamp": 1,
        "instrument_name": OPTION,
        "change_id": 5,
        "bids": [["new", 0.1, 1.0]],
        "asks": [],
    }
    machine.received(notification(f"book.{OPTION}.raw", data), 1)
    slipped = data | {"change_id": 9, "prev_change_id": 7, "bids": []}
    asks = [
        ask for ask in machine.received(notification(f"book.{OPTION}.raw", slipped), 2) if type(ask) is Send
    ]
    assert request(asks[1])["params"] == {"channels": [f"book.{OPTION}.raw"]}


def test_a_second_channel_of_the_same_book_is_left_alone(session: Session) -> None:
    raw = session.simulator.delta(OPTION).replace(b".100ms", b".raw")
    assert session.unwitnessed(raw) == []
    assert session.venue.unread == {"book raw beside 100ms": 1}  # type: ignore[attr-defined]


def test_an_action_that_contradicts_the_levels_is_a_mismatch(session: Session) -> None:
    session.delta(OPTION)
    price = max(session.simulator.book(OPTION).bids)
    gone = session.simulator.walks[OPTION].contract.price(price + 5)
    change = session.simulator.delta(OPTION).partition(b'"bids":')[0]
    frame = change + b'"bids":[["delete",%s,0.0]],"asks":[]}}}' % gone.encode()
    assert told(session.unwitnessed(frame))[0] == "stale mismatch"


def test_an_error_is_a_fault_and_no_reason_to_stop(session: Session) -> None:
    (fault,) = session.receive(
        b'{"jsonrpc":"2.0","id":5,"error":{"code":10028,"message":"too_many_requests"}}'
    )
    assert fault == Fault("deribit", session.now, "10028 too_many_requests")


@pytest.mark.parametrize(
    "frame",
    [
        b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}',
        b'{"jsonrpc":"2.0","id":1,"result":"ok"}',
        notification("announcements", {}),
        notification("user.portfolio.btc", {}),
    ],
)
def test_what_is_not_for_us_says_nothing(session: Session, frame: bytes) -> None:
    assert session.receive(frame) == []


def test_a_ticker_keeps_what_an_option_says(session: Session) -> None:
    (ticker,) = session.receive(session.simulator.ticker(OPTION))
    assert isinstance(ticker, Ticker)
    assert (ticker.mark_iv, ticker.bid_iv, ticker.ask_iv) == (61.5, 60.0, 63.0)
    assert (ticker.greeks.vega, ticker.greeks.theta, ticker.greeks.rho) == (20.1, -16.4, 1.2)
    assert ticker.stats.high is None
    assert ticker.stats.volume == 12.5
    assert ticker.last_price is None


def test_a_delivery_price_may_be_a_word(session: Session) -> None:
    frame = session.simulator.ticker(OPTION).replace(
        b'"estimated_delivery_price":61837.5', b'"estimated_delivery_price":"expired"'
    )
    assert session.receive(frame)[0].estimated_delivery_price is None


def test_an_incremental_ticker_says_only_what_changed(session: Session) -> None:
    data = {"type": "change", "timestamp": 5, "instrument_name": OPTION, "mark_price": 0.2}
    (ticker,) = session.receive(notification(f"incremental_ticker.{OPTION}", data))
    assert (ticker.mark_price, ticker.index_price, ticker.venue_ns) == (0.2, None, 5_000_000)


def test_an_index_is_told_under_its_name(session: Session) -> None:
    data = {"timestamp": 5, "price": 61837.5, "index_name": "btc_usd"}
    assert session.receive(notification("deribit_price_index.btc_usd", data)) == [
        Index("deribit", "btc_usd", 61837.5, 5_000_000, session.now)
    ]


def test_several_trades_come_in_one_message_and_a_bad_one_costs_only_itself(session: Session) -> None:
    good = {
        "trade_seq": 1,
        "trade_id": "ETH-7",
        "timestamp": 5,
        "price": 0.145,
        "instrument_name": OPTION,
        "direction": "sell",
        "amount": 2.5,
        "iv": 61.0,
        "liquidation": "T",
    }
    trades = [
        good,
        good | {"trade_id": "ETH-8", "amount": -1.0},
        good | {"trade_id": "ETH-9", "trade_seq": 3},
    ]
    first, fault, third = session.receive(notification(f"trades.{OPTION}.raw", trades))
    assert isinstance(first, Trade)
    assert (first.price_ticks, first.size_lots, first.side, first.iv) == (1450, 25, "sell", 61.0)
    assert first.liquidation == "T"
    assert isinstance(fault, Fault)
    assert third.sequence == 3


def test_a_trade_with_more_decimals_makes_the_instrument_finer(session: Session) -> None:
    trade = msgspec.json.decode(session.simulator.trade(PERPETUAL))
    trade["params"]["data"][0]["amount"] = 2.5
    listed, seen = session.receive(msgspec.json.encode(trade))
    assert isinstance(listed, Listing)
    assert listed.instrument.size_exponent == -1
    assert seen.size_lots == 25
    (change,) = session.delta(PERPETUAL)
    assert isinstance(change, BookDelta)
    assert change.instrument == listed.instrument
    session.true(PERPETUAL)


class TestInstruments:
    def test_a_bad_one_does_not_cost_its_neighbours(self) -> None:
        machine, simulator = Deribit(), DeribitSimulator()
        body = simulator.body("").replace(b'"kind":"option"', b'"kind":"promise"')
        events = machine.fetched("instruments:any", body, 1)
        assert [type(event) for event in events] == [Listing, Fault, Listing]
        assert [e.instrument.name for e in events if isinstance(e, Listing)] == [PERPETUAL, LINEAR]

    def test_what_the_venue_states_is_kept(self) -> None:
        events = Deribit().fetched("instruments:any", DeribitSimulator().body(""), 1)
        perpetual, option, linear = (event.instrument for event in events)
        assert (perpetual.price_exponent, perpetual.size_unit, perpetual.inverse) == (-1, "quote", True)
        assert (perpetual.perpetual, perpetual.expiration_ns) == (True, FOREVER_NS)
        assert (option.strike, option.option_type, option.size_unit) == (70_000.0, "call", "base")
        assert option.expiration_ns == 1_924_588_800_000_000_000
        assert (linear.quote, linear.settlement, linear.inverse) == ("USDC", "USDC", False)

    def test_saying_it_twice_changes_nothing(self) -> None:
        machine, body = Deribit(), DeribitSimulator().body("")
        machine.fetched("instruments:any", body, 1)
        assert machine.fetched("instruments:any", body, 2) == []

    @pytest.mark.parametrize(
        ("name", "kind", "base", "quote", "strike"),
        [
            ("BTC-PERPETUAL", "future", "BTC", "USD", None),
            ("BTC-6AUG21", "future", "BTC", "USD", None),
            ("BTC-27DEC24-100000-C", "option", "BTC", "USD", 100_000.0),
            ("XRP_USDC-30JUN23-0d625-P", "option", "XRP", "USDC", 0.625),
            ("SOL_USDC-PERPETUAL", "future", "SOL", "USDC", None),
            ("BTC_USDC", "spot", "BTC", "USDC", None),
        ],
    )
    def test_a_name_tells_what_it_is(
        self, name: str, kind: str, base: str, quote: str, strike: float | None
    ) -> None:
        instrument = describe(name)
        assert (instrument.kind, instrument.base, instrument.quote, instrument.strike) == (
            kind,
            base,
            quote,
            strike,
        )
        assert not instrument.stated

    @pytest.mark.parametrize(
        ("url", "tag"),
        [
            ("https://www.deribit.com/api/v2/public/get_instruments?currency=BTC", "instruments:BTC"),
            ("https://www.deribit.com/api/v2/public/get_instruments", "instruments:any"),
            ("https://www.deribit.com/api/v2/public/get_time", None),
        ],
    )
    def test_an_address_tells_whether_its_answer_is_ours(self, url: str, tag: str | None) -> None:
        assert Deribit().tag(url) == tag
