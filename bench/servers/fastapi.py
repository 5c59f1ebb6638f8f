"""FastAPI on uvicorn and uvloop: `send_text` to each connection, as its guide to WebSockets broadcasts."""

import asyncio
import contextlib
import sys

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.servers.message import PAYLOAD
from bench.servers.ticking import ticks

app = FastAPI()
connections: list[WebSocket] = []
TEXT = PAYLOAD.decode()


@app.websocket("/")
async def handle(websocket: WebSocket) -> None:
    """Keep a connection among those that are sent to."""
    await websocket.accept()
    connections.append(websocket)
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()
    connections.remove(websocket)


async def publish() -> None:
    """Send a tick's messages; `send_text` waits by itself where a connection does not drain."""
    async for messages in ticks(lambda: True):
        for _ in range(messages):
            for websocket in connections:
                await websocket.send_text(TEXT)


async def main(port: int) -> None:
    """Serve until the process ends."""
    config = uvicorn.Config(
        app, "127.0.0.1", port, log_level="warning", ws_per_message_deflate=False, ws_ping_interval=None
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(uvicorn.Server(config).serve())
        group.create_task(publish())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
