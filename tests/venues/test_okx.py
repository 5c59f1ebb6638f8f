"""What is OKX's own: pings, keep-alives, renumbering, checksums that used to be, acknowledgements."""

from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from deltawire.book import kernel
from deltawire.model.events import BookDelta, BookImage, Fault, Greeks, Listing, Status, Ticker, VenueStatus
from deltawire.ports import Fetch, Output, Send, Wants
from deltawire.testing.kernels import pure_kernel
from deltawire.testing.simulators.okx import OkxOptionSimulator, OkxSimulator
from deltawire.venues.okx import PING_NS, Okx, describe
from tests.venues.sessions import Session, told

SPOT, SWAP, FUTURE = OkxSimulator().instruments


@pytest.fixture(params=["okx", "okx-checksums", "okx-both"])
def session(request: pytest.FixtureRequest) -> Session:
    opened = Session(request.param)
    opened.open()
    return opened


@pytest.fixture
def numbered() -> Session:
    opened = Session("okx")
    opened.open()
    return opened


def push(channel: str, name: str, **data: str) -> bytes:
    arg = {"channel": channel, "instId": name}
    return msgspec.json.encode({"arg": arg, "data": [{"instId": name, **data}]})


def test_a_connection_asks_for_instruments_and_channels() -> None:
    asks = Okx().opened(Wants((SPOT, SWAP), frozenset({"book", "ticker"})), 1)
    assert [ask.tag for ask in asks if isinstance(ask, Fetch)] == [
        "instruments:SPOT",
        "instruments:SWAP",
        "instruments:FUTURES",
    ]
    assert msgspec.json.decode(asks[-1].frame)["args"] == [
        {"channel": "books", "instId": SPOT},
        {"channel": "books", "instId": SWAP},
        {"channel": "tickers", "instId": SPOT},
        {"channel": "tickers", "instId": SWAP},
        {"channel": "mark-price", "instId": SWAP},
        {"channel": "funding-rate", "instId": SWAP},
        {"channel": "open-interest", "instId": SWAP},
        {"channel": "instruments", "instType": "SPOT"},
        {"channel": "instruments", "instType": "SWAP"},
        {"channel": "instruments", "instType": "FUTURES"},
        {"channel": "status"},
    ]


def book_message(action: str, bids: list[str], asks: list[str], seq: int, prev: int) -> bytes:
    sides = {
        side: [[price, "1.5", "0", "1"] for price in texts]
        for side, texts in (("asks", asks), ("bids", bids))
    }
    data = {**sides, "ts": "1700000000000", "checksum": 0, "prevSeqId": prev, "seqId": seq}
    message = {"arg": {"channel": "books", "instId": SPOT}, "action": action, "data": [data]}
    return msgspec.json.encode(message).replace(b" ", b"")


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(("bids", "asks"), [([], ["11.25"]), (["9.25"], [])])
def test_a_side_that_was_empty_in_the_image_fills(bids: list[str], asks: list[str], pure: bool) -> None:
    with pure_kernel() if pure else nullcontext():
        machine = Okx()
        machine.opened(Wants((SPOT,), frozenset({"book"})), 1)
        told_first = machine.received(book_message("snapshot", bids, asks, 7, -1), 2)
        assert isinstance(told_first[-1], BookImage)
        (delta,) = machine.received(book_message("update", ["10.25", "9.75"], ["11.5"], 8, 7), 3)
    assert isinstance(delta, BookDelta)
    assert (list(delta.bids.prices), list(delta.asks.prices)) == ([1025, 975], [1150])


def test_a_subclass_may_look_at_every_frame_first() -> None:
    seen: list[bytes] = []

    class WatchedOkx(Okx):
        def received(self, frame: bytes, now: int) -> list[Output]:
            seen.append(frame)
            return super().received(frame, now)

    machine = WatchedOkx()
    machine.opened(Wants(), 1)
    assert machine.received(b"pong", 2) == []
    assert seen == [b"pong"]


@pytest.mark.skipif(not kernel.COMPILED, reason="of pure Python's readers each has its own word for it")
@pytest.mark.parametrize("odd", [None, "pong", 7])
def test_what_is_no_frame_is_refused(odd: Any) -> None:
    with pytest.raises(TypeError):
        Okx().received(odd, 1)


def test_a_quiet_connection_is_pinged_before_the_venue_closes_it(numbered: Session) -> None:
    machine, now = numbered.venue, numbered.now
    assert machine.deadline() == now + PING_NS
    assert machine.tick(now + PING_NS - 1) == []
    assert machine.tick(now + PING_NS) == [Send("ping")]
    assert machine.received(b"pong", now + PING_NS + 1) == []
    assert machine.deadline() == now + 2 * PING_NS


def test_a_keep_alive_changes_nothing(numbered: Session) -> None:
    before = len(numbered.events)
    assert numbered.receive(numbered.simulator.keepalive(SWAP)) == []
    assert len(numbered.events) == before
    numbered.delta(SWAP)
    numbered.true(SWAP)


def test_after_maintenance_the_numbers_begin_anew(numbered: Session) -> None:
    numbered.receive(numbered.simulator.renumber(SWAP))
    numbered.true(SWAP)
    numbered.delta(SWAP)
    numbered.true(SWAP)
    assert "stale gap" not in told(numbered.of(SWAP))


def test_a_message_with_neither_number_nor_checksum_proves_nothing() -> None:
    session = Session("okx-checksums", witnessed=False)
    session.open()
    frame = msgspec.json.decode(session.simulator.delta(SWAP))
    frame["data"][0]["checksum"] = 0
    assert told(session.receive(msgspec.json.encode(frame)))[:2] == ["stale gap", "syncing gap"]


def test_a_book_without_numbers_says_so_with_zero() -> None:
    session = Session("okx-checksums")
    session.open()
    session.delta(SWAP)
    published = [e for e in session.of(SWAP) if isinstance(e, BookImage | BookDelta)]
    assert [event.venue_sequence for event in published] == [0, 0]


def test_a_number_of_the_book_is_told(numbered: Session) -> None:
    (event,) = numbered.delta(SWAP)
    assert event.venue_sequence == numbered.simulator.walks[SWAP].id


def test_a_book_message_that_cannot_be_read_makes_its_book_stale(session: Session) -> None:
    frame = session.simulator.delta(SWAP).replace(b'"ts":"', b'"ts":"x')
    fault, *events = session.unwitnessed(frame)
    assert isinstance(fault, Fault)
    assert fault.instrument == SWAP
    assert told(events) == ["stale malformed", "syncing malformed", "live", "delta"]
    session.true(SWAP)


def test_an_unsubscribed_book_stands_for_nothing(session: Session) -> None:
    ack = {"event": "unsubscribe", "arg": {"channel": "books", "instId": SWAP}, "connId": "x"}
    assert told(session.unwitnessed(msgspec.json.encode(ack))) == ["stale closed"]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b'{"event":"error","code":"60012","msg":"Invalid request"}', "error 60012 Invalid request"),
    ],
)
def test_what_the_venue_complains_of_is_a_fault(session: Session, frame: bytes, reason: str) -> None:
    assert session.receive(frame) == [Fault("okx", session.now, reason)]


def test_the_announced_end_of_the_connection_is_a_notice(session: Session) -> None:
    frame = b'{"event":"notice","code":"64008","msg":"upgrade"}'
    assert session.receive(frame) == [VenueStatus("okx", "notice", session.now, "notice 64008 upgrade")]


@pytest.mark.parametrize(
    ("service", "env", "phase", "states"),
    [
        ("5", "1", "scheduled", ["scheduled"]),
        ("5", "1", "ongoing", ["down"]),
        ("0", "1", "ongoing", ["down"]),
        ("7", "1", "ongoing", ["limited"]),
        ("5", "1", "pre_open", ["limited"]),
        ("5", "1", "completed", ["up"]),
        ("5", "1", "canceled", ["up"]),
        ("5", "1", "something new", ["notice"]),
        ("5", "2", "ongoing", []),
    ],
)
def test_a_maintenance_is_down_where_the_market_needs_the_service(
    session: Session, service: str, env: str, phase: str, states: list[str]
) -> None:
    data = {
        "title": "Upgrade",
        "state": phase,
        "begin": "5",
        "end": "9",
        "serviceType": service,
        "env": env,
        "ts": "4",
    }
    events = session.receive(msgspec.json.encode({"arg": {"channel": "status"}, "data": [data]}))
    said = [event for event in events if isinstance(event, VenueStatus)]
    assert [status.state for status in said] == states
    assert [(status.text, status.begin_ns, status.end_ns) for status in said] == [
        ("Upgrade", 5_000_000, 9_000_000)
    ] * len(states)
    stale = {event.reason for event in events if isinstance(event, Status) and event.state == "stale"}
    assert stale == ({"maintenance"} if states == ["down"] else set())


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (push("mark-price", SWAP, markPx="61838.5", ts="5"), {"mark_price": 61838.5}),
        (push("funding-rate", SWAP, fundingRate="-0.0001", ts="5"), {"current_funding": -0.0001}),
        (push("open-interest", SWAP, oi="12.5", ts="5"), {"open_interest": 12.5}),
    ],
)
def test_each_channel_says_its_part_of_the_ticker(numbered: Session, frame: bytes, said: dict) -> None:
    instrument = numbered.instrument(SWAP)
    assert numbered.receive(frame) == [
        Ticker(instrument=instrument, venue_ns=5_000_000, seen_ns=numbered.now, **said)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        push("mark-price", SWAP, ts="5"),
        push("mark-price", SWAP, markPx="NaN", ts="5"),
        push("mark-price", SWAP, markPx="1_0", ts="5"),
        push("mark-price", SWAP, markPx="1", ts="-5"),
        push("mark-price", SWAP, markPx="1", ts="9999999999999999999"),
    ],
)
def test_a_ticker_of_nonsense_is_a_fault(numbered: Session, frame: bytes) -> None:
    (fault,) = numbered.receive(frame)
    assert isinstance(fault, Fault)


class TestInstruments:
    def test_a_bad_one_does_not_cost_its_neighbours(self) -> None:
        body = msgspec.json.decode(OkxSimulator().body("x?instType=SWAP"))
        (good,) = body["data"]
        body["data"] = [good | {"tickSz": "a"}, good | {"instId": 7}, good, good | {"state": "suspend"}]
        events = Okx().fetched("instruments:SWAP", msgspec.json.encode(body), 1)
        assert [type(event) for event in events] == [Fault, Fault, Listing, Listing]
        assert [event.instrument.active for event in events[2:]] == [True, False]

    def test_what_the_venue_states_is_kept(self) -> None:
        machine, simulator = Okx(), OkxSimulator()
        found = {}
        for kind in ("SPOT", "SWAP", "FUTURES"):
            for event in machine.fetched(f"instruments:{kind}", simulator.body(f"x?instType={kind}"), 1):
                found[event.instrument.name] = event.instrument
        assert (found[SPOT].size_unit, found[SPOT].size_exponent) == ("base", -8)
        assert (found[SWAP].size_unit, found[SWAP].contract_size, found[SWAP].inverse) == (
            "contracts",
            0.01,
            False,
        )
        assert (found[FUTURE].inverse, found[FUTURE].settlement) == (True, "ETH")
        assert found[FUTURE].expiration_ns == 1_924_588_800_000_000_000

    @pytest.mark.parametrize(
        ("name", "kind", "settlement", "strike"),
        [
            ("BTC-USDT", "spot", "USDT", None),
            ("BTC-USDT-SWAP", "future", "USDT", None),
            ("BTC-USD-260925", "future", "BTC", None),
            ("BTC-USD-241013-70000-P", "option", "BTC", 70_000.0),
        ],
    )
    def test_a_name_tells_what_it_is(
        self, name: str, kind: str, settlement: str, strike: float | None
    ) -> None:
        instrument = describe(name)
        assert (instrument.kind, instrument.settlement, instrument.strike) == (kind, settlement, strike)


class TestOptions:
    PUT, CALL, PERPETUAL = OkxOptionSimulator().instruments

    def test_lists_and_summaries_are_asked_for_by_family(self) -> None:
        asks = Okx().opened(Wants((self.PUT, self.CALL, self.PERPETUAL, SPOT), frozenset({"ticker"})), 1)
        assert [ask.tag for ask in asks if isinstance(ask, Fetch)][3:] == ["instruments:OPTION:BTC-USD"]
        for ask in [ask for ask in asks if isinstance(ask, Fetch)]:
            assert Okx().tag(ask.url) == ask.tag
        assert isinstance(asks[-1], Send)
        args = msgspec.json.decode(asks[-1].frame)["args"]
        assert [arg["instId"] for arg in args if arg["channel"] == "funding-rate"] == [self.PERPETUAL]
        assert [arg["instId"] for arg in args if arg["channel"] == "open-interest"] == [
            self.PUT,
            self.CALL,
            self.PERPETUAL,
        ]
        assert args[-6:] == [
            {"channel": "opt-summary", "instFamily": "BTC-USD"},
            *({"channel": "instruments", "instType": kind} for kind in ("SPOT", "SWAP", "FUTURES", "OPTION")),
            {"channel": "status"},
        ]

    def test_a_summary_tells_greeks_and_volatilities_of_a_family(self) -> None:
        session = Session("okx-options")
        session.open()
        tickers = session.receive(session.simulator.summary())  # type: ignore[attr-defined]
        assert [event.instrument.name for event in tickers if isinstance(event, Ticker)] == [
            self.PUT,
            self.CALL,
        ]
        ticker = tickers[0]
        assert isinstance(ticker, Ticker)
        assert ticker.greeks == Greeks(-0.38, 0.00001, 82.6, -51.5)
        assert (ticker.mark_iv, ticker.bid_iv, ticker.ask_iv) == (55.13, None, 55.34)
        assert ticker.underlying_price == 62588.5

    def test_the_list_states_strike_type_and_expiry(self) -> None:
        session = Session("okx-options")
        session.open()
        put, call = session.instrument(self.PUT), session.instrument(self.CALL)
        assert put.stated
        assert (put.kind, put.strike, put.option_type) == ("option", 60_000, "put")
        assert (call.strike, call.option_type, call.expiration_ns) == (
            70_000,
            "call",
            1_924_588_800_000_000_000,
        )
