"""Where connections lead: to a server, or to the first of several that answers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from ssl import SSLContext
from typing import Protocol

from deltawire.client.client import Client, Login, open_client, trusting
from deltawire.errors import FeedError
from deltawire.session.client import ClientSession
from deltawire.session.notification_queue import NotificationQueue

UNREACHED_S = 60.0
"""For so long an address that did not answer is tried only when no other answers."""


class Target(Protocol):
    """What a subscription connects to, as often as it must."""

    @property
    def over(self) -> bool:
        """Whether nothing more will ever come."""

    async def start(self) -> None:
        """Get ready, once."""

    async def prepare(self, channels: Sequence[str]) -> None:
        """Channels are about to be subscribed to for the first time."""

    async def connect(self, session: ClientSession, queue: NotificationQueue) -> Client:
        """A new connection, signed in; `FeedError` where there is none."""

    def failed(self) -> None:
        """A connection was lost, or could not be had: the next may lead elsewhere."""

    def waits(self, client: Client) -> None:
        """Somebody waits for what comes next on a connection."""

    def waits_no_more(self, client: Client) -> None:
        """Somebody has got it, or has given up."""

    async def close(self) -> None:
        """Nobody connects any more."""


class Servers:
    """The addresses of one server or of several that serve the same; a lost connection goes on at the next.

    An address that does not answer costs no wait: the next one is tried at once, and that one first from then on.
    """

    over = False

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        login: Login | None = None,
        proven: bool = False,
        binary: bool = False,
        compress: bool = False,
        ssl: SSLContext | None = None,
        cafile: str | Path | None = None,
    ) -> None:
        """What is said of `connect` holds for each of them."""
        if not addresses:
            raise FeedError("no address of a server", retry=False)
        self.addresses = tuple(addresses)
        self._trust = [trusting(address, ssl=ssl, cafile=cafile) for address in addresses]
        self._login, self._proven = login, proven
        self._binary, self._compress = binary, compress
        self._at = 0
        self._unreached: dict[int, float] = {}
        """Addresses that did not answer, and until when they come last."""

    @property
    def address(self) -> str:
        """Where the next connection leads."""
        return self.addresses[self._at]

    async def start(self) -> None:
        """Nothing to do: a server is there or is not."""

    async def prepare(self, channels: Sequence[str]) -> None:
        """Nothing to do: a server knows what it serves."""

    async def connect(self, session: ClientSession, queue: NotificationQueue) -> Client:
        """Open a connection to the first address that answers, from the current one on; `FeedError` if none does."""
        problems: list[FeedError] = []
        for place in self._in_turn():
            try:
                client = await self._open(place, session, queue)
            except FeedError as error:
                if not error.retry:
                    raise
                self._unreached[place] = asyncio.get_running_loop().time() + UNREACHED_S
                problems.append(error)
                continue
            self._unreached.pop(place, None)
            self._at = place
            return client
        if len(problems) == 1:
            raise problems[0]
        raise FeedError("; ".join(map(str, problems)), retry=True) from problems[-1]

    def _in_turn(self) -> list[int]:
        """All addresses from the current one on, those last that have not answered lately."""
        now = asyncio.get_running_loop().time()
        count = len(self.addresses)
        places = [(self._at + step) % count for step in range(count)]
        return sorted(places, key=lambda place: self._unreached.get(place, 0.0) > now)

    async def _open(self, place: int, session: ClientSession, queue: NotificationQueue) -> Client:
        return await open_client(
            self.addresses[place],
            session,
            queue,
            binary=self._binary,
            compress=self._compress,
            login=self._login,
            proven=self._proven,
            trust=self._trust[place],
        )

    def failed(self) -> None:
        """The connection failed: the next `connect` uses the next address."""
        self._at = (self._at + 1) % len(self.addresses)

    def waits(self, client: Client) -> None:
        """A server goes on by itself."""

    def waits_no_more(self, client: Client) -> None:
        """Likewise."""

    async def close(self) -> None:
        """Nothing to do: connections are closed by who has them."""

    def __repr__(self) -> str:
        return ", ".join(self.addresses)
