"""A client that has not taken in everything when it is done."""

import asyncio

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from deltawire.client import Client, connect
from deltawire.errors import FeedError
from tests.support.waiting import HANG_S


def notification(seq: int) -> str:
    params = {"channel": "c", "data": "x" * 1000, "epoch": "e", "seq": seq, "prev_seq": seq - 1}
    return msgspec.json.encode({"method": "subscription", "params": params}).decode()


async def flood(connection: ServerConnection) -> None:
    for seq in range(2000):
        await connection.send(notification(seq))
    await connection.wait_closed()


async def flood_with_a_slip(connection: ServerConnection) -> None:
    await connection.send(notification(0))
    for seq in range(5, 2005):
        await connection.send(notification(seq))
    await connection.wait_closed()


def waits_for_ever(client: Client) -> None:
    """From now on nothing cuts a closing handshake short that waits."""
    client.wire.close_timeout = None  # type: ignore[attr-defined]


async def test_closing_does_not_wait_for_what_nobody_reads() -> None:
    async with serve(flood, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(HANG_S), connect(f"127.0.0.1:{port}") as client:
            waits_for_ever(client)
            assert (await anext(aiter(client))).seq == 0


async def test_closing_after_a_slip_does_not_wait_either() -> None:
    async with serve(flood_with_a_slip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(HANG_S), connect(f"127.0.0.1:{port}") as client:
            waits_for_ever(client)
            notes = aiter(client)
            assert (await anext(notes)).seq == 0
            with pytest.raises(FeedError, match="seq 5 follows 4, not 0"):
                await anext(notes)
