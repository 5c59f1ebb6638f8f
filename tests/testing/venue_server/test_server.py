"""A venue's server as a whole: how it stops."""

import asyncio
import gc
import socket

import pytest

from deltawire.testing.venue_server import VenueServer


@pytest.mark.parametrize("turns", range(8))
def test_a_connection_that_comes_while_it_stops_is_not_leaked(turns: int) -> None:
    async def stop_amid_a_connection() -> None:
        server = VenueServer("binance_spot")
        await server.start()
        with socket.create_connection(("127.0.0.1", server.port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.stop()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(stop_amid_a_connection())
    gc.collect()  # what is leaked warns here, and a warning is an error
