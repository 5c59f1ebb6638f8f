"""Instruments end, and so do sources: nothing of either is live after that, over a real socket too."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from deltawire.model.events import BookDelta, BookImage, Fault, Listing, Status
from deltawire.recording import Recording, RecordingEntry
from deltawire.sources.replay import Played, play, play_again
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from tests.cases.markets import PlayedMarket
from tests.support.gateway_server import GatewayServer, open_socket
from tests.support.replays import SteppedReplay
from tests.support.waiting import HANG_S

HERE = Path(__file__).parent / "26-deribit-expiry-and-other-book-channels"
ENDS, GOES_ON = "BTC-10OCT25", "BTC-PERPETUAL"
EXPIRY_NS = 1_760_083_200_000_000_000
SECOND_NS = 1_000_000_000
CLOSED = {"state": "stale", "reason": "closed"}


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every case on both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


def statuses(played: PlayedMarket, name: str) -> list[tuple[str, str, str, int]]:
    return [
        (event.state, event.reason, event.detail, event.seen_ns)
        for event in played.events
        if isinstance(event, Status) and event.instrument.name == name
    ]


@pytest.mark.parametrize("file", ["expiry.log", "expired_among_others.log", "listed.ws.1.0"])
class TestExpiry:
    def test_the_book_closes_with_the_expiry_and_nothing_revives_it(self, file: str) -> None:
        played = PlayedMarket(HERE / file, "deribit")
        assert statuses(played, ENDS)[-1] == ("stale", "closed", "expired", EXPIRY_NS)
        assert len(statuses(played, ENDS)) == 2
        assert not [
            event
            for event in played.events
            if isinstance(event, BookImage | BookDelta)
            and event.instrument.name == ENDS
            and event.seen_ns >= EXPIRY_NS
        ]
        assert not [event for event in played.events if isinstance(event, Fault)]

    def test_every_answer_says_so(self, file: str) -> None:
        played = PlayedMarket(HERE / file, "deribit")
        error = played.ask("get_order_book", instrument_name=ENDS).error
        assert error is not None
        assert (error.code, error.message, error.retry) == (13019, "orderbook_closed", False)
        assert error.reason == "the book is stale (closed: expired)"
        assert ENDS not in played.listed()
        ended = played.listed(expired=True)[ENDS]
        assert (ended["is_active"], ended["expiration_timestamp"]) == (False, EXPIRY_NS // 1_000_000)
        assert ENDS not in str(played.result("get_book_summary_by_currency", currency="BTC"))
        assert "10OCT25" not in str(played.result("get_expirations"))
        ticker = played.result("ticker", instrument_name=ENDS)
        assert ticker["state"] == "closed"
        assert (ticker["best_bid_price"], ticker["best_ask_price"]) == (0.0, 0.0)
        assert ticker["status"] | {"age": 0} == CLOSED | {
            "instrument_name": ENDS,
            "detail": "expired",
            "since": EXPIRY_NS // 1_000_000,
            "age": 0,
        }

    def test_its_neighbour_goes_on(self, file: str) -> None:
        played = PlayedMarket(HERE / file, "deribit")
        state = played.market.find(GOES_ON)
        if file == "expiry.log":
            assert state is None
            return
        assert state is not None
        assert state.live
        assert [told[:2] for told in statuses(played, GOES_ON)] == [("live", "")]
        assert state.book_ns > EXPIRY_NS


def test_what_the_last_ticker_of_an_expired_instrument_says_is_kept() -> None:
    ticker = PlayedMarket(HERE / "expiry.log", "deribit").result("ticker", instrument_name=ENDS)
    assert (ticker["mark_price"], ticker["settlement_price"]) == (61_000.7, 61_000.7)
    assert (ticker["index_price"], ticker["estimated_delivery_price"]) == (None, None)


def test_in_a_loop_it_lives_and_expires_in_every_round() -> None:
    told: list[tuple[str, int]] = []
    for batch in play_again([Played(Recording(HERE / "expired_among_others.log"), make_venue("deribit"))]):
        told += [
            (event.state + event.detail, event.seen_ns)
            for event in batch.events
            if isinstance(event, Status) and event.instrument.name == ENDS
        ]
        if len(told) == 6:
            break
    assert [state for state, _ in told] == ["live", "staleexpired"] * 3
    assert [at_ns for _, at_ns in told] == sorted({at_ns for _, at_ns in told})


# The venue's own word.


def notification(channel: str, data: dict[str, Any], at_ns: int) -> RecordingEntry:
    message = {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": channel, "data": {"timestamp": at_ns // 1_000_000} | data},
    }
    return RecordingEntry("received", at_ns, json.dumps(message).encode())


def book(name: str, change_id: int, at_ns: int) -> RecordingEntry:
    """An image, or the change that follows it."""
    data: dict[str, Any] = {"instrument_name": name, "change_id": change_id, "type": "snapshot"}
    data |= {"bids": [["new", 100.5, 10.0]], "asks": [["new", 101.0, 10.0]]}
    if change_id > 1:
        data |= {"type": "change", "prev_change_id": change_id - 1, "asks": []}
        data |= {"bids": [["change", 100.5, 10.0 + change_id]]}
    return notification(f"book.{name}.100ms", data, at_ns)


def state_of(name: str, state: str, at_ns: int) -> RecordingEntry:
    return notification("instrument.state.any.any", {"instrument_name": name, "state": state}, at_ns)


FAR = "BTC-25DEC26"
START_NS = 1_760_000_000_000_000_000


def told(records: list[RecordingEntry], name: str) -> list[str]:
    """What is said of one instrument: states, images and changes, listings."""
    found: list[str] = []
    for batch in play(records, make_venue("deribit")):
        for event in batch.events:
            if isinstance(event, Status) and event.instrument.name == name:
                found.append(" ".join(filter(None, (event.state, event.reason, event.detail))))
            elif isinstance(event, BookImage | BookDelta) and event.instrument.name == name:
                found.append("book")
            elif isinstance(event, Listing) and event.instrument.name == name and event.seen_ns > START_NS:
                found.append("active" if event.instrument.active else "inactive")
    return found


@pytest.mark.parametrize("state", ["settled", "closed", "terminated"])
def test_a_word_of_the_venue_ends_it_before_its_expiry(state: str) -> None:
    records = [book(FAR, 1, START_NS), state_of(FAR, state, START_NS + 1)]
    records += [book(FAR, 2, START_NS + 2), book(FAR, 1, START_NS + 3), state_of(FAR, state, START_NS + 4)]
    assert told(records, FAR)[-2:] == ["inactive", f"stale closed {state}"]
    assert told(records, FAR).count("book") == 1


def test_a_perpetual_is_settled_every_day_and_goes_on() -> None:
    records = [book(GOES_ON, 1, START_NS), state_of(GOES_ON, "settled", START_NS + 1)]
    assert told([*records, book(GOES_ON, 2, START_NS + 2)], GOES_ON) == ["live", "book", "book"]


def test_a_word_comes_before_the_first_book_too() -> None:
    records = [state_of(FAR, "terminated", START_NS + 1), book(FAR, 1, START_NS + 2)]
    assert told(records, FAR) == ["stale closed terminated"]


def test_what_starts_anew_lives_with_the_next_image() -> None:
    records = [book(FAR, 1, START_NS), state_of(FAR, "closed", START_NS + 1)]
    records += [state_of(FAR, "started", START_NS + 2), book(FAR, 2, START_NS + 3)]
    records += [book(FAR, 1, START_NS + 4), book(FAR, 2, START_NS + 5)]
    assert told(records, FAR)[2:] == [
        "inactive",
        "stale closed closed",
        "active",
        "syncing closed",
        "live",
        "book",
        "book",
    ]


def test_what_has_expired_does_not_start_anew() -> None:
    at_ns = EXPIRY_NS - SECOND_NS
    records = [book(ENDS, 1, at_ns), state_of(ENDS, "started", EXPIRY_NS + 1), book(ENDS, 1, EXPIRY_NS + 2)]
    assert told(records, ENDS)[-1] == "stale closed expired"


# Lists.


def listed(at_ns: int, *names: str, **changes: Any) -> RecordingEntry:
    definition = {
        "kind": "future",
        "base_currency": "BTC",
        "quote_currency": "USD",
        "tick_size": 0.5,
        "min_trade_amount": 10.0,
        "is_active": True,
    }
    result = [definition | {"instrument_name": name} | changes for name in names]
    url = "https://www.deribit.com/api/v2/public/get_instruments?currency=BTC&expired=false"
    return RecordingEntry("fetched", at_ns, json.dumps({"result": result}).encode(), url)


def test_what_a_later_list_has_no_more_is_delisted_and_what_it_has_again_lives() -> None:
    records = [listed(START_NS, FAR, GOES_ON), book(FAR, 1, START_NS + 1), book(GOES_ON, 1, START_NS + 2)]
    records += [listed(START_NS + 3, GOES_ON), book(FAR, 2, START_NS + 4), book(GOES_ON, 2, START_NS + 5)]
    assert told(records, GOES_ON) == ["live", "book", "book"]
    assert told(records, FAR) == ["live", "book", "inactive", "stale closed delisted"]
    records += [listed(START_NS + 6, FAR, GOES_ON), book(FAR, 1, START_NS + 7)]
    assert told(records, FAR)[4:] == ["active", "syncing closed", "live", "book"]


@pytest.mark.parametrize(
    "later",
    [
        RecordingEntry("fetched", START_NS + 3, b'{"result":[]}', listed(0).url),
        RecordingEntry("fetched", START_NS + 3, b'{"result":[{"instrument_name":7}]}', listed(0).url),
        RecordingEntry("fetched", START_NS + 3, b'{"error":{"code":10028}}', listed(0).url),
        RecordingEntry("fetched", START_NS + 3, listed(0, GOES_ON).payload, listed(0).url + "&kind=future"),
    ],
    ids=["empty", "unreadable", "an error", "of one kind"],
)
def test_a_list_that_is_not_whole_delists_nobody(later: RecordingEntry) -> None:
    records = [listed(START_NS, FAR, GOES_ON), book(FAR, 1, START_NS + 1), later, book(FAR, 2, START_NS + 4)]
    assert told(records, FAR) == ["live", "book", "book"]


def test_a_list_that_says_inactive_ends_it() -> None:
    records = [book(FAR, 1, START_NS + 1), listed(START_NS + 2, FAR, is_active=False)]
    assert told(records, FAR)[-2:] == ["inactive", "stale closed inactive"]


def test_binance_s_states_end_and_begin() -> None:
    info = (HERE.parent / "05-exchange-info" / "bf.0").read_text().strip()
    url, _, body = info.partition(" -> ")
    settling = body.partition(": ")[2].replace('"status":"TRADING"', '"status":"SETTLING"')
    trading = body.partition(": ")[2]

    def states(body: str) -> dict[str, bool]:
        records = [
            RecordingEntry("fetched", START_NS, text.encode(), url.strip()) for text in (trading, body)
        ]
        machine = make_venue("binance_usdm")
        for _ in play(records, machine):
            pass
        return {name: each.active for name, each in machine.instruments.items()}  # type: ignore[attr-defined]

    assert set(states(settling).values()) == {False}
    assert set(states(trading).values()) == {True}


@pytest.mark.parametrize(
    ("state", "ends"), [("expired", True), ("suspend", True), ("live", False), ("preopen", False)]
)
def test_okx_s_states_end(state: str, ends: bool) -> None:
    stated = {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "tickSz": "0.1", "lotSz": "1", "state": "live"}
    frames = [
        {"arg": {"channel": "instruments", "instType": "SWAP"}, "data": [stated]},
        {"arg": {"channel": "instruments", "instType": "SWAP"}, "data": [stated | {"state": state}]},
    ]
    machine = make_venue("okx")
    for frame in frames:
        assert not [e for e in machine.received(json.dumps(frame).encode(), START_NS) if isinstance(e, Fault)]
    assert machine.instruments["BTC-USDT-SWAP"].active is not ends  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        ("online", False),
        ("post_only", False),
        ("cancel_only", False),
        ("delisted", True),
        ("maintenance", True),
    ],
)
def test_kraken_s_statuses_end(status: str, ends: bool) -> None:
    pair = {"symbol": "A/B", "base": "A", "quote": "B", "price_precision": 1, "qty_precision": 1}
    pair |= {"price_increment": 0.1, "qty_min": 0.5, "status": "online"}
    machine = make_venue("kraken")
    for kind, stated in (("snapshot", pair), ("update", pair | {"status": status})):
        message = {"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": [stated]}}
        machine.received(json.dumps(message).encode(), START_NS)
    assert machine.instruments["A/B"].active is not ends  # type: ignore[attr-defined]


# Over a real socket.


def http(server: GatewayServer, path: str) -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=HANG_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class ChannelListener:
    """A client of some channels that keeps all it is told."""

    def __init__(self, server: GatewayServer, *channels: str) -> None:
        self._client = open_socket(server)
        self._told: list[tuple[str, dict[str, Any]]] = []
        assert self._client.answer("public/subscribe", channels=list(channels))["result"] == list(channels)

    def __enter__(self) -> "ChannelListener":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def until(self, channel: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first notification of a channel that is as wanted."""
        read = 0
        while True:
            for name, data in self._told[read:]:
                if name == channel and wanted(data):
                    return data
            read = len(self._told)
            params = self._client.message().get("params")
            if params:
                self._told.append((params["channel"], params["data"]))


def gauge(server: GatewayServer, state: str) -> float:
    label = f'deltawire_books{{state="{state}",venue="deribit"}} '
    alternative = f'deltawire_books{{venue="deribit",state="{state}"}} '
    for line in http(server, "/metrics")[1].splitlines():
        if line.startswith((label, alternative)):
            return float(line.rpartition(" ")[2])
    raise AssertionError("no such gauge")


def paused(path: Path, pause_ns: int, *, held: bool) -> tuple[SteppedReplay, GatewayServer]:
    source = SteppedReplay(path, "deribit", pause_ns=pause_ns, held=held)
    return source, GatewayServer(sources=(source,))


def stale(data: dict[str, Any]) -> bool:
    status = data.get("status")
    return isinstance(status, dict) and status["state"] == "stale"


@pytest.mark.parametrize("why", ["expired", "terminated"])
def test_the_end_of_an_instrument_is_told_to_those_who_listen(tmp_path: Path, why: str) -> None:
    text = (HERE / "expired_among_others.log").read_text()
    path = tmp_path / "recording.log"
    name = ENDS if why == "expired" else FAR
    path.write_text(text.replace(ENDS, name))
    source, served = paused(path, EXPIRY_NS, held=True)
    with served as server:
        server.wait_until(lambda: (s := server.app.market.find(name)) is not None and s.live)
        channels = (f"book.{name}.raw", f"ticker.{name}.raw", f"status.{name}", "instrument.state.any.any")
        with (
            ChannelListener(server, *channels) as client,
            ChannelListener(server, f"book.{GOES_ON}.raw") as neighbour,
        ):
            assert http(server, "/readyz") == (200, "ready\n")
            assert gauge(server, "live") == 2.0
            server.ask(source.resume)
            closed = CLOSED | {"detail": why}
            assert client.until(channels[0], stale)["status"] == closed
            ticker = client.until(channels[1], stale)
            assert (ticker["state"], ticker["best_bid_price"]) == ("closed", 0.0)
            assert ticker["status"]["detail"] == why
            assert (
                client.until(channels[3], lambda data: data["instrument_name"] == name)["state"] == "closed"
            )
            last = neighbour.until(f"book.{GOES_ON}.raw", lambda data: data["change_id"] == 61)
            assert "status" not in last
        query = f"/api/v2/public/get_order_book?instrument_name={name}"
        status, body = http(server, query)
        assert (status, json.loads(body)["error"]["code"]) == (400, 13019)
        assert http(server, query.replace(name, GOES_ON))[0] == 200
        assert (gauge(server, "live"), gauge(server, "stale")) == (1.0, 1.0)
        assert http(server, "/readyz") == (200, "ready\n")
        ended = json.loads(http(server, "/api/v2/public/get_instruments?expired=true")[1])["result"]
        assert [(each["instrument_name"], each["is_active"]) for each in ended] == [(name, False)]


def test_a_server_whose_every_instrument_has_ended_is_not_ready() -> None:
    source, served = paused(HERE / "expiry.log", EXPIRY_NS, held=True)
    with served as server:
        server.wait_until(lambda: not server.app.gateway.unready())
        server.ask(source.resume)
        server.wait_until(lambda: bool(server.app.gateway.unready()))
        assert http(server, "/readyz") == (503, "deribit: every instrument has ended\n")


def test_the_end_of_a_recording_closes_what_it_had(tmp_path: Path) -> None:
    last_ns = max(record.at_ns for record in Recording(HERE / "expired_among_others.log").records())
    source, served = paused(HERE / "expired_among_others.log", last_ns, held=False)
    with served as server:
        server.wait_until(lambda: (s := server.app.market.find(GOES_ON)) is not None and s.live)
        channels = (f"book.{GOES_ON}.raw", f"ticker.{GOES_ON}.raw", f"quote.{GOES_ON}", f"status.{GOES_ON}")
        with ChannelListener(server, *channels) as client:
            server.ask(source.resume)
            assert client.until(channels[0], stale)["status"] == CLOSED | {"detail": "source ended"}
            assert client.until(channels[1], stale)["status"]["detail"] == "source ended"
            quote = client.until(channels[2], lambda data: data.get("status") == "stale")
            assert (quote["best_bid_price"], quote["best_ask_price"]) == (0.0, 0.0)
        status, body = http(server, f"/api/v2/public/get_order_book?instrument_name={GOES_ON}")
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (400, 13028)
        assert error["data"]["reason"] == "the book is stale (closed: source ended)"
        assert json.loads(http(server, f"/api/v2/public/ticker?instrument_name={GOES_ON}")[1])["result"][
            "status"
        ]["detail"] == ("source ended")
        server.wait_until(lambda: bool(server.app.gateway.unready()))
        assert http(server, "/readyz") == (503, "deribit: source ended\n")
        assert (gauge(server, "live"), gauge(server, "stale")) == (0.0, 2.0)
        detail = server.ask(lambda: [state.detail for state in server.app.market])
        assert detail == ["expired", "source ended"]
