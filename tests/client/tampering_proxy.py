"""Somebody on the line: passes bytes both ways, and may change, drop, repeat or add frames that a server sends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from deltawire.wire.frames import frame
from tests.support.frames import Frame, take_frames

Meddle = Callable[[Frame], Iterable[Frame]]


@asynccontextmanager
async def meddler(port: int, meddle: Meddle) -> AsyncIterator[str]:
    """Stand before a server; yields the address to connect to instead."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await asyncio.gather(_pass(reader, ours), _answers(theirs, writer, meddle))
        ours.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meddle: Meddle) -> None:
    writer.write(await reader.readuntil(b"\r\n\r\n"))
    held = bytearray()
    while data := await reader.read(1 << 16):
        held += data
        for each in take_frames(held):
            for found in meddle(each):
                writer.write(frame(found.opcode, found.payload))
    writer.close()
