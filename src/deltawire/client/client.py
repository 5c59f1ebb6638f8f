"""A client connection: calls and notifications, over the `websockets` library."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.client import ClientProtocol
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from deltawire.access.signatures import login_text, sign
from deltawire.errors import FeedError
from deltawire.session.client import Answer, ClientSession, Notification, TestRequest
from deltawire.session.notification_queue import MOST, NotificationQueue, OnFull
from deltawire.wire.mac import ProvenMessages, mac_key
from deltawire.wire.protobuf import SUBPROTOCOL

PATH = "/ws/api/v2"
CALL_WITHIN_S = 10.0
CLOSE_WITHIN_S = 0.5
"""How long the server may take to answer a close; then the connection is dropped."""
LARGEST_MESSAGE = 64 * 1024 * 1024
NONCE_BYTES = 16


class Login(msgspec.Struct, frozen=True):
    """An HMAC key's id and secret. The secret signs and is never sent."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Login({self.client_id!r})"


def full_url(url: str) -> str:
    """Complete a server's address: `127.0.0.1:8080` becomes `ws://127.0.0.1:8080/ws/api/v2`."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = PATH if parts.path in ("", "/") else parts.path
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class Wire(Protocol):
    """What a connection is to its client."""

    async def send(self, message: str) -> None:
        """Send a text message; `ConnectionClosed` once it is closed."""

    async def recv(self) -> str | bytes:
        """The next message; `ConnectionClosed` once it is closed."""

    async def close(self) -> None:
        """Close it."""


class _Parser(ClientProtocol):
    """Accepts a close frame at any point.

    Control frames may come between the fragments of a message (RFC 6455, 5.4); websockets calls a close there an
    incomplete message (Autobahn 7.1.5).
    """

    def recv_frame(self, frame: Frame) -> None:
        """Handle a complete frame."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class _Connection(ClientConnection):
    """Lets go of its transport also when the peer broke it off: asyncio warns of one over TLS otherwise."""

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        parser = _Parser(
            protocol.uri,
            extensions=protocol.available_extensions,
            subprotocols=protocol.available_subprotocols,
            max_size=LARGEST_MESSAGE,
            logger=protocol.logger,
        )
        super().__init__(parser, **options)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection with this WebSocket code and reason; waits for the peer's close frame."""
        await super().close(code, reason)
        self.transport.close()


class Client:
    """One connection. Iterate over it for notifications; `call` may be used at the same time."""

    def __init__(
        self,
        connection: Wire,
        session: ClientSession | None = None,
        queue: NotificationQueue | None = None,
    ) -> None:
        self.wire = connection
        self._session = session or ClientSession()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._queue = NotificationQueue() if queue is None else queue
        self.lost = asyncio.Event()
        """Set once the connection is over; what waits may still be read."""
        self._news = asyncio.Event()
        self._error: FeedError | None = None
        self._proven = ProvenMessages()
        self._key_of: tuple[int, str, str] | None = None
        """The request that enables the MAC, the secret and the client's nonce, while it is in progress."""
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method and return its result.

        `RequestError` if the server refuses, `FeedError` if it does not answer.
        """
        return (await self.answer(method, **params)).result

    async def answer(self, method: str, **params: Any) -> Answer:
        """Call a method and return the whole answer, with the members beside `result`."""
        return await self._ask(method, *self._session.call(method, params))

    async def _ask(self, method: str, number: int, frame: bytes) -> Answer:
        if self._error is not None:
            raise self._error
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                await self.wire.send(frame.decode())
                answer: Answer = await future
                return answer
        except ConnectionClosed as error:
            raise _closed(error) from error
        except TimeoutError:
            raise FeedError(f"{method} was not answered within {CALL_WITHIN_S:g} s", retry=True) from None
        finally:
            self._waiting.pop(number, None)

    async def sign_in(self, login: Login, scope: str = "") -> dict[str, Any]:
        """Authenticate the connection (`client_signature`); returns the server's tokens and scope."""
        timestamp, nonce = time.time_ns() // 1_000_000, secrets.token_hex(NONCE_BYTES)
        signed: dict[str, Any] = {"client_id": login.client_id, "timestamp": timestamp, "nonce": nonce}
        signature = sign(login.secret, login_text(timestamp, nonce, ""))
        granted: dict[str, Any] = await self.call(
            "public/auth", grant_type="client_signature", signature=signature, scope=scope, **signed
        )
        return granted

    async def prove(self, login: Login) -> None:
        """From now on accept only frames verified by the running MAC.

        A wrong MAC ends the connection with `FeedError`.

        The connection must be authenticated with this key. Earlier subscriptions were received without verification.
        """
        nonce = secrets.token_hex(NONCE_BYTES)
        number, frame = self._session.call("private/enable_mac", {"nonce": nonce})
        self._key_of = (number, login.secret, nonce)
        await self._ask("private/enable_mac", number, frame)

    async def subscribe(self, *channels: str) -> list[str]:
        """Subscribe; returns the channels as the server names them.

        `FeedError` names the refused channels: they do not exist, or the client lacks the right. The others are
        joined.
        """
        accepted: list[str] = await self.call("public/subscribe", channels=list(channels))
        refused = [channel for channel in channels if channel not in accepted]
        if refused:
            raise FeedError(f"channel does not exist or is not permitted: {', '.join(refused)}", retry=False)
        return accepted

    async def unsubscribe(self, *channels: str) -> list[str]:
        """Unsubscribe; returns the channels that were left."""
        left: list[str] = await self.call("public/unsubscribe", channels=list(channels))
        return left

    def __aiter__(self) -> "Client":
        """Iterate over the notifications in order."""
        return self

    async def __anext__(self) -> Notification:
        """The next notification; `FeedError` when the connection has ended."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._queue.pop()

    @property
    def unread(self) -> int:
        """Number of unread notifications."""
        return len(self._queue)

    def abandon(self) -> None:
        """Nothing is taken in any more; `close` is still to come."""
        self._fail(FeedError("the connection is closed", retry=False))

    async def close(self) -> None:
        """Close the connection; calls and iterations in progress end with `FeedError`.

        Frames that arrive until then are read and dropped, because the closing handshake comes after them.
        """
        self.abandon()
        await self.wire.close()
        self._reader.cancel()

    async def _read(self) -> None:
        try:
            while True:
                await self._receive(await self.wire.recv())
        except ConnectionClosed as error:
            self._fail(_closed(error))
        finally:
            self._fail(FeedError("nothing is read from the connection any more", retry=True))

    async def _receive(self, frame: bytes | str) -> None:
        if self._error is not None:
            return
        try:
            for each in self._proven.received(frame):
                await self._hear(each)
        except FeedError as error:
            self._fail(error)

    async def _hear(self, frame: bytes | str) -> None:
        if self._error is not None:
            return
        try:
            heard = self._session.received if isinstance(frame, str) else self._session.received_binary
            message: Answer | Notification | TestRequest | None = heard(frame)  # type: ignore[arg-type]
        except FeedError as error:
            self._fail(error)
            return
        if isinstance(message, TestRequest):
            _, proof = self._session.call("public/test", {})
            await self.wire.send(proof.decode())
        else:
            self._take(message, len(frame))

    def _take(self, message: Answer | Notification | None, size: int) -> None:
        if isinstance(message, Notification):
            message = msgspec.structs.replace(message, received_ns=time.time_ns())
            if not self._queue.put(message, size):
                self._fail(self._queue.error())
            self._news.set()
        elif isinstance(message, Answer):
            self._key(message)
            future = self._waiting.get(message.id)
            if future is not None and not future.done():
                if message.error is None:
                    future.set_result(message)
                else:
                    future.set_exception(message.error)

    def _key(self, answer: Answer) -> None:
        """All frames after the answer that enables the MAC must be verified."""
        if self._key_of is None or self._key_of[0] != answer.id:
            return
        (_, secret, nonce), self._key_of = self._key_of, None
        if answer.error is None:
            theirs = answer.result.get("nonce") if isinstance(answer.result, dict) else None
            self._proven.enable(mac_key(secret, nonce, str(theirs)))

    def _fail(self, error: FeedError) -> None:
        self._error = self._error or error
        self.lost.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self._error)
                future.exception()  # retrieve the exception, even if the call fails before it awaits the future
        self._news.set()


@asynccontextmanager
async def connect(
    url: str,
    session: ClientSession | None = None,
    *,
    binary: bool = False,
    compress: bool = False,
    login: Login | None = None,
    proven: bool = False,
    queue: int = MOST,
    on_full: OnFull = "conflate",
    ssl: SSLContext | None = None,
    cafile: str | Path | None = None,
) -> AsyncIterator[Client]:
    """Connect to a deltawire server (or to Deribit); raises `FeedError` if that fails.

    With `binary` notifications come as protobuf, where the server knows it; they say the same; with
    `compress` frames are offered to be compressed, which saves bytes and costs time at both ends. With a `login`
    the connection is signed in; with `proven` too, what is not proven to come from the server is not taken.
    `cafile` is a PEM file with the certificates to trust over `wss`, in place of the system's: for a server with
    `--self-signed` its `self-signed.pem`; `ssl` is a context of yours instead. A `session` that was there before goes
    on with its channels.

    At most `queue` notifications, and 16 MiB of them as received, wait to be read. Beyond that, with
    `on_full="conflate"`, the waiting notifications of a channel are merged into one that leads to its newest state,
    for books, tickers, quotes and other state channels, until half of the queue has been read
    (`Notification.conflated` is the number of notifications replaced). Trades, private events and all others are
    never merged or dropped: when they alone fill the queue, or at once with `on_full="raise"`, the iteration returns
    what waits and then ends with `FeedError`.
    """
    client = await open_client(
        url,
        session or ClientSession(),
        NotificationQueue(queue, on_full),
        binary=binary,
        compress=compress,
        login=login,
        proven=proven,
        trust=trusting(url, ssl=ssl, cafile=cafile),
    )
    try:
        yield client
    finally:
        await client.close()


async def open_client(
    url: str,
    session: ClientSession,
    queue: NotificationQueue,
    *,
    binary: bool = False,
    compress: bool = False,
    login: Login | None = None,
    proven: bool = False,
    trust: SSLContext | Literal[True] | None = None,
) -> Client:
    """A connection, signed in, that whoever gets it must close; see `connect`, and `trusting` for `trust`."""
    if proven and login is None:
        raise FeedError("proof needs a login: the key's secret is what proves", retry=False)
    address = full_url(url)
    try:
        connection = await dial(address, binary=binary, compress=compress, trust=trust)
    except (OSError, InvalidHandshake) as error:
        plain = isinstance(error, InvalidMessage) and not address.startswith("wss")
        advice = "; if it serves TLS, the address begins with wss://" if plain else ""
        raise FeedError(f"cannot connect to {address}: {error}{advice}", retry=_may_pass(error)) from error
    except (InvalidURI, ValueError) as error:
        raise FeedError(f"no address of a server: {url}: {error}", retry=False) from error
    client = Client(connection, session, queue)
    try:
        if login is not None:
            await client.sign_in(login)
            if proven:
                await client.prove(login)
    except BaseException:
        await client.close()
        raise
    return client


def dial(
    address: str,
    *,
    binary: bool = False,
    compress: bool = False,
    trust: SSLContext | Literal[True] | None = None,
) -> Awaitable[ClientConnection]:
    """A WebSocket connection as every client here has it."""
    return ws_connect(
        address,
        ssl=trust,
        max_size=LARGEST_MESSAGE,
        create_connection=_Connection,
        open_timeout=CALL_WITHIN_S,
        close_timeout=CLOSE_WITHIN_S,
        compression="deflate" if compress else None,
        subprotocols=[Subprotocol(SUBPROTOCOL)] if binary else None,
    )


def trusting(
    url: str, *, ssl: SSLContext | None = None, cafile: str | Path | None = None
) -> SSLContext | Literal[True] | None:
    """What to trust, True for what the system trusts; None where there is no TLS."""
    try:
        address = full_url(url)
    except ValueError as error:
        raise FeedError(f"no address of a server: {url}: {error}", retry=False) from error
    secure = address.startswith("wss://")
    if not secure and (cafile is not None or ssl is not None):
        raise FeedError(f"a certificate to trust applies to wss://, not to {address}", retry=False)
    if cafile is None:
        return (ssl or True) if secure else None
    if ssl is not None:
        raise FeedError("ssl or cafile, not both: they both say what to trust", retry=False)
    try:
        return create_default_context(cafile=cafile)
    except OSError as error:
        why = "not a certificate in PEM" if isinstance(error, SSLError) else error.strerror
        raise FeedError(f"cannot trust {cafile}: {why}", retry=False) from error


def _may_pass(error: Exception) -> bool:
    """Whether a server that could not be reached may be reachable later; not if it is another kind of server."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code >= 500
    return isinstance(error, (OSError, InvalidMessage))


def _closed(error: ConnectionClosed) -> FeedError:
    received = error.rcvd
    reason = f"{received.code} {received.reason}".strip() if received else "without a close frame"
    return FeedError(f"the connection was closed: {reason}", retry=True)
