"""`websockets.broadcast`, on uvloop."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.servers.certificates import asked_tls
from bench.servers.message import PAYLOAD
from bench.servers.ticking import ticks

connections: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    """Keep a connection among those that are broadcast to."""
    connections.add(connection)
    try:
        await connection.wait_closed()
    finally:
        connections.discard(connection)


def drained() -> bool:
    """Whether every connection has sent all it was given."""
    return not any(connection.transport.get_write_buffer_size() for connection in connections)


async def main(port: int) -> None:
    """Serve until the process ends."""
    more = {"compression": None, "ping_interval": None, "backlog": 1024, "ssl": asked_tls()}
    async with serve(handle, "127.0.0.1", port, **more):
        async for messages in ticks(drained):
            for _ in range(messages):
                broadcast(connections, PAYLOAD, text=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
