"""picows on uvloop: `send` to each connection, or with `joined` one prebuilt write of a tick's frames."""

import asyncio
import sys

import picows
import uvloop

from bench.servers.message import FRAME, PAYLOAD
from bench.servers.ticking import ticks

connections: dict[picows.WSTransport, None] = {}


class Listener(picows.WSListener):
    """Keeps a connection among those that are sent to."""

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """It is open."""
        connections[transport] = None

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """It is over."""
        connections.pop(transport, None)


def drained() -> bool:
    """Whether every connection has sent all it was given."""
    return not any(transport.underlying_transport.get_write_buffer_size() for transport in connections)


def send_each(messages: int) -> None:
    """What the library offers: a frame per message and connection."""
    for _ in range(messages):
        for transport in connections:
            transport.send(picows.WSMsgType.TEXT, PAYLOAD)


def write_joined(messages: int) -> None:
    """What its user may build: frames joined once, written past the library."""
    data = FRAME * messages
    for transport in connections:
        transport.underlying_transport.write(data)


async def main(port: int, joined: bool) -> None:
    """Serve until the process ends."""
    publish = write_joined if joined else send_each
    await picows.ws_create_server(lambda request: Listener(), "127.0.0.1", port, backlog=1024)
    async for messages in ticks(drained):
        publish(messages)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2:] == ["joined"]))
