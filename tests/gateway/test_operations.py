"""What an operator sees: health, readiness, metrics, and an orderly end."""

import asyncio
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest

from deltawire.dialect.results import ServerHealth
from deltawire.errors import RecordingError
from deltawire.gateway.gateway import Limits, Policy
from deltawire.gateway.metrics import merge_metrics
from deltawire.gateway.telemetry import Durations
from deltawire.model.events import (
    Audit,
    BeyondChanges,
    BookDelta,
    BookImage,
    Changes,
    Fault,
    Levels,
    Status,
)
from deltawire.model.known_range import KnownRange
from deltawire.roles.gateway import App
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, SECRET, secret_login
from tests.support.frames import CLOSE, TEXT, client_frame
from tests.support.gateway_server import GatewayServer, HandFedSource, RawClient, open_socket
from tests.support.market_events import START_NS, VENUE, make_instrument, make_listing
from tests.support.waiting import HANG_S, wait_until

BOOK = "book.BTC-PERPETUAL.raw"


def fetch(server: GatewayServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=HANG_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics(server: GatewayServer) -> dict[str, float]:
    """The samples, by name and labels."""
    status, text = fetch(server, "/metrics")
    assert status == 200
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {
        line.rpartition(" ")[0].removeprefix("deltawire_"): float(line.rpartition(" ")[2]) for line in lines
    }


def test_a_server_is_healthy_at_once_and_ready_when_its_venues_have_spoken() -> None:
    with GatewayServer(venues=(VENUE, "okx")) as server:
        assert fetch(server, "/healthz") == (200, "ok\n")
        assert fetch(server, "/readyz") == (503, f"nothing heard of {VENUE}, okx yet\n")
        server.go_live()
        server.wait_until(lambda: "okx" in server.app.market.now_ns)  # time goes on for the silent, too
        assert fetch(server, "/readyz") == (503, "nothing heard of okx yet\n")
        server.feed([], "okx")
        server.wait_until(lambda: not server.app.gateway.unready())
        assert fetch(server, "/readyz") == (200, "ready\n")


@pytest.mark.parametrize("end", [None, RecordingError("okx.gz", "line 1", "damaged")])
def test_a_venue_that_ends_or_fails_before_it_spoke_holds_nobody_back(end: Exception | None) -> None:
    source, other = HandFedSource("okx"), HandFedSource(VENUE)
    app = App([source, other])
    source.feed(end)
    asyncio.run(app.pump(source))
    assert app.gateway.unready() == f"nothing heard of {VENUE} yet"
    app.gateway.heard_from(VENUE)
    assert app.gateway.unready() == ""
    assert list(app.gateway.closed()) == ["okx"]
    other.feed([])
    other.feed(None)
    asyncio.run(app.pump(other))
    assert app.gateway.unready().endswith(f"{VENUE}: source ended")


def test_a_server_whose_only_venue_never_spoke_is_not_ready() -> None:
    source = HandFedSource("okx")
    app = App([source])
    source.feed(None)
    asyncio.run(app.pump(source))
    assert app.gateway.unready() == "okx: source ended"


def test_a_server_that_only_echoes_is_ready() -> None:
    app = App([], echo=True)
    assert app.gateway.unready() == ""


def test_metrics_count_what_clients_get() -> None:
    with GatewayServer() as server:
        server.go_live()
        with open_socket(server) as first, open_socket(server) as second:
            for client in (first, second):
                client.answer("public/subscribe", channels=[BOOK, "quote.BTC-PERPETUAL"])
                for _ in range(2):
                    client.frame()
            before = metrics(server)
            server.change(5)
            sizes = [0, 0]
            for _ in range(10):
                sizes[0] += len(first.frame().payload)
                sizes[1] += len(second.frame().payload)
            after = metrics(server)
            assert (after["connections"], after["subscriptions"], after["queue_bytes"]) == (2, 4, 0)
            assert after["deliveries_total"] - before["deliveries_total"] == 20
            framing = 20 * 4
            assert after["delivered_bytes_total"] - before["delivered_bytes_total"] == sum(sizes) + framing
            assert after["seen_to_sent_seconds_count"] - before["seen_to_sent_seconds_count"] == 5
            assert after['seen_to_sent_seconds_bucket{le="+Inf"}'] == after["seen_to_sent_seconds_count"]
            first.send(client_frame(b"\x03\xe8", CLOSE))
            assert first.close_code() == 1000
            second.reset()
        with RawClient(server.port) as client:
            client.handshake("/nowhere")
        server.wait_for_connections(0)
        values = metrics(server)
        assert (values['closes_total{code="1000"}'], values['closes_total{code="1006"}']) == (1, 1)
        assert (values["accepted_total"], values['refused_total{status="404"}']) == (2, 1)


def test_metrics_tell_of_books_and_feeds() -> None:
    with GatewayServer() as server:
        server.go_live()
        live, stale = f'books{{state="live",venue="{VENUE}"}}', f'books{{state="stale",venue="{VENUE}"}}'
        server.wait_until(lambda: all(state.live for state in server.app.market))
        values = metrics(server)
        assert (values[live], values[stale]) == (1, 0)
        assert values[f'book_age_seconds{{venue="{VENUE}"}}'] >= 0
        instrument = server.book.instrument
        server.feed([Status(instrument, "stale", "gap", 1), Fault(VENUE, "noise", 1)])
        server.wait_until(lambda: bool(server.app.gateway.telemetry.faults))
        values = metrics(server)
        assert (values[live], values[stale]) == (0, 1)
        assert (
            values[f'stale_total{{reason="gap",venue="{VENUE}"}}']
            == values[f'faults_total{{venue="{VENUE}"}}']
            == 1
        )
        server.feed([Status(instrument, "live", "", 2)])
        server.wait_until(lambda: bool(server.app.gateway.telemetry.resyncs))
        assert metrics(server)[f'resyncs_total{{venue="{VENUE}"}}'] == 1


def test_metrics_are_for_the_networks_named_and_hold_no_secret(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.add(ALICE)
    with GatewayServer(policy=Policy(metrics=("198.51.100.0/24",))) as server:
        assert fetch(server, "/metrics")[0] == 403
    with GatewayServer(keys=store) as server, open_socket(server) as client:
        grant = client.answer("public/auth", **secret_login(ALICE))["result"]
        text = fetch(server, "/metrics")[1]
        assert not [word for word in (SECRET, "alice", grant["access_token"]) if word in text]


def test_every_metric_is_explained_and_typed() -> None:
    with GatewayServer() as server:
        text = fetch(server, "/metrics")[1]
    names = set(re.findall(r"^# HELP (\S+) \S", text, re.M))
    assert names == set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.M))
    assert len(names) >= 15


def test_metrics_of_several_workers_are_one_text_with_a_label() -> None:
    head = "# HELP deltawire_x_total Some: {things}\n# TYPE deltawire_x_total counter\n"
    texts = {
        "1": head + 'deltawire_x_total 1.0\ndeltawire_x_total{kind="a b"} 2.0\n',
        "2": head
        + "deltawire_x_total 3.0\n# HELP deltawire_y Y\n# TYPE deltawire_y gauge\ndeltawire_y 4.0\n",
    }
    assert merge_metrics(texts) == head + (
        'deltawire_x_total{worker="1"} 1.0\n'
        'deltawire_x_total{worker="1",kind="a b"} 2.0\n'
        'deltawire_x_total{worker="2"} 3.0\n'
        "# HELP deltawire_y Y\n# TYPE deltawire_y gauge\n"
        'deltawire_y{worker="2"} 4.0\n'
    )
    assert merge_metrics({}) == ""


def test_a_duration_falls_into_the_first_bucket_that_holds_it() -> None:
    durations = Durations((0.1, 1.0))
    for seconds in (0.0, 0.1, 0.5, 1.0, 7.0):
        durations.add(seconds)
    assert (durations.counts, round(durations.sum_s, 9)) == ([2, 2, 1], 8.6)


def test_a_stop_sends_everything_then_1001_with_advice_and_takes_no_one_new() -> None:
    with GatewayServer() as server:
        server.go_live()
        with open_socket(server) as client:
            client.answer("public/subscribe", channels=[BOOK])
            client.frame()
            server.change(50)
            server.ask(lambda: server.sources[VENUE].feed([server.book.change(bids={1000: 77})]))
            server.wait_until(
                lambda: server.app.market.find("BTC-PERPETUAL").sequence == server.book.sequence
            )  # type: ignore[union-attr]
            server.stop()
            ids = []
            while (frame := client.frame()).opcode == TEXT:
                ids.append(json.loads(frame.payload)["params"]["seq"])
            assert ids == list(range(ids[0], ids[0] + 51))
            assert (frame.close_code, frame.payload[2:]) == (1001, b"server stops; reconnect and resume")
            with pytest.raises(ConnectionError):
                socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            client.send(client_frame(b"\x03\xe9", CLOSE))
            client.rest()
        assert server.joined()


def test_a_stop_under_load_ends_every_connection_with_1001_in_time() -> None:
    limits = Limits(watch_interval=0.05)
    with GatewayServer(limits) as server:
        server.go_live()
        clients = [open_socket(server) for _ in range(50)]
        for client in clients:
            client.request("public/subscribe", channels=[BOOK])
        going = threading.Event()

        def feed() -> None:
            while not going.is_set():
                try:
                    server.change()
                except Exception:  # noqa: BLE001 (the server has gone: that is the end of the load)
                    return

        thread = threading.Thread(target=feed)
        thread.start()
        server.stop()
        codes = [client.close_code() for client in clients]
        for client in clients:
            client.send(client_frame(b"\x03\xe9", CLOSE))
            client.close()
        going.set()
        thread.join(HANG_S)
        assert codes == [1001] * 50
        assert server.joined()


def test_books_known_to_a_price_only_are_in_the_metrics_in_readyz_and_in_answers() -> None:
    """The market has left the image; levels beyond it are returned to those who ask for them."""
    instrument = make_instrument()
    known = KnownRange(bids=995, asks=1010)
    sides = Levels([998, 995], [1, 2]), Levels([1001, 1010], [3, 4])
    nothing = Changes([], [], [])
    beyond = BeyondChanges(Changes([990], [7], [0]), Changes([1020], [8], [0]))
    with GatewayServer() as server, open_socket(server) as client:
        server.feed([make_listing(instrument), Status(instrument, "live", "", START_NS)])
        server.feed([BookImage(instrument, 1, *sides, START_NS, START_NS, 1, known)])
        server.feed([BookDelta(instrument, 1, nothing, nothing, START_NS, START_NS, 2, 0, known, beyond)])
        server.feed([Audit(instrument, START_NS, 2, compared=4, missing=1)])
        server.wait_until(lambda: any(state.health.audits for state in server.app.market))
        status, text = fetch(server, "/readyz")
        assert (status, text.splitlines()[0]) == (200, "ready")
        assert f"{VENUE}: 1 audits, 75.000% of 4 levels equal; {instrument.name} is known 45.0 bp" in text
        found = metrics(server)
        assert found[f'audits_total{{venue="{VENUE}"}}'] == 1
        assert found[f'audited_levels_total{{venue="{VENUE}"}}'] == 4
        assert found[f'unequal_levels_total{{venue="{VENUE}"}}'] == 1
        assert found[f'least_coverage_bp{{venue="{VENUE}"}}'] == pytest.approx(45.0, abs=0.1)
        book = client.answer("public/get_order_book", instrument_name=instrument.name, depth=10)["result"]
        assert book["bids"] == [[99.8, 1.0], [99.5, 2.0]]
        assert book["complete_to"] == [99.5, 101.0]
        asked = client.answer(
            "public/get_order_book", instrument_name=instrument.name, depth=10, beyond=True
        )["result"]
        assert asked["bids"][-1] == [99.0, 7.0]
        assert asked["asks"][-1] == [102.0, 8.0]
        client.answer("public/subscribe", channels=[f"book.{instrument.name}.raw"], beyond=True)
        image = client.message()["params"]["data"]
        assert ["new", 99.0, 7.0] in image["bids"]
        assert image["complete_to"] == [99.5, 101.0]


def health(client: RawClient) -> ServerHealth:
    return msgspec.convert(client.answer("public/get_server_health")["result"], ServerHealth)


def test_it_counts_clients_channels_ticks_and_venues() -> None:
    with GatewayServer() as server, open_socket(server) as client, open_socket(server) as other:
        server.go_live()
        before = health(client)
        assert (before.connections, before.subscriptions, before.accepted) == (2, 0, 2)
        assert before.ready
        assert [(venue.venue, venue.connection) for venue in before.venues] == [(VENUE, None)]
        other.answer("public/subscribe", channels=["book.BTC-PERPETUAL.raw", "quote.BTC-PERPETUAL"])
        server.feed([server.book.change(bids={1000: 5})])
        wait_until(lambda: health(client).deliveries > before.deliveries)
        after = health(client)
        assert after.subscriptions == 2
        assert sorted(queue.channels for queue in after.slowest) == [0, 2]
        assert sum(after.tick_counts) > sum(before.tick_counts)
        assert len(after.tick_counts) == len(after.tick_bounds_ms) + 1
        server.feed([server.book.stale()])
        wait_until(lambda: health(client).venues[0].stale == before.venues[0].stale + 1)


def test_a_client_that_does_not_read_is_behind() -> None:
    with GatewayServer() as server, open_socket(server) as client:
        server.go_live()
        with open_socket(server, receive_buffer=4096) as slow:
            slow.answer("public/subscribe", channels=["book.BTC-PERPETUAL.raw"])
            wait_until(lambda: falls_behind(server, client))
            state = health(client)
            assert (state.behind, state.slowest[0].behind) == (1, True)
            assert state.queue_bytes >= state.slowest[0].queue_bytes > 0


def falls_behind(server: GatewayServer, client: RawClient) -> bool:
    server.change(500)
    return health(client).behind > 0


def test_it_is_not_for_who_may_not_read_the_metrics() -> None:
    with GatewayServer(policy=Policy(metrics=("192.0.2.0/24",))) as server, open_socket(server) as client:
        refusal = client.answer("public/get_server_health")["error"]
        assert (refusal["code"], refusal["data"]["param"]) == (13021, "ip")
