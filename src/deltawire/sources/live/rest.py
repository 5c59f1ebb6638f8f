"""GET requests to a venue's REST API: connections that are kept, budgets, and what an error means for them."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import h11
import msgspec

ANSWER_S = 15.0
CHUNK = 65_536
LARGEST = 256 * 1024 * 1024
KEPT = 4


class Answer(msgspec.Struct, frozen=True):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float:
        """The venue's own word when to ask again, 0 if it has none."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() else 0.0


class RestError(Exception):
    """A request without an answer."""


class _Kept:
    """One connection that is kept between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=CHUNK)

    async def get(self, host: str, target: str) -> Answer:
        """Send one request and read the whole answer."""
        headers = [("Host", host), ("Accept", "application/json"), ("User-Agent", "deltawire")]
        sent = self._protocol.send(h11.Request(method="GET", target=target, headers=headers))
        self._writer.write((sent or b"") + (self._protocol.send(h11.EndOfMessage()) or b""))
        status, found, parts, size = 0, dict[str, str](), list[bytes](), 0
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                found = {name.decode().lower(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
                size += len(event.data)
                if size > LARGEST:
                    raise RestError(f"an answer of more than {LARGEST} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, found, b"".join(parts))
            elif isinstance(event, h11.ConnectionClosed):
                raise RestError("the connection ended before the answer")

    def again(self) -> bool:
        """Whether another request can follow on this connection."""
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return not self.ended

    @property
    def ended(self) -> bool:
        """Whether the venue has closed it."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def closed(self) -> None:
        """Wait until it is closed."""
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()


class RestClient:
    """Keeps a few connections per host. `tls` makes the context of https."""

    def __init__(self, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._kept: dict[str, list[_Kept]] = {}

    async def get(self, url: str) -> Answer:
        """The answer to a GET, whatever its status; `RestError` if there is none."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._get(url)
        except (OSError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise RestError(f"{urlsplit(url).netloc}: {reason}") from error

    async def _get(self, url: str) -> Answer:
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.netloc}"
        idle = self._kept.setdefault(where, [])
        while idle and idle[-1].ended:
            idle.pop().close()
        connection = (
            idle.pop() if idle else await self._connect(parts.scheme, parts.hostname or "", parts.port)
        )
        answered = False
        try:
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            answer = await connection.get(parts.netloc, target)
            answered = True
        finally:
            if answered and connection.again() and len(idle) < KEPT:
                idle.append(connection)
            else:
                connection.close()
        return answer

    async def _connect(self, scheme: str, host: str, port: int | None) -> _Kept:
        secure = scheme == "https"
        if secure and self._tls is None:
            self._tls = self._make_tls()
        reader, writer = await asyncio.open_connection(
            host, port or (443 if secure else 80), ssl=self._tls if secure else None
        )
        return _Kept(reader, writer)

    async def close(self) -> None:
        """Close what is kept."""
        kept = [connection for connections in self._kept.values() for connection in connections]
        self._kept.clear()
        for connection in kept:
            connection.close()
        await asyncio.gather(*(connection.closed() for connection in kept))
