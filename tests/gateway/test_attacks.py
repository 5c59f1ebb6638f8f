"""Real sockets against a running server: whatever a client does, the server lives and its neighbour is well."""

import json
import os
import time
from random import Random
from typing import Any

import pytest

from deltawire.gateway.gateway import Limits
from deltawire.session.client import BookMirror
from tests.support.effort import examples
from tests.support.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, client_frame, request_frame
from tests.support.gateway_server import (
    HANDSHAKE,
    STEPPED,
    GatewayServer,
    Neighbour,
    RawClient,
    open_socket,
)
from tests.support.market_events import make_trade

BOOK = "book.BTC-PERPETUAL.raw"


def alive(client: RawClient) -> bool:
    """Whether a connection still answers."""
    client.request("public/test", "alive?")
    while client.message().get("id") != "alive?":
        pass
    return True


# Requests that are none.


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"nonsense", -32700),
        (b'{"a":' + b"[" * 16_000 + b"]" * 16_000 + b"}", -32700),
        (b"[" * 100_000 + b"]" * 100_000, -32600),
        (b"[" * 16_000 + b"]" * 16_000, -32600),
        (b'{"id":%b,"method":"public/test"}' % (b"7" * 5_000), -32600),
        (b'{"id":NaN,"method":"public/test"}', -32700),
        (b'{"id":-Infinity,"method":"public/test"}', -32700),
        (b'{"id":1e400,"method":"public/test"}', -32600),
        (b'{"id":"\\ud800","method":"public/test"}', -32700),
        (b'{"id":1,"method":"public/get_instrument","params":{"instrument_name":"\\udfff"}}', -32700),
        (b"[]", -32600),
        (b'[{"id":1,"method":"public/test"}]', -32600),
        (b"17", -32600),
        (b'"public/test"', -32600),
        (b"null", -32600),
        (b'{"id":1,"method":"public/test","params":[1]}', -32600),
        (b'{"id":1,"method":"public/subscribe","params":{"channels":{"a":1}}}', -32602),
        (b'{"id":1,"method":"public/set_heartbeat","params":{"interval":%b}}' % (b"7" * 400), -32602),
        (b'{"id":1,"method":"\\u0000"}', -32601),
        (b'{"id":1,"method":"public/test","params":{}}'.ljust(32_769), -32600),
    ],
)
def test_what_is_no_request_is_answered_and_the_connection_goes_on(
    server: GatewayServer, payload: bytes, code: int
) -> None:
    with open_socket(server) as client:
        client.send(client_frame(payload))
        assert client.message()["error"]["code"] == code
        assert alive(client)


def test_of_duplicate_keys_the_last_counts(server: GatewayServer) -> None:
    with open_socket(server) as client:
        client.send(client_frame(b'{"id":1,"method":"nonsense","id":"last","method":"public/test"}'))
        assert client.message()["id"] == "last"


# Frames that are none.


BAD_FRAMES = {
    "binary": (client_frame(b"{}", BINARY), {1003}),
    "unmasked": (b"\x81\x02{}", {1002}),
    "reserved bit": (client_frame(b"{}", rsv=4), {1002}),
    "unknown data opcode": (client_frame(b"{}", 0x5), {1002}),
    "unknown control opcode": (client_frame(b"", 0xB), {1002}),
    "long control frame": (client_frame(b"x" * 200, PING), {1002}),
    "fragmented control frame": (client_frame(b"", PONG, fin=False), {1002}),
    "bad UTF-8": (client_frame(b"\xc0\xaf"), {1007}),
    "bad UTF-8 in pieces": (client_frame(b"\xce\xba\xe1", fin=False) + client_frame(b"\xff", CONT), {1007}),
    "huge message": (client_frame(b"x" * (256 * 1024 + 1)), {1009}),
    "declared 2^40": (b"\x81\xff" + (1 << 40).to_bytes(8, "big"), {1009}),
    "declared 2^63": (b"\x81\xff" + (1 << 63).to_bytes(8, "big"), {1002, 1009}),
    "empty fragments": (
        client_frame(b"", fin=False) + client_frame(b"", CONT, fin=False) * 120_000,
        {1008, 1009},
    ),
    "tiny fragments": (
        client_frame(b"x", fin=False) + client_frame(b"x", CONT, fin=False) * 120_000,
        {1008, 1009},
    ),
    "noise": (Random(7).randbytes(4096), {1002, 1003, 1009}),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_what_breaks_the_protocol_is_closed_with_its_code(server: GatewayServer, name: str) -> None:
    data, codes = BAD_FRAMES[name]
    with open_socket(server) as client:
        client.request("public/subscribe", channels=[BOOK])
        client.flood(data)
        server.change(3)
        assert client.close_code() in codes


@pytest.mark.parametrize("declared", [300_000, 1 << 62])
def test_a_length_over_the_limit_costs_no_memory(server: GatewayServer, declared: int) -> None:
    with open_socket(server) as client:
        client.send(b"\x81\xff" + declared.to_bytes(8, "big"))
        assert client.close_code() == 1009


# Handshakes.


def test_frames_in_the_packet_of_the_handshake_are_answered(server: GatewayServer) -> None:
    frames = request_frame("public/test", 1) + client_frame(b"x", PING) + request_frame("public/test", 2)
    with RawClient(server.port) as client:
        assert client.handshake(behind=frames).startswith("HTTP/1.1 101 ")
        first, pong, second = client.message(), client.frame(), client.message()
        assert (first["id"], pong, second["id"]) == (1, Frame(PONG, b"x"), 2)


def test_half_a_frame_in_the_packet_of_the_handshake_is_kept(server: GatewayServer) -> None:
    frame = request_frame("public/test", 1)
    with RawClient(server.port) as client:
        client.handshake(behind=frame[:5])
        client.send(frame[5:])
        assert client.message()["id"] == 1


def test_a_close_in_the_packet_of_the_handshake_is_echoed(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        client.handshake(behind=request_frame("public/test", 1) + client_frame(b"\x03\xe8", CLOSE))
        assert client.message()["id"] == 1
        assert client.close_code() == 1000


GOOD_HANDSHAKE = HANDSHAKE.format(path="/ws/api/v2", host="localhost")
KEY = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
BAD_HANDSHAKES = {
    "wrong path": (GOOD_HANDSHAKE.replace("/ws/api/v2", "/ws"), "404"),
    "HTTP/1.0": (GOOD_HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0"), "505"),
    "version 8": (GOOD_HANDSHAKE.replace("Version: 13", "Version: 8"), "426"),
    "no version": (GOOD_HANDSHAKE.replace("Sec-WebSocket-Version: 13\r\n", ""), "400"),
    "no key": (GOOD_HANDSHAKE.replace(KEY, ""), "400"),
    "two keys": (GOOD_HANDSHAKE.replace(KEY, KEY * 2), "400"),
    "bad key": (GOOD_HANDSHAKE.replace("MDEyMz", "!"), "400"),
    "not GET": (GOOD_HANDSHAKE.replace("GET", "DELETE"), "405"),
    "no host": (GOOD_HANDSHAKE.replace("Host: localhost\r\n", ""), "400"),
    "long header": (GOOD_HANDSHAKE.replace("Host", f"X: {'x' * 60_000}\r\nHost"), "431"),
    "longer header": (GOOD_HANDSHAKE.replace("Host", f"X: {'x' * 600_000}\r\nHost"), "431"),
    "long path": (GOOD_HANDSHAKE.replace("/ws/api/v2", "/" + "x" * 20_000), "414"),
    "many headers": (GOOD_HANDSHAKE.replace("Host", "X: y\r\n" * 500 + "Host"), "431"),
    "garbage": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + "\r\n\r\n", "400"),
    "no HTTP": ("hello?\r\n\r\n", "400"),
    "bare feeds": ("\n" * 100_000 + "\r\n", "400"),
}


@pytest.mark.parametrize("name", BAD_HANDSHAKES)
def test_a_handshake_that_is_no_good_is_refused_and_the_connection_ends(
    server: GatewayServer, name: str
) -> None:
    request, status = BAD_HANDSHAKES[name]
    with RawClient(server.port) as client:
        client.flood(request.encode("latin-1") + b"\r\n" * (not status), 1)
        assert client.head()[9:12] == status
        client.rest()


def test_who_is_refused_and_goes_on_sending_is_cut_off(server: GatewayServer) -> None:
    request, _ = BAD_HANDSHAKES["no HTTP"]
    with RawClient(server.port) as client:
        client.send(request.encode())
        assert client.head()[9:12] == "400"
        assert client.rest() == b""
        while client.flood(b"x"):
            time.sleep(0.01)


def test_a_plain_request_to_the_websockets_path_is_not_found(server: GatewayServer) -> None:
    with RawClient(server.port) as client:
        client.send(b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.head().startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        GOOD_HANDSHAKE[:-2].encode(),
        b"POST /api/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["silent", "one byte", "no end of the head", "no end of the body"],
)
def test_a_request_that_never_ends_is_given_up(begun: bytes) -> None:
    with GatewayServer(Limits(request_timeout=0.1)) as server, RawClient(server.port) as client:
        client.send(begun)
        assert client.rest() == b""


def test_a_second_request_that_never_ends_is_given_up_too() -> None:
    limits = Limits()
    with GatewayServer(limits, way=STEPPED[0]) as server, RawClient(server.port) as client:
        client.send(b"GET /api/v2/public/test HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.head().startswith("HTTP/1.1 200 ")
        client.send(b"GET /api")
        assert server.get("/api/v2/public/test")[0] == 200  # by then what was sent before has been read
        server.pass_s(limits.request_timeout + 1)
        client.rest()


def test_a_request_that_comes_drop_by_drop_is_given_up() -> None:
    """What is measured is the whole request: no byte begins its time anew."""
    with GatewayServer(Limits(request_timeout=0.3)) as server, RawClient(server.port) as client:
        drops = 0
        while client.flood(GOOD_HANDSHAKE[drops % 50].encode()):
            drops += 1
            time.sleep(0.02)
        assert drops < 1_000
        assert client.rest() == b""


def test_an_upgraded_connection_outlives_the_deadline_of_requests() -> None:
    limits = Limits()
    with GatewayServer(limits, way=STEPPED[0]) as server, RawClient(server.port) as client:
        head = HANDSHAKE.format(path="/ws/api/v2", host="x").encode()
        client.send(head[:40])
        client.send(head[40:])
        assert client.head().startswith("HTTP/1.1 101 ")
        server.pass_s(limits.request_timeout + 1)
        assert alive(client)
        server.pass_s(limits.ping_interval + 1)
        assert client.frame() == Frame(PING, b"")
        assert alive(client)


# Slices and resets.


def test_one_byte_slices_give_identical_output(server: GatewayServer) -> None:
    talk = [
        request_frame("public/subscribe", 1, channels=[BOOK, "quote.BTC-PERPETUAL"]),
        client_frame(b"there?", PING),
        client_frame(b'{"id":2,"meth', fin=False) + client_frame(b'od":"public/test"}', CONT),
        client_frame(b"nonsense"),
        request_frame("public/unsubscribe_all", 3),
        client_frame(b"\x03\xe8bye", CLOSE),
    ]
    outputs = []
    for slowly in (False, True):
        with RawClient(server.port, receive_buffer=1024) as client:
            send = client.send_slowly if slowly else client.send
            send(HANDSHAKE.format(path="/ws/api/v2", host="x").encode())
            head = [line for line in client.head().splitlines() if not line.startswith("Date")]
            send(b"".join(talk))
            frames = []
            while not frames or frames[-1].opcode != CLOSE:
                frames.append(client.frame())
            outputs.append([head, *[timeless(frame) for frame in frames]])
    assert outputs[0] == outputs[1]
    assert [frame.opcode for frame in frames] == [TEXT, TEXT, TEXT, PONG, TEXT, TEXT, TEXT, CLOSE]


def timeless(frame: Frame) -> Any:
    """A frame without the server's times."""
    if frame.opcode != TEXT:
        return frame
    message = json.loads(frame.payload)
    return {name: value for name, value in message.items() if name not in ("usIn", "usOut", "usDiff")}


def test_resets_in_mid_frame_leak_no_task_descriptor_or_subscription(running: GatewayServer) -> None:
    channel = "book.BTC-PERPETUAL.agg2"
    tasks, descriptors = running.tasks(), len(os.listdir("/dev/fd"))
    whole = request_frame("public/subscribe", channels=[channel])
    for number in range(examples(100)):
        client = open_socket(running)
        client.send(whole + whole[: 1 + number % (len(whole) - 1)])
        if number % 2:
            client.message()
        client.reset()
    running.wait_for_connections(0)
    running.wait_until(lambda: len(os.listdir("/dev/fd")) <= descriptors)
    assert running.ask(lambda: running.app.hub.directory.listened()) == 0
    assert running.tasks() <= tasks


@pytest.mark.parametrize("cut", [1, 30, len(GOOD_HANDSHAKE) - 1])
def test_resets_within_the_handshake_leave_nothing(server: GatewayServer, cut: int) -> None:
    for _ in range(20):
        client = RawClient(server.port)
        client.send(GOOD_HANDSHAKE[:cut].encode())
        client.reset()


# Floods, and peers that do not read.

TIGHT = Limits(max_unsent_bytes=256 * 1024)


def most_unsent(server: GatewayServer) -> int:
    """The most that any connection has unsent in the server's memory."""
    connections = server.app.gateway.connections
    return server.ask(lambda: max((each.unsent for each in connections), default=0))


@pytest.mark.parametrize(
    "flood",
    [client_frame(b"x" * 125, PING) * 50, request_frame("public/get_time") * 50, client_frame(b"{") * 50],
    ids=["pings", "requests", "nonsense"],
)
def test_a_flood_from_a_peer_that_never_reads_ends_at_the_cap(flood: bytes) -> None:
    with GatewayServer(TIGHT) as server:
        server.go_live()
        with Neighbour(server) as neighbour, open_socket(server, receive_buffer=4096) as client:
            while client.flood(flood, 20):
                assert most_unsent(server) <= TIGHT.max_unsent_bytes + 10_000
            server.wait_for_connections(1)
            assert neighbour.missed_nothing()


def test_a_client_that_stops_reading_costs_its_cap_and_no_other_anything() -> None:
    with GatewayServer(TIGHT) as server:
        server.go_live()
        trades = "trades.BTC-PERPETUAL.raw"
        with Neighbour(server) as neighbour, open_socket(server, receive_buffer=4096) as client:
            client.request("public/subscribe", channels=[BOOK, trades])
            assert client.message()["result"] == [BOOK, trades]
            while server.open_connections() == 2:
                server.feed([server.book.change(bids=dict.fromkeys(range(1, 900), 1 + server.book.sequence))])
                instrument = server.book.instrument
                server.feed([make_trade(instrument, 1000, 1, trade_id="x" * 9000) for _ in range(20)])
                neighbour.keep_up()
                assert most_unsent(server) <= TIGHT.max_unsent_bytes + 500_000
            assert neighbour.missed_nothing()


def test_a_client_that_reads_late_gets_the_book_in_one_change() -> None:
    with GatewayServer() as server:
        server.go_live()
        with open_socket(server, receive_buffer=4096) as client:
            client.request("public/subscribe", channels=[BOOK])
            client.message()
            connections = server.app.gateway.connections
            while not server.ask(lambda: any(each.subscriber.outbox for each in connections)):
                server.feed([server.book.change(bids=dict.fromkeys(range(1, 900), 1 + server.book.sequence))])
            for _ in range(20):
                server.feed([server.book.change(bids=dict.fromkeys(range(1, 900), 1 + server.book.sequence))])
            mirror, last = BookMirror(), -1
            while mirror.change_id != server.book.sequence:
                note = client.message()["params"]
                assert last in (-1, note.get("prev_seq"))
                last = note["seq"]
                mirror.apply(note["data"])
            assert (mirror.bids, mirror.asks) == server.book.prices()
            assert server.ask(lambda: server.app.gateway.telemetry.merged) >= 10
            assert alive(client)


def pinged(server: GatewayServer) -> int:
    """How many connections have not answered their ping."""
    return sum(bool(each._pinged_ns) for each in server.app.gateway.connections)  # type: ignore[attr-defined]


@pytest.mark.parametrize("subscribed", [False, True])
def test_a_half_open_client_is_freed(subscribed: bool) -> None:
    limits = Limits()
    with GatewayServer(limits, way=STEPPED[0]) as server:
        server.go_live()
        with Neighbour(server) as neighbour, open_socket(server) as client:
            if subscribed:
                client.request("public/subscribe", channels=[BOOK])
                client.message()
                client.message()
            server.pass_s(limits.ping_interval + 1)
            assert client.frame() == Frame(PING, b"")
            server.wait_until(lambda: pinged(server) == 1)
            server.pass_s(limits.ping_timeout + 1)
            server.wait_for_connections(1)
            assert client.close_code() == 1006
            assert neighbour.missed_nothing()


def test_a_client_that_answers_pings_stays() -> None:
    limits = Limits(ping_interval=0.05, watch_interval=0.01)
    with GatewayServer(limits) as server, open_socket(server) as client:
        for _ in range(5):
            assert client.frame() == Frame(PING, b"")
            client.send(client_frame(b"", PONG))
        assert alive(client)


def test_a_client_that_ignores_the_close_is_aborted() -> None:
    limits = Limits(close_timeout=0.1, watch_interval=0.02)
    with GatewayServer(limits) as server, open_socket(server) as client:
        client.send(client_frame(b"", BINARY))
        assert client.close_code() == 1003
        server.wait_for_connections(0)


# Subscriptions as an attack.


def test_joining_and_leaving_again_and_again_leaves_nothing(server: GatewayServer) -> None:
    with open_socket(server) as client:
        for number in range(300):
            client.request(
                "public/subscribe", "join", channels=[BOOK, f"deltawire_{number}.x", "quote.BTC-PERPETUAL"]
            )
            client.request("public/unsubscribe_all", "leave")
            server.change()
        left = 0
        while left < 300:
            left += client.message().get("id") == "leave"
        server.change()
        assert alive(client)


def test_one_subscription_more_than_the_limit_is_refused_and_the_connection_closed(
    server: GatewayServer,
) -> None:
    with open_socket(server) as client:
        for start in range(0, 5_000, 500):
            names = [f"deribit_price_index.i{number}" for number in range(start, start + 500)]
            client.request("public/subscribe", channels=names)
            assert len(client.message()["result"]) == 500
        client.request("public/subscribe", channels=[BOOK])
        error = client.message()["error"]
        assert (error["code"], error["data"]) == (
            -32602,
            {"param": "channels", "reason": "at most 5000 channels"},
        )
        assert client.close_code() == 1008


def test_a_channel_name_of_a_megabyte_is_too_large(server: GatewayServer) -> None:
    with open_socket(server) as client:
        client.flood(request_frame("public/subscribe", channels=["x" * 1_000_000]))
        assert client.close_code() == 1009
    with open_socket(server) as client:
        client.request("public/subscribe", channels=["x" * 100_000])
        assert client.message()["error"]["message"] == "request entity too large"
        client.request("public/subscribe", channels=["x" * 30_000])
        assert client.message()["result"] == []
