"""deltawire on real sockets: a server in a thread of its own, on uvloop, whose only source is fed by hand."""

import asyncio
import atexit
import http.client
import json
import shutil
import socket
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import uvloop
from websockets.sync.client import connect

from deltawire.gateway.gateway import Limits
from deltawire.model.events import Event
from deltawire.ports import Batch, Source, Wants
from deltawire.roles.gateway import App, WallClock, listen, serve
from deltawire.session.client import Answer, BookMirror, ClientSession, Notification
from deltawire.store.certificates import load_tls, self_signed
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE
from tests.support.frames import CLOSE, PING, PONG, TEXT, Frame, client_frame, request_frame, take_frames
from tests.support.market_events import START_NS, VENUE, ScriptedBook
from tests.support.waiting import HANG_S

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
T = TypeVar("T")


class HandFedSource:
    """A source that yields what it is given; an exception is raised, None is the end."""

    def __init__(self, venue: str = VENUE) -> None:
        self.venue = venue
        self._queue: asyncio.Queue[list[Event] | Exception | None] = asyncio.Queue()
        self._now_ns = START_NS

    def now(self) -> int:
        """See `Source`."""
        return self._now_ns

    def feed(self, what: list[Event] | Exception | None) -> None:
        """The next thing to yield; called in the server's loop."""
        self._queue.put_nowait(what)

    def pass_ns(self, nanoseconds: int) -> None:
        """Time passes without a batch; called in the server's loop."""
        self._now_ns += nanoseconds

    async def events(self, wants: Wants) -> AsyncIterator[Batch]:
        """See `Source`; every batch comes a tenth of a second after the one before."""
        while (what := await self._queue.get()) is not None:
            if isinstance(what, Exception):
                raise what
            self._now_ns += 100_000_000
            yield Batch(self.venue, self._now_ns, what)


class SecurePort(int):
    """A port behind which TLS is spoken."""


class Way(NamedTuple):
    """How a server is reached, and which event loop it runs on."""

    secure: bool
    loop: str

    def __str__(self) -> str:
        return f"{'wss' if self.secure else 'ws'}-{self.loop}"


WAYS = [Way(secure, loop) for loop in ("uvloop", "asyncio") for secure in (False, True)]
"""What streams is tested over all of them."""


class SteppedLoop(asyncio.SelectorEventLoop):
    """Its time, and that of all timers in it, jumps ahead when told to."""

    ahead_s = 0.0

    def time(self) -> float:
        """See `asyncio`."""
        return super().time() + self.ahead_s


class SteppedClock(WallClock):
    """The time of such a loop."""

    def __init__(self, loop: SteppedLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> int:
        """See `Clock`."""
        return super().now() + int(self._loop.ahead_s * 1e9)


LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop, "stepped": SteppedLoop}
STEPPED = [Way(secure, "stepped") for secure in (False, True)]
"""Where time is what is tested: it passes by `pass_s`, and the machine's adds nothing that counts."""


@cache
def certificate() -> Path:
    """One that signs itself, for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="deltawire-certificate-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return self_signed(folder, "127.0.0.1")


@cache
def trust() -> ssl.SSLContext:
    """Of clients that trust this certificate."""
    return ssl.create_default_context(cafile=certificate())


class GatewayServer:
    """A context manager; its methods may be called from the test's thread."""

    def __init__(
        self,
        limits: Limits | None = None,
        venues: Iterable[str] = (VENUE,),
        *,
        port: int = 0,
        may_fail: bool = False,
        epoch: str = "test",
        tls: ssl.SSLContext | None = None,
        way: Way = WAYS[0],
        sources: Sequence[Source] = (),
        **more: Any,
    ) -> None:
        """`sources` are served instead of hand-fed ones."""
        self.way = way
        self.book = ScriptedBook()
        self._given = sources
        self.error: BaseException | None = None
        self._may_fail = may_fail
        self._epoch = epoch
        self._wanted_port = port
        self._limits = limits
        self._more = more
        self._tls = load_tls(certificate(), None) if way.secure else tls
        self._venues = venues
        self._thread = threading.Thread(target=self._run, name="gateway")
        self._started = threading.Event()

    def __enter__(self) -> "GatewayServer":
        self._thread.start()
        assert self._started.wait(HANG_S)
        if self.error is not None:
            raise self.error
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        assert self.joined(), "the server does not stop"
        if self.error is not None and not self._may_fail and exc_info[1] is None:
            raise self.error

    def stop(self) -> None:
        """Stop, as a signal would make it."""
        with suppress(RuntimeError):  # the loop is closed when the server has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)

    def joined(self) -> bool:
        """Whether the server has ended within the patience."""
        self._thread.join(HANG_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=LOOPS[self.way.loop]) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:  # noqa: BLE001 (the test's thread raises it)
                self.error = error
                self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.sources = {venue: HandFedSource(venue) for venue in self._venues}
        sources: Sequence[Source] = self._given or list(self.sources.values())
        clock = SteppedClock(self._loop) if isinstance(self._loop, SteppedLoop) else None
        self.app = App(sources, epoch=self._epoch, limits=self._limits, clock=clock, **self._more)
        sock = listen("127.0.0.1", self._wanted_port)
        port = sock.getsockname()[1]
        self.port: int = SecurePort(port) if self.way.secure else port
        self._started.set()
        await serve(self.app, sock, self._stop, self._tls)

    # What happens to it.

    def ask(self, question: Callable[[], T]) -> T:
        """What a function returns in the server's own thread."""

        async def answer() -> T:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(HANG_S)

    def feed(self, what: list[Event] | Exception | None, venue: str = VENUE) -> None:
        """Give the source something to yield."""
        self.ask(lambda: self.sources[venue].feed(what))

    def pass_s(self, seconds: float) -> None:
        """So much time passes, on a stepped loop: all that was due within it is due now."""
        loop = self._loop
        assert isinstance(loop, SteppedLoop)
        self.ask(lambda: setattr(loop, "ahead_s", loop.ahead_s + seconds))

    def go_live(self) -> None:
        """The book's first image."""
        self.feed(self.book.image({1000: 10, 999: 20}, {1001: 30}))
        self.wait_until(lambda: len(self.app.market) > 0)

    def change(self, times: int = 1) -> None:
        """The book changes; each time is a batch of its own."""
        for _ in range(times):
            self.feed([self.book.change(bids={1000: 10 + self.book.sequence})])

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds in the server's thread."""

        async def wait() -> None:
            while not condition():  # noqa: ASYNC110 (no event tells: the condition is about the server's insides)
                await asyncio.sleep(0.005)

        async def patient() -> None:
            await asyncio.wait_for(wait(), HANG_S)

        asyncio.run_coroutine_threadsafe(patient(), self._loop).result(HANG_S + 5)

    # Its insides.

    @property
    def url(self) -> str:
        """Where the WebSocket is."""
        return f"ws{'s' if self.way.secure else ''}://127.0.0.1:{self.port}/ws/api/v2"

    def open_connections(self) -> int:
        """How many WebSocket connections it holds."""
        return self.ask(lambda: len(self.app.gateway.connections))

    def wait_for_connections(self, count: int) -> None:
        """Wait until it holds so many."""
        self.wait_until(lambda: len(self.app.gateway.connections) == count)

    def tasks(self) -> int:
        """How many tasks run in its loop, this question's own apart."""
        return self.ask(lambda: len(asyncio.all_tasks(self._loop))) - 1

    # HTTP.

    def get(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a GET, or with a body of a POST."""
        url = f"http{'s' if self.way.secure else ''}://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=HANG_S, context=trust()) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def http_connection(self) -> http.client.HTTPConnection:
        """A connection for any request."""
        if self.way.secure:
            return http.client.HTTPSConnection("127.0.0.1", int(self.port), timeout=HANG_S, context=trust())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_S)


class RawClient:
    """A socket and nothing else."""

    def __init__(self, port: int, *, receive_buffer: int | None = None, address: str = "") -> None:
        """With an `address` (of loopback's many) it comes from there."""
        self._socket = socket.socket()
        if address:
            self._socket.bind((address, 0))
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(HANG_S)
        try:
            self._socket.connect(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        if isinstance(port, SecurePort):
            self._socket = trust().wrap_socket(self._socket, server_hostname="127.0.0.1")
        self._unread = bytearray()
        self._frames: deque[Frame] = deque()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close as an orderly peer."""
        self._socket.close()

    def reset(self) -> None:
        """Close with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(data)

    def send_slowly(self, data: bytes) -> None:
        """Send it one byte per packet."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            self._socket.sendall(bytes([byte]))

    def flood(self, data: bytes, times: int = 1) -> bool:
        """Send what may be too much; whether the server still took it."""
        try:
            for _ in range(times):
                self._socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            return False
        return True

    def request(self, method: str, request_id: int | str = 1, **params: Any) -> None:
        """Send a JSON-RPC request."""
        self.send(request_frame(method, request_id, **params))

    def handshake(
        self, path: str = "/ws/api/v2", *, behind: bytes = b"", headers: dict[str, str] | None = None
    ) -> str:
        """Upgrade to WebSocket, with more headers, and bytes in the same packet; the response's head."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = HANDSHAKE.format(path=path, host="127.0.0.1").replace("\r\n\r\n", f"\r\n{lines}\r\n")
        self.send(head.encode() + behind)
        return self.head()

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request; notifications before it are dropped."""
        self.request(method, "asked", **params)
        while (message := self.message()).get("id") != "asked":
            pass
        return message

    def head(self) -> str:
        """Read an HTTP response's head."""
        while b"\r\n\r\n" not in self._unread:
            if not self._read():
                break
        head, _, rest = bytes(self._unread).partition(b"\r\n\r\n")
        self._unread = bytearray(rest)
        self._frames.extend(take_frames(self._unread) if b" 101 " in head else ())
        return head.decode()

    def frame(self) -> Frame:
        """Read the next frame; at the end of the stream it is a close frame with code 1006."""
        while not self._frames:
            if not self._read():
                return Frame(CLOSE, (1006).to_bytes(2, "big"))
            self._frames.extend(take_frames(self._unread))
        return self._frames.popleft()

    def message(self) -> dict[str, Any]:
        """Read the next frame as JSON; pings before it are answered."""
        while (frame := self.frame()).opcode == PING:
            self.send(client_frame(frame.payload, PONG))
        assert frame.opcode == TEXT, frame
        found: dict[str, Any] = json.loads(frame.payload)
        return found

    def close_code(self) -> int:
        """Read on until the close frame; its code, 1006 where the stream ends without one."""
        while True:
            frame = self.frame()
            if frame.opcode == CLOSE:
                return frame.close_code

    def rest(self) -> bytes:
        """Read to the end of the stream."""
        while self._read():
            pass
        return bytes(self._unread)

    def _read(self) -> bool:
        try:
            data = self._socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLError):
            return False
        self._unread += data
        return bool(data)


def open_socket(server: GatewayServer, **more: Any) -> RawClient:
    """A raw client behind its handshake."""
    client = RawClient(server.port, **more)
    assert client.handshake().startswith("HTTP/1.1 101 ")
    return client


class Neighbour:
    """A well-behaved client that keeps a strict mirror of the book."""

    def __init__(self, server: GatewayServer, channel: str = "book.BTC-PERPETUAL.raw") -> None:
        self._server = server
        self._session = ClientSession()
        self._mirror = BookMirror()
        self._closing = ExitStack()
        connecting = connect(
            server.url,
            open_timeout=HANG_S,
            ping_interval=None,
            ssl=trust() if server.way.secure else None,
        )
        self._connection = self._closing.enter_context(connecting)
        _, frame = self._session.call("public/subscribe", {"channels": [channel]})
        self._connection.send(frame.decode())
        assert self._receive() == Answer(1, [channel])
        self._take_note()

    def missed_nothing(self) -> bool:
        """Whether every notification has come, in its sequence, and the mirror is the book after one more change."""
        self._server.change()
        self.keep_up()
        return (self._mirror.bids, self._mirror.asks) == self._server.book.prices()

    def keep_up(self) -> None:
        """Read everything that has been told so far."""
        while self._mirror.change_id != self._server.book.sequence:
            self._take_note()

    def _take_note(self) -> None:
        note = self._receive()
        assert isinstance(note, Notification)
        self._mirror.apply(note.data)

    def _receive(self) -> Any:
        return self._session.received(self._connection.recv(HANG_S))

    def __enter__(self) -> "Neighbour":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.close()


@contextmanager
def guarded_server(folder: Path) -> Iterator[GatewayServer]:
    """A server with a live book that knows Alice, by a key store in this folder."""
    store = KeyStore(folder)
    store.add(ALICE)
    with GatewayServer(keys=store) as server:
        server.go_live()
        yield server
