"""A server that says what the test tells it to: what real ones say only when something is wrong."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Script = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[str]:
    """Serve each connection with a script; yields the server's address."""
    async with serve(script, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"127.0.0.1:{port}"


async def next_request(connection: ServerConnection) -> dict[str, Any]:
    """The next request of the client."""
    found: dict[str, Any] = json.loads(await connection.recv())
    return found


async def answer(connection: ServerConnection, request: dict[str, Any], result: Any) -> None:
    """Answer a request."""
    await connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


async def notify(connection: ServerConnection, channel: str, data: Any, **more: Any) -> None:
    """Send a notification."""
    params = {"channel": channel, "data": data} | more
    await connection.send(json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}))
