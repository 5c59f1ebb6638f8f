"""A connection to NATS, and the stream that a bus is."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import DiscardPolicy, RawStreamMsg, StorageType, StreamConfig, StreamInfo
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from deltawire.bus.memory import TOPIC
from deltawire.errors import BusError, UsageError

RECONNECT_S = 0.2
PING_S = 2
PINGS_OUT = 2
"""A connection without an answer for so many pings is dead."""
CONNECT_S = 10.0
"""How long the first connection may take."""
REQUEST_S = 2.0
RETRY_S = 0.1
TROUBLE = (NatsError, NoRespondersError, ServiceUnavailableError, TimeoutError, asyncio.TimeoutError, OSError)
"""What passes by itself: the server restarts, or the way to it is cut."""
GONE = 10059
"""JetStream's code for a stream that there is not."""


class StreamSettings(msgspec.Struct, frozen=True):
    """The stream of a bus: what it carries, and how much of it is kept beside the newest message of each topic."""

    name: str = "DELTAWIRE"
    subjects: tuple[str, ...] = (f"{TOPIC}.>",)
    kept_s: float = 900.0
    kept_bytes: int = 4 * 1024 * 1024 * 1024
    kept_per_topic: int = -1
    """Messages; -1 for no limit."""


class Address(msgspec.Struct, frozen=True):
    """Where a bus is, and how to get in: a file of credentials, and a file of certificates (PEM) to trust."""

    url: str
    credentials: str = ""
    cafile: str = ""


class Connection:
    """A connection that is opened again whenever it has ended."""

    def __init__(self, client: Client, settings: StreamSettings, url: str) -> None:
        self.client = client
        self.js = JetStreamContext(client, timeout=REQUEST_S)
        self.settings = settings
        self.url = url

    @property
    def part_bytes(self) -> int:
        """The most that a message's body may have, with room for its head."""
        return int(self.client.max_payload) - 4096

    async def info(self) -> StreamInfo | None:
        """The stream as it stands; None if there is none. Waits until the server answers."""
        while True:
            try:
                return await self.js.stream_info(self.settings.name)
            except NotFoundError:
                return None
            except TROUBLE:
                await asyncio.sleep(RETRY_S)

    async def make_stream(self) -> StreamInfo:
        """The stream, made if there is none; another process may do the same."""
        settings = self.settings
        config = StreamConfig(
            name=settings.name,
            subjects=list(settings.subjects),
            max_age=settings.kept_s,
            max_bytes=settings.kept_bytes,
            max_msgs_per_subject=settings.kept_per_topic,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            allow_direct=True,
            num_replicas=1,
        )
        while (info := await self.info()) is None:
            try:
                return await self.js.add_stream(config)
            except APIError as error:
                if (info := await self.info()) is not None:
                    return info
                raise UsageError(f"cannot make the stream {settings.name}: {error.description}") from error
            except TROUBLE:
                await asyncio.sleep(RETRY_S)
        return info

    async def last(self, topic: str) -> RawStreamMsg | None:
        """The newest message of a topic; None if there is none. Waits until the server answers."""
        while True:
            try:
                return await self.js.get_msg(self.settings.name, subject=topic)
            except NotFoundError:
                return None
            except TROUBLE:
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Close it for good."""
        with contextlib.suppress(*TROUBLE):
            await self.client.close()


async def connect(
    address: Address,
    settings: StreamSettings | None = None,
    *,
    report: Callable[[str], None] = lambda text: None,
) -> Connection:
    """Connect to a bus; `UsageError` says in one line why that fails. `report` hears of later troubles."""
    client = Client()

    troubles: list[Exception] = []
    connected = False

    async def trouble(error: Exception) -> None:
        if connected:
            report(_why(error))
        else:
            troubles[:] = [error]

    async def lost() -> None:
        report("the connection to the bus is lost")

    async def back() -> None:
        report("the connection to the bus is back")

    options: dict[str, Any] = {}
    if address.cafile:
        options["tls"] = _trusting(address.cafile)
    if address.credentials:
        options["user_credentials"] = _readable(address.credentials)
    try:
        async with asyncio.timeout(CONNECT_S):
            await client.connect(
                address.url,
                error_cb=trouble,
                disconnected_cb=lost,
                reconnected_cb=back,
                allow_reconnect=True,
                reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]
                max_reconnect_attempts=3,
                ping_interval=PING_S,
                max_outstanding_pings=PINGS_OUT,
                connect_timeout=2,
                **options,
            )
    except (*TROUBLE, ValueError, ssl.SSLError) as error:
        with contextlib.suppress(*TROUBLE):
            await client.close()
        why = _why(troubles[0] if troubles else error)
        raise UsageError(f"cannot connect to the bus at {_shown(address.url)}: {why}") from error
    connected = True
    client.options["max_reconnect_attempts"] = -1
    return Connection(client, settings or StreamSettings(), _shown(address.url))


def _shown(url: str) -> str:
    """An address without its secrets."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _why(error: Exception) -> str:
    text = str(error).removeprefix("nats: ")
    return " ".join(text.split()) or type(error).__name__


def _readable(path: str) -> str:
    if not Path(path).is_file():
        raise UsageError(f"cannot read the credentials {path}")
    return path


def _trusting(cafile: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cafile)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"cannot read the certificates in {cafile}: {error.strerror or error}") from error


def lost(what: str) -> BusError:
    """The error that a stream has less than was acknowledged."""
    return BusError("lost", f"{what}: the stream has been restored or deleted")
