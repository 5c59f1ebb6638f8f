"""Records what a server of the dialect sends: another gateway over a WebSocket, or this process's own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from ssl import SSLContext
from typing import Literal

import msgspec
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from deltawire.client.client import CLOSE_WITHIN_S, LARGEST_MESSAGE, full_url, trusting
from deltawire.dialect.grammar import parse_channel
from deltawire.errors import NOT_DECODED, FeedError
from deltawire.fanout.subscribers import JSON
from deltawire.ports import Tap
from deltawire.recording.recorder import Recorder
from deltawire.roles.gateway import App
from deltawire.roles.in_process import InProcessConnection
from deltawire.venues.live.reconnecting import Reconnecting

log = structlog.get_logger("deltawire")
HEARTBEAT_S = 10
LOOK_EVERY_S = 1.0
SILENT_AFTER_S = 3.0 * HEARTBEAT_S
OPEN_WITHIN_S = 10.0
LISTED = "/api/v2/public/get_instruments?currency=any"
"""Under this address the list of instruments is recorded, as its readers know it."""
OWN = "ws://own/ws/api/v2"
"""The address of this process's own gateway in its recording."""
CHANGES = "instrument.state.any.any"
DEFAULT_CHANNELS = "book.*", "trades.*", "ticker.*"
PACES = "raw", "100ms"
DIALECT = "deribit"
"""Whose frames a server of the dialect sends: so they are read."""


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Params(msgspec.Struct):
    channel: str = ""
    type: str = ""


class _Message(msgspec.Struct):
    id: int | str | None = None
    method: str = ""
    params: _Params = msgspec.field(default_factory=_Params)
    error: _Error | None = None
    result: msgspec.Raw = msgspec.Raw(b"")


def complete(channel: str) -> str:
    """A channel's full name: `book.BTC-*` is `book.BTC-*.raw`; `FeedError` if it is none even so."""
    for name in (channel, *(f"{channel}.{pace}" for pace in PACES)):
        if parse_channel(name) is not None:
            return name
    raise FeedError(f"no such channel: {channel}; channels are such as book.BTC-*.raw", retry=False)


class DialectRecording:
    """One connection to a server of the dialect, as a state machine: frames in, requests out, all of it tapped."""

    _decode = msgspec.json.Decoder(_Message).decode
    _names = msgspec.json.Decoder(list[str]).decode

    def __init__(self, tap: Tap, connection: str, *, url: str, channels: Sequence[str]) -> None:
        """`connection` is its name in the recording."""
        self._tap, self._connection, self._url = tap, connection, url
        self._channels = [complete(channel) for channel in channels]
        self._listing, self._subscribing = {2}, 3
        self._last = 3
        self._changed = False
        """Whether instruments have changed since the list was asked for."""
        self.granted: list[str] | None = None
        """The channels that the server has granted, None before it answers."""
        self.refusal = ""

    def opened(self, at_ns: int) -> list[str]:
        """What to send first."""
        self._tap.noted(self._connection, at_ns, "connected", url=self._url)
        self._tap.noted(self._connection, at_ns, "asked", channels=self._channels)
        channels = list(dict.fromkeys([*self._channels, CHANGES]))
        return [
            self._sent(at_ns, 1, "public/set_heartbeat", interval=HEARTBEAT_S),
            self._sent(at_ns, 2, "public/get_instruments", currency="any"),
            self._sent(at_ns, self._subscribing, "public/subscribe", channels=channels),
        ]

    def received(self, frame: bytes, at_ns: int) -> list[str]:
        """Record a frame; returns what to send."""
        try:
            message = self._decode(frame)
        except NOT_DECODED:
            message = _Message()
        if message.id in self._listing and message.error is None:
            self._listing.discard(message.id)
            asks_again, self._changed = self._changed, False
            self._tap.passed(self._connection, at_ns, "fetched", frame, url=_https(self._url) + LISTED)
            return [self._list(at_ns)] if asks_again else []
        self._tap.passed(self._connection, at_ns, "received", frame)
        if message.id == self._subscribing:
            self._answered(message, at_ns)
        elif message.params.type == "test_request":
            return [self._next(at_ns, "public/test")]
        elif message.params.channel.startswith("instrument.state."):
            self._changed = bool(self._listing)
            return [] if self._listing else [self._list(at_ns)]
        return []

    def closed(self, at_ns: int, reason: str) -> None:
        """The connection has ended; without a reason, because the recorder stops."""
        self._tap.noted(self._connection, at_ns, "closed", reason=reason)

    def silent(self, at_ns: int) -> None:
        """Nothing came for too long."""
        self._tap.noted(self._connection, at_ns, "silent", reason=f"no frame for {SILENT_AFTER_S:g} s")

    def _answered(self, message: _Message, at_ns: int) -> None:
        try:
            self.granted = [name for name in self._names(message.result) if name != CHANGES]
        except NOT_DECODED:
            self.granted = []
            error = message.error or _Error()
            self.refusal = f"{error.code} {error.message}".strip()
        if self.granted:
            self._tap.noted(self._connection, at_ns, "acknowledged", channels=self.granted)
        plain = {name for name in self._channels if "*" not in name}
        refused = sorted(plain - set(self.granted)) if self.granted else self._channels
        if refused:
            self._tap.noted(self._connection, at_ns, "refused", channels=refused, reason=self.refusal)

    def _list(self, at_ns: int) -> str:
        self._listing.add(self._last + 1)
        return self._next(at_ns, "public/get_instruments", currency="any")

    def _next(self, at_ns: int, method: str, **params: object) -> str:
        self._last += 1
        return self._sent(at_ns, self._last, method, **params)

    def _sent(self, at_ns: int, number: int, method: str, **params: object) -> str:
        frame = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self._tap.passed(self._connection, at_ns, "sent", frame)
        return frame.decode()


def _https(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{'https' if scheme == 'wss' else 'http'}://{rest.partition('/')[0]}"


class RemoteRecording:
    """Records a server's channels for as long as it runs; reconnects by itself."""

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        tap: Tap,
        *,
        connection: str = f"{DIALECT}/1",
        cafile: Path | None = None,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """`FeedError` if this is no address, or no channel."""
        self._trust: SSLContext | Literal[True] | None = trusting(url, cafile=cafile)
        self.url = full_url(url)
        self._channels = list(channels) or list(DEFAULT_CHANNELS)
        for channel in self._channels:
            complete(channel)
        self._tap, self._connection, self._wall = tap, connection, wall
        self._random = Random()
        self.granted: list[str] = []
        self.waiting_for = ""
        """Why there is no connection now; empty if there is one."""

    async def run(self) -> None:
        """Record until cancelled. `FeedError` if the first connection fails, or if nothing is granted."""
        trying = Reconnecting([self.url], self._random.random)
        while True:
            began_s = time.monotonic()
            try:
                await self._once()
            except FeedError as error:
                if not self.granted:
                    raise
                self.waiting_for = str(error)
            trying.ended(time.monotonic() - began_s)
            await asyncio.sleep(trying.wait_s())

    async def _once(self) -> None:
        """One connection, until it ends."""
        try:
            socket = await connect(
                self.url,
                ssl=self._trust,
                max_size=LARGEST_MESSAGE,
                open_timeout=OPEN_WITHIN_S,
                ping_interval=HEARTBEAT_S,
                ping_timeout=HEARTBEAT_S,
                close_timeout=CLOSE_WITHIN_S,
            )
        except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
            why = "is the server running? " if isinstance(error, ConnectionRefusedError) else ""
            raise FeedError(f"cannot connect to {self.url}: {why}{error}", retry=True) from error
        recording = DialectRecording(self._tap, self._connection, url=self.url, channels=self._channels)
        reason = ""
        self.waiting_for = ""
        try:
            for request in recording.opened(self._wall()):
                await socket.send(request)
            while True:
                try:
                    async with asyncio.timeout(SILENT_AFTER_S):
                        frame = await socket.recv(decode=False)
                except TimeoutError:
                    recording.silent(self._wall())
                    reason = "silent"
                    return
                for request in recording.received(frame, self._wall()):
                    await socket.send(request)
                self._check(recording)
        except ConnectionClosed as error:
            reason = str(error)
        finally:
            recording.closed(self._wall(), reason)
            await socket.close()

    def _check(self, recording: DialectRecording) -> None:
        if recording.granted is not None and not self.granted:
            self.granted = recording.granted
            if not self.granted:
                why = recording.refusal or "there is no such channel here"
                raise FeedError(f"{self.url} grants none of {', '.join(self._channels)}: {why}", retry=False)


async def report_trouble(recorder: Recorder) -> None:
    """Log when nothing can be recorded, why, and when it can be again; never returns."""
    trouble = ""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        progress = recorder.progress
        if progress.error and progress.error != trouble:
            log.error("cannot record", error=progress.error, missing=progress.missing)
        elif trouble and not progress.error:
            log.info("recording again", missing=progress.missing)
        trouble = progress.error


async def record_own(
    app: App, tap: Tap, *, connection: str = f"{DIALECT}/own", wall: Callable[[], int] = time.time_ns
) -> None:
    """Record what this process's gateway sends on the default channels, until cancelled."""
    inner = InProcessConnection(app.gateway, JSON)
    recording = DialectRecording(tap, connection, url=OWN, channels=DEFAULT_CHANNELS)
    reason = ""
    try:
        for request in recording.opened(wall()):
            inner.received(request)
        while inner.closed is None:
            while inner.messages:
                message = inner.messages.popleft()
                frame = message.encode() if isinstance(message, str) else message
                for request in recording.received(frame, wall()):
                    inner.received(request)
            inner.news.clear()
            if not inner.messages:
                await inner.news.wait()
        reason = f"{inner.closed.code} {inner.closed.reason}"
        log.error("nothing of this server is recorded any more", reason=reason)
    finally:
        recording.closed(wall(), reason)
        inner.close(1000, "")
