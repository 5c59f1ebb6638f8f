"""The built-in exchange behind a gateway of this process, in a folder that is gone afterwards."""

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl

from deltawire.errors import UsageError
from deltawire.roles.exchange import BuiltinExchange, Setup
from deltawire.roles.gateway import TIMER_S, App, WallClock, listen, serve

HOST = "127.0.0.1"


class Simulation:
    """A simulated market on a free port of this machine, for as long as `serve` runs."""

    def __init__(self, options: str) -> None:
        """`options` are `seed=7&speed=1`; `UsageError` if they are not."""
        try:
            given = {name: float(text) for name, text in parse_qsl(options, strict_parsing=bool(options))}
        except ValueError as error:
            raise UsageError(f"sim: takes seed=N and speed=N, not {options!r}") from error
        if unknown := given.keys() - {"seed", "speed"}:
            raise UsageError(f"sim: takes seed=N and speed=N, not {', '.join(sorted(unknown))}")
        self._folder = tempfile.TemporaryDirectory(prefix="deltawire-sim-")
        setup = Setup(seed=int(given.get("seed", 1)))
        self._exchange = BuiltinExchange(
            Path(self._folder.name), WallClock(), setup, speed=given.get("speed", 1.0)
        )
        self._socket = listen(HOST, 0)
        self._app = App([self._exchange.source], trading=self._exchange.service)

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"ws://{HOST}:{self._socket.getsockname()[1]}"

    async def serve(self) -> None:
        """Serve it until cancelled."""
        try:
            await serve(self._app, self._socket, asyncio.Event())
        finally:
            await self._exchange.drained()

    async def listed(self) -> None:
        """Wait until its instruments are listed: from then on they can be subscribed to by name."""
        instruments = self._exchange.service.accounts.pricing.instruments
        while not 0 < len(instruments) <= len(self._app.market):  # noqa: ASYNC110 (the market tells nobody)
            await asyncio.sleep(TIMER_S)

    def close(self) -> None:
        """Remove everything."""
        self._socket.close()
        self._exchange.close()
        self._folder.cleanup()
