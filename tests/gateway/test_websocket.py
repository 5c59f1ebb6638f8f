"""One WebSocket connection over a transport in memory: the handshake, messages, closing, and peers that do not read."""

import base64
import gc
import json
from collections import Counter, deque
from types import GeneratorType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from websockets.frames import Frame as WebSocketFrame
from websockets.http11 import Request as HandshakeRequest

from deltawire.access.tokens import Identity
from deltawire.gateway.gateway import Connection, Gateway, Limits
from deltawire.gateway.websocket import WebSocketConnection
from deltawire.session.effects import Effect, EnableMac, Heartbeat
from deltawire.session.server import ServerSession
from deltawire.wire.mac import MacNote, RunningMac
from deltawire.wire.rpc import Reply
from tests.support.frames import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Frame,
    client_frame,
    request_frame,
)
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import SECOND_NS, START_NS, make_trade
from tests.support.transports import MemoryTransport, StillClock

BOOK = "book.BTC-PERPETUAL.raw"
GOOD = {
    "Host": "localhost",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
    "Sec-WebSocket-Version": "13",
}
LIMITS = Limits(max_message_size=10_000, max_fragments=10, max_unsent_bytes=20_000)


def request_head(path: str = "/ws/api/v2", headers: dict[str, str] = GOOD, more: str = "") -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n" + more + "\r\n").encode()


def close_frame(code: int = 1000, reason: str = "") -> bytes:
    return client_frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


class WebSocketPeer:
    """The other end of a connection."""

    def __init__(self, gateway: Gateway, connections: set[Any]) -> None:
        self.transport = MemoryTransport()
        self.connection = WebSocketConnection(gateway, connections)
        self.transport.set_protocol(self.connection)
        self.connection.connection_made(self.transport)

    def sends(self, *pieces: bytes) -> None:
        """Bytes that arrive in one packet."""
        self.connection.data_received(b"".join(pieces))

    def frames(self) -> list[Frame]:
        """What has come since the last call."""
        return self.transport.frames()

    def messages(self) -> list[dict[str, Any]]:
        """The same, all of it JSON."""
        frames = self.frames()
        assert all(frame.opcode == TEXT for frame in frames), frames
        return [json.loads(frame.payload) for frame in frames]

    def kinds(self) -> list[Any]:
        """The same in short: an answer's id, a notification's type, a close code, an opcode."""
        return [kind(frame) for frame in self.frames()]


def kind(frame: Frame) -> Any:
    if frame.opcode == CLOSE:
        return ("close", frame.close_code)
    if frame.opcode != TEXT:
        return frame.opcode
    message = json.loads(frame.payload)
    return message.get("id", message.get("params", {}).get("data", {}).get("type"))


class Server:
    """A gateway over one live book, and the peers connected to it."""

    def __init__(self, gateway: type[Gateway] = Gateway, limits: Limits = LIMITS) -> None:
        self.harness: HubHarness = live_hub_harness()
        self.clock = StillClock(START_NS)
        self.gateway = gateway(
            self.harness.market, self.harness.hub, self.clock, version="9.9", limits=limits
        )
        self.connections: set[Any] = set()

    def raw_peer(self) -> WebSocketPeer:
        """A peer that has sent nothing."""
        return WebSocketPeer(self.gateway, self.connections)

    def peer(self, *channels: str) -> WebSocketPeer:
        """A peer behind its handshake, subscribed to channels, with everything read so far."""
        peer = self.raw_peer()
        peer.sends(request_head())
        assert peer.transport.head().startswith("HTTP/1.1 101 ")
        if channels:
            peer.sends(request_frame("public/subscribe", channels=list(channels)))
            peer.frames()
        return peer

    def change(self) -> None:
        """The book changes, and the tick is not over yet."""
        self.harness.hub.publish([self.harness.book.change(bids={1000: self.harness.book.sequence + 100})])

    def flush(self) -> None:
        """The tick is over."""
        self.harness.hub.flush()

    def watch(self, seconds: float) -> None:
        """Time passes, second by second."""
        for _ in range(int(seconds)):
            self.clock.now_ns += SECOND_NS
            for connection in list(self.gateway.connections):
                connection.watch(self.clock.now_ns)


@pytest.fixture
def server() -> Server:
    return Server()


# The handshake.


def test_an_upgrade_request_is_accepted(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(request_head())
    head = peer.transport.head()
    assert head.startswith("HTTP/1.1 101 Switching Protocols")
    assert "Sec-WebSocket-Accept: BACScCJPNqyz+UBoqMH89VmURoA=" in head
    assert list(server.gateway.connections) == [peer.connection]


def test_compression_keeps_nothing_from_message_to_message(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(request_head(more="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"))
    head = peer.transport.head()
    assert head.startswith("HTTP/1.1 101 ")
    assert "permessage-deflate; server_no_context_takeover; client_no_context_takeover" in head


def test_a_silent_connection_keeps_no_queue_no_parser_and_no_request(server: Server) -> None:
    def kept() -> Counter[str]:
        gc.collect()
        wanted = {deque, set, GeneratorType, HandshakeRequest, WebSocketFrame}
        return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in wanted)

    peers = [server.peer("book.BTC-PERPETUAL.raw")]
    before = kept()
    peers += [server.peer("book.BTC-PERPETUAL.raw") for _ in range(20)]
    more = kept() - before
    assert all(count < 20 for count in more.values()), more
    peers[-1].sends(request_frame("public/test", id=1)[:-1])
    assert (kept() - before)["generator"] > more["generator"], "a frame in parts is being parsed"


def test_a_query_behind_the_path_does_not_matter(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(request_head("/ws/api/v2?token=x"))
    assert peer.transport.head().startswith("HTTP/1.1 101 ")


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (request_head("/"), 404),
        (request_head("/ws/api/v2/"), 404),
        (request_head("/ws/api/v1"), 404),
        (request_head(headers=without("Sec-WebSocket-Key")), 400),
        (request_head(more=f"Sec-WebSocket-Key: {GOOD['Sec-WebSocket-Key']}\r\n"), 400),
        (request_head(headers=GOOD | {"Sec-WebSocket-Key": "short"}), 400),
        (request_head(headers=GOOD | {"Sec-WebSocket-Version": "8"}), 426),
        (request_head(headers=GOOD | {"Sec-WebSocket-Version": "99"}), 426),
        (request_head(headers=without("Sec-WebSocket-Version")), 400),
        (request_head(headers=GOOD | {"Upgrade": "h2c"}), 426),
        (request_head(headers=without("Connection")), 426),
        (request_head().replace(b"GET", b"PUT"), 405),
        (request_head(more="X-Long: " + "x" * 10_000 + "\r\n"), 431),
        (request_head(more="".join(f"X-{number}: x\r\n" for number in range(200))), 431),
        (request_head("/" + "x" * 10_000), 414),
    ],
)
def test_a_request_that_is_no_good_is_refused_and_the_connection_ends(
    server: Server, request_bytes: bytes, status: int
) -> None:
    peer = server.raw_peer()
    peer.sends(request_bytes)
    assert peer.transport.head().startswith(f"HTTP/1.1 {status} ")
    assert (peer.transport.ended, peer.transport.over) == (True, "closed")
    assert not server.gateway.connections


def test_an_unknown_version_is_told_the_known_one(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(request_head(headers=GOOD | {"Sec-WebSocket-Version": "8"}))
    assert "Sec-WebSocket-Version: 13" in peer.transport.head()


def test_what_is_no_request_at_all_ends_the_connection(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(b"GET /ws/api/v2 HTTP/1.1\r\nno colon here\r\n\r\n")
    assert peer.transport.over == "closed"


def test_frames_behind_a_refused_request_are_dropped(server: Server) -> None:
    peer = server.raw_peer()
    peer.sends(request_head("/nowhere"))
    peer.transport.head()
    peer.sends(request_frame("public/subscribe", channels=[BOOK]))
    server.change()
    server.flush()
    assert peer.transport.over == "closed"


# Messages.


def test_answers_come_in_the_order_of_the_requests(server: Server) -> None:
    peer = server.peer()
    peer.sends(*[request_frame("public/test", number) for number in (5, "x", 3)])
    assert [message["id"] for message in peer.messages()] == [5, "x", 3]


def test_the_answer_comes_first_then_the_image_then_the_changes(server: Server) -> None:
    peer = server.peer()
    peer.sends(request_frame("public/subscribe", channels=[BOOK]))
    server.change()
    server.flush()
    assert peer.kinds() == [1, "snapshot", "change"]


def test_one_byte_at_a_time_gives_the_same_bytes(server: Server) -> None:
    talk = b"".join([
        request_frame("public/subscribe", 1, channels=[BOOK]),
        client_frame(b"are you there", PING),
        client_frame(b'{"id":2,"method":', TEXT, fin=False),
        client_frame(b"", PING),
        client_frame(b'"public/get_time"}', CONT),
        client_frame(b"not JSON"),
        close_frame(1000, "bye"),
    ])  # fmt: skip
    whole, sliced = server.peer(), server.peer()
    whole.sends(talk)
    for byte in talk:
        sliced.sends(bytes([byte]))
    assert bytes(whole.transport.sent) == bytes(sliced.transport.sent)
    assert [frame.opcode for frame in sliced.frames()] == [TEXT, TEXT, PONG, PONG, TEXT, TEXT, CLOSE]


pieces = st.sampled_from([
    request_frame("public/test", 1),
    request_frame("public/subscribe", 2, channels=[BOOK, "quote.BTC-PERPETUAL"]),
    request_frame("public/unsubscribe", 3, channels=[BOOK]),
    client_frame(b"ping", PING),
    client_frame(b"", PONG),
    client_frame(b"nonsense"),
    client_frame(b'{"id":4,', fin=False) + client_frame(b"", PING) + client_frame(b'"method":"public/test"}', CONT),
])  # fmt: skip
ends = st.sampled_from(
    [b"", close_frame(), client_frame(b"", BINARY), client_frame(b"\xff"), b"\x81\x00", b"\x81"]
)


@given(st.lists(pieces, max_size=8), ends, st.lists(st.integers(1, 200), max_size=20))
def test_slices_of_any_size_give_the_same_bytes(talk: list[bytes], end: bytes, sizes: list[int]) -> None:
    server = Server()
    whole, sliced = server.peer(), server.peer()
    data = b"".join(talk) + end
    whole.sends(data)
    for size in sizes:
        sliced.sends(data[:size])
        data = data[size:]
    sliced.sends(data)
    assert bytes(whole.transport.sent) == bytes(sliced.transport.sent)
    assert whole.transport.ended == sliced.transport.ended


def test_text_may_be_split_within_a_character(server: Server) -> None:
    request = '{"id":"ü-\U0001f600","method":"public/test"}'.encode()
    peer = server.peer()
    peer.sends(client_frame(request[:8], fin=False), client_frame(request[8:12], CONT, fin=False))
    peer.sends(client_frame(request[12:], CONT))
    assert peer.messages()[0]["id"] == "ü-\U0001f600"


def test_pings_and_requests_are_answered_in_their_order(server: Server) -> None:
    peer = server.peer()
    peer.sends(client_frame(b"1", PING), request_frame("public/test"), client_frame(b"2", PING))
    assert [(frame.opcode, frame.payload[:1]) for frame in peer.frames()] == [
        (PONG, b"1"),
        (TEXT, b"{"),
        (PONG, b"2"),
    ]


def test_a_request_over_32_kb_is_refused_and_the_connection_goes_on() -> None:
    peer = Server(limits=Limits()).peer()
    peer.sends(client_frame(b'{"id":1}'.ljust(33_000)), request_frame("public/test", 2))
    refused, answer = peer.messages()
    assert (refused["error"]["code"], refused["error"]["message"]) == (-32600, "request entity too large")
    assert answer["id"] == 2


# What breaks the protocol.


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([client_frame(b"{}", BINARY)], 1003),
        ([client_frame(b"", BINARY, fin=False)], 1003),
        ([b"\x81\x02{}"], 1002),  # not masked
        ([client_frame(b"{}", rsv=4)], 1002),
        ([client_frame(b"{}", rsv=1)], 1002),
        ([client_frame(b"{}", 0x3)], 1002),
        ([client_frame(b"{}", 0xF)], 1002),
        ([client_frame(b"x" * 126, PING)], 1002),
        ([client_frame(b"x", PING, fin=False)], 1002),
        ([client_frame(b"\x03", CLOSE)], 1002),
        ([close_frame(1005)], 1002),
        ([close_frame(999)], 1002),
        ([client_frame(b"\x03\xe8\xff", CLOSE)], 1007),
        ([client_frame(b"{}", CONT)], 1002),
        ([client_frame(b"{", fin=False), client_frame(b"}")], 1002),
        ([client_frame(b"\xff\xfe")], 1007),
        ([client_frame(b"\xc3", fin=False), client_frame(b"\x28", CONT)], 1007),
        ([client_frame(b"\xed\xa0\x80")], 1007),  # a surrogate
        ([client_frame(b"x" * 10_001)], 1009),
        ([client_frame(b"x" * 6_000, fin=False), client_frame(b"x" * 6_000, CONT)], 1009),
        ([client_frame(b"", fin=False), *[client_frame(b"", CONT, fin=False)] * 120_000], 1009),
        ([client_frame(b"x", fin=False), *[client_frame(b"x", CONT, fin=False)] * 120_000], 1009),
    ],
)
@pytest.mark.parametrize("sliced", [False, True])
def test_what_breaks_the_protocol_closes_with_its_code(
    server: Server, frames: list[bytes], code: int, sliced: bool
) -> None:
    peer = server.peer(BOOK)
    ping = client_frame(b"x", PING)
    if sliced:
        for frame in [*frames, ping]:
            peer.sends(frame)
    else:
        peer.sends(*frames, ping)
    peer.sends(request_frame("public/test"))
    server.change()
    server.flush()
    assert peer.kinds() == [("close", code)]
    assert peer.transport.ended


def test_a_close_within_a_fragmented_message_closes(server: Server) -> None:
    peer = server.peer()
    peer.sends(client_frame(b"{", fin=False), close_frame())
    assert peer.kinds() == [("close", 1000)]
    assert peer.transport.ended


@pytest.mark.parametrize("declared", [10_001, 2**31, 2**62, 2**63, 2**64 - 1])
def test_a_declared_length_over_the_limit_closes_at_the_header(server: Server, declared: int) -> None:
    peer = server.peer()
    peer.sends(b"\x81\xff" + declared.to_bytes(8, "big"))
    assert peer.kinds() in ([("close", 1009)], [("close", 1002)])


def test_a_message_of_the_largest_size_and_count_of_fragments_is_read(server: Server) -> None:
    peer = server.peer()
    pieces = [client_frame(b"\n" * 1000, CONT, fin=False) for _ in range(8)]
    peer.sends(client_frame(b'{"id":1,', fin=False), *pieces)
    peer.sends(client_frame(b'"method":"public/test"}'.ljust(1992), CONT))
    assert peer.messages()[0]["result"] == {"version": "9.9"}


# Closing.


def test_a_peers_close_is_echoed_and_ends_the_stream(server: Server) -> None:
    peer = server.peer(BOOK)
    peer.sends(close_frame(4001, "done"))
    (echo,) = peer.frames()
    assert (echo.opcode, echo.payload) == (CLOSE, b"\x0f\xa1done")
    assert (peer.transport.ended, peer.transport.over) == (True, "")
    peer.connection.eof_received()
    assert peer.transport.over == "closed"


def test_a_close_without_a_code_is_echoed_as_it_is(server: Server) -> None:
    peer = server.peer()
    peer.sends(client_frame(b"", CLOSE))
    assert peer.frames() == [Frame(CLOSE, b"")]


def test_nothing_follows_a_close(server: Server) -> None:
    peer, neighbour = server.peer(BOOK), server.peer(BOOK)
    peer.sends(close_frame())
    for _ in range(3):
        server.change()
        server.flush()
    peer.sends(request_frame("public/test"), close_frame(), b"garbage")
    peer.connection.send(b"{}")
    peer.connection.close(1001, "again")
    assert peer.kinds() == [("close", 1000)]
    assert neighbour.kinds() == ["change"] * 3


def test_what_was_published_before_the_close_comes_before_it_and_neighbours_miss_nothing(
    server: Server,
) -> None:
    peer, neighbour = server.peer(BOOK), server.peer(BOOK)
    server.change()
    peer.sends(close_frame())
    server.change()
    server.flush()
    assert peer.kinds() == ["change", ("close", 1000)]
    assert neighbour.kinds() == ["change", "change"]


def test_a_request_in_the_same_packet_as_a_close_is_answered_before_it(server: Server) -> None:
    peer = server.peer()
    peer.sends(request_frame("public/test", 7), close_frame())
    assert peer.kinds() == [7, ("close", 1000)]


def test_a_subscription_in_the_same_packet_as_a_close_leaves_nobody_in_the_hub(server: Server) -> None:
    neighbour = server.peer(BOOK)
    peer = server.peer()
    peer.sends(request_frame("public/subscribe", channels=[BOOK]), close_frame())
    server.change()
    server.flush()
    assert peer.kinds() == [1, "snapshot", ("close", 1000)]
    assert neighbour.kinds() == ["change"]
    assert not peer.connection.subscriber.channels


def test_a_request_behind_a_close_is_not_answered(server: Server) -> None:
    peer = server.peer()
    peer.sends(close_frame(), request_frame("public/test", 7))
    assert peer.kinds() == [("close", 1000)]


def test_the_server_closes_once_and_waits_for_the_echo(server: Server) -> None:
    peer = server.peer(BOOK)
    server.change()
    peer.connection.shutdown()
    peer.connection.shutdown()
    peer.connection.close(1000, "")
    server.change()
    server.flush()
    change, close = peer.frames()
    assert kind(change) == "change"
    assert close == Frame(CLOSE, b"\x03\xe9server stops; reconnect and resume")
    assert (peer.transport.ended, peer.transport.over) == (False, "")
    peer.sends(request_frame("public/test"), close_frame(1001))
    assert peer.frames() == []
    assert peer.transport.ended


@pytest.mark.parametrize("who", ["server", "peer"])
def test_a_close_that_is_not_completed_is_aborted(server: Server, who: str) -> None:
    peer = server.peer()
    if who == "server":
        peer.connection.shutdown()
    else:
        peer.sends(close_frame())
    server.watch(3)
    assert peer.transport.over == ""
    server.watch(1)
    assert peer.transport.over == "aborted"


@pytest.mark.parametrize(
    "before",
    [b"", b"\x81", client_frame(b"{", fin=False), b"\x81\xfe\x01"],
    ids=["nothing", "one byte", "a fragment", "half a length"],
)
def test_the_end_of_the_stream_closes_wherever_it_comes(server: Server, before: bytes) -> None:
    peer = server.peer(BOOK)
    peer.sends(before)
    peer.connection.eof_received()
    assert peer.transport.over == "closed"
    server.change()
    server.flush()
    assert peer.frames() == []


def test_a_lost_connection_is_forgotten(server: Server) -> None:
    peer, neighbour = server.peer(BOOK), server.peer(BOOK)
    peer.connection.connection_lost(ConnectionResetError())
    peer.transport.abort()
    server.change()
    server.flush()
    assert list(server.gateway.connections) == [neighbour.connection]
    assert server.connections == {neighbour.connection}
    assert neighbour.kinds() == ["change"]
    assert peer.frames() == []


# Our own mistakes.


class BrokenSession(ServerSession):
    """A session that cannot."""

    def received(self, frame: bytes, now: int) -> list[Effect]:
        """Fail on every request but subscriptions."""
        if b"subscribe" in frame:
            return super().received(frame, now)
        raise ZeroDivisionError("our own mistake")

    def deadline(self) -> int | None:
        """Fail when asked for the time."""
        return self._due_ns if not self.channels else self._fails()

    def rights_changed(self, now: int) -> list[Effect]:
        """Fail when keys change."""
        return [] if not self.channels else [Heartbeat("heartbeat")] * self._fails()

    def _fails(self) -> int:
        raise ZeroDivisionError("our own mistake")


class BrokenGateway(Gateway):
    """A gateway whose sessions cannot."""

    def make_session(self, address: str = "", identity: Identity | None = None) -> ServerSession:
        """A broken one."""
        return BrokenSession(self.market, self.version, self.access)

    def resume(self, connection: Connection) -> None:
        """It cannot either."""
        raise ZeroDivisionError


def test_our_own_mistake_closes_that_connection_and_is_logged() -> None:
    server = Server(BrokenGateway)
    peer, neighbour = server.peer(BOOK), server.peer(BOOK)
    with capture_logs() as logs:
        peer.sends(request_frame("public/test"), request_frame("public/test"))
    assert [(log["event"], log["log_level"], log["exc_info"]) for log in logs] == [
        ("connection failed", "error", True)
    ]
    server.change()
    server.flush()
    assert peer.kinds() == [("close", 1011)]
    assert neighbour.kinds() == ["change"]


def test_our_own_mistake_in_a_timer_closes_that_connection_only() -> None:
    server = Server(BrokenGateway)
    peer, neighbour = server.peer(BOOK), server.peer()
    with capture_logs() as logs:
        server.watch(1)
    assert [log["event"] for log in logs] == ["connection failed"]
    assert peer.kinds() == [("close", 1011)]
    assert neighbour.kinds() == []


@pytest.mark.parametrize("occasion", ["keys change", "the disk has it"])
def test_our_own_mistake_on_an_occasion_of_others_closes_that_connection_only(occasion: str) -> None:
    server = Server(BrokenGateway)
    peer, neighbour = server.peer(BOOK), server.peer()
    with capture_logs() as logs:
        if occasion == "keys change":
            server.gateway.rights_changed()
        else:
            peer.connection.resume()
    assert [log["event"] for log in logs] == ["connection failed"]
    assert peer.kinds() == [("close", 1011)]
    assert neighbour.kinds() == []


# Silence.


def test_a_silent_peer_is_pinged_and_an_answer_keeps_it(server: Server) -> None:
    peer = server.peer()
    for _ in range(3):
        server.watch(20)
        assert peer.frames() == []
        server.watch(1)
        assert peer.frames() == [Frame(PING, b"")]
        server.watch(19)
        peer.sends(client_frame(b"", PONG))
    assert peer.transport.over == ""


def test_a_peer_that_does_not_answer_a_ping_is_aborted(server: Server) -> None:
    peer = server.peer(BOOK)
    server.watch(21)
    assert peer.frames() == [Frame(PING, b"")]
    server.watch(20)
    assert peer.transport.over == ""
    server.watch(1)
    assert peer.transport.over == "aborted"


def test_any_byte_is_a_sign_of_life(server: Server) -> None:
    peer = server.peer()
    server.watch(15)
    peer.sends(b"\x81")
    server.watch(15)
    assert peer.frames() == []


def test_heartbeats_come_with_the_watch_and_end_the_connection_of_a_silent_client(server: Server) -> None:
    peer = server.peer()
    peer.sends(request_frame("public/set_heartbeat", interval=10))
    peer.frames()
    server.watch(10)
    beats = [{"type": "heartbeat"}, {"type": "test_request"}]
    assert [message["params"] for message in peer.messages()] == beats
    peer.sends(request_frame("public/test"))
    server.watch(10)
    assert [message.get("params") for message in peer.messages()] == [None, *beats]
    server.watch(10)
    assert peer.kinds() == [("close", 1008)]


# Peers that do not read.


def test_a_slow_peer_gets_one_change_for_all_it_missed_and_then_every_one(server: Server) -> None:
    peer, neighbour = server.peer(BOOK), server.peer(BOOK)
    peer.transport.reads = False
    for _ in range(60):
        server.change()
        server.flush()
    assert len(peer.transport.buffered) < 1000, "what was on its way when the peer stopped, and no more"
    peer.transport.drain()
    for _ in range(3):
        server.change()
        server.flush()
    got, all_ = peer.messages(), neighbour.messages()
    assert len(got) == 5
    assert got[0] == all_[0]
    merged = got[1]["params"]
    assert (merged["conflated"], merged["prev_seq"], merged["seq"]) == (
        59,
        all_[0]["params"]["seq"],
        all_[59]["params"]["seq"],
    )
    assert merged["data"]["prev_change_id"] == all_[0]["params"]["data"]["change_id"]
    assert merged["data"]["checksum"] == all_[59]["params"]["data"]["checksum"]
    assert got[2:] == all_[60:]
    assert peer.connection.subscriber.sink is peer.transport, "it is not behind any more"


def test_what_cannot_be_merged_is_queued_in_order(server: Server) -> None:
    trades = "trades.BTC-PERPETUAL.raw"
    peer, neighbour = server.peer(trades, BOOK), server.peer(trades)
    peer.transport.reads = False
    for number in range(50):
        server.change()
        server.harness.hub.publish([make_trade(server.harness.instrument, 1000, 10, trade_id=str(number))])
        server.flush()
    peer.transport.drain()
    got = [message for message in peer.messages() if message["params"]["channel"] == trades]
    assert got == neighbour.messages()
    assert len(got) == 50


def test_a_peer_that_owes_the_limit_is_closed_to_come_back_and_its_neighbours_go_on(server: Server) -> None:
    trades = "trades.BTC-PERPETUAL.raw"
    peer, neighbour = server.peer(trades), server.peer(trades)
    peer.transport.reads = False
    for number in range(300):
        server.harness.hub.publish([make_trade(server.harness.instrument, 1000, 10, trade_id=str(number))])
        server.flush()
        assert peer.connection.unsent <= LIMITS.max_unsent_bytes + 1000
    assert len(neighbour.frames()) == 300
    peer.transport.drain()
    *_, last = peer.frames()
    assert (last.close_code, last.payload[2:]) == (
        4000,
        b"more than 20000 bytes unread; reconnect and resume",
    )


def test_a_peer_that_takes_nothing_for_too_long_is_closed_and_then_cut(server: Server) -> None:
    peer = server.peer(BOOK)
    server.watch(21)
    peer.transport.reads = False
    server.change()
    server.flush()
    for _ in range(6):
        server.watch(10)
    assert b"unread for 60 s" not in peer.transport.buffered
    server.watch(1)
    assert b"unread for 60 s; reconnect and resume" in peer.transport.buffered
    assert peer.transport.over == ""
    server.watch(4)
    assert peer.transport.over == "aborted"


@pytest.mark.parametrize(
    "flood",
    [client_frame(b"x" * 125, PING), request_frame("public/get_instruments")],
    ids=["pings", "requests"],
)
def test_a_flood_from_a_peer_that_does_not_read_is_cut_at_the_cap(server: Server, flood: bytes) -> None:
    peer = server.peer()
    peer.transport.reads = False
    for _ in range(50):
        peer.sends(flood * 20)
        assert peer.connection.unsent <= LIMITS.max_unsent_bytes + 2000
    server.watch(4)
    assert peer.transport.over == "aborted"


def test_no_request_of_a_peer_that_is_closed_is_carried_out(server: Server) -> None:
    peer = server.peer()
    peer.transport.reads = False
    subscribe = request_frame("public/subscribe", channels=[BOOK])
    peer.sends(*[request_frame("public/get_instruments")] * 200, subscribe)
    assert not peer.connection.subscriber.channels
    server.watch(4)
    assert peer.transport.over == "aborted"


def test_a_close_with_an_answer_too_large_for_a_slow_peer_is_sent_not_raised() -> None:
    server = Server(limits=Limits(max_unsent_bytes=100))
    peer = server.peer()
    peer.transport.reads = False
    peer.sends(request_frame("public/subscribe", channels=[BOOK, BOOK]), close_frame())
    peer.transport.drain()
    assert peer.kinds()[-1] == ("close", 1000)
    peer.connection.connection_lost(None)
    assert not server.gateway.connections


# Proof.


def test_every_frame_after_the_mac_is_enabled_is_attested_across_slowness(server: Server) -> None:
    peer = server.peer(BOOK)
    server.gateway.execute(peer.connection, [Reply(9, "ok"), EnableMac(b"key")])
    assert peer.kinds() == [9]
    mac = RunningMac(b"key")
    attested = 0
    for step in range(6):
        peer.transport.reads = step % 3 != 0
        for _ in range(3):
            server.change()
            server.flush()
        peer.sends(request_frame("public/test"), client_frame(b"", PING))
        peer.transport.drain()
        for each in peer.frames():
            message = json.loads(each.payload) if each.opcode == TEXT else {}
            if message.get("method") == "mac":
                params = message["params"]
                assert mac.proves(MacNote(params["from"], params["to"], params["mac"]))
                attested = params["to"]
            elif each.opcode == TEXT:
                mac.add_message(each.payload)
    assert attested >= 6
    assert mac.note() is None, "nothing was left without proof"


# Binary.


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("deltawire.v1+proto", True), ("other, deltawire.v1+proto", True), ("other", False), ("", False)],
)
def test_the_binary_subprotocol_is_chosen_where_it_is_offered(
    server: Server, offered: str, chosen: bool
) -> None:
    peer = server.raw_peer()
    peer.sends(request_head(headers=GOOD | ({"Sec-WebSocket-Protocol": offered} if offered else {})))
    head = peer.transport.head()
    assert head.startswith("HTTP/1.1 101 ")
    assert ("Sec-WebSocket-Protocol: deltawire.v1+proto" in head) is chosen
    peer.sends(request_frame("public/subscribe", channels=[BOOK]))
    reply, *rest = peer.frames()
    assert json.loads(reply.payload)["result"] == [BOOK]
    assert [frame.opcode for frame in rest] == ([BINARY, BINARY] if chosen else [TEXT])
