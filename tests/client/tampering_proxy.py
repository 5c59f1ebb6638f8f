"""A proxy: passes bytes both ways, and may change, drop, repeat or add frames that a server sends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from deltawire.wire.frames import frame
from tests.support.frames import Frame, take_frames

Tamper = Callable[[Frame], Iterable[Frame]]


@asynccontextmanager
async def tampering_proxy(port: int, tamper: Tamper) -> AsyncIterator[str]:
    """Run a proxy in front of a server; yields the address to connect to instead."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await asyncio.gather(_pass(reader, ours), _answers(theirs, writer, tamper))
        ours.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tamper: Tamper) -> None:
    writer.write(await reader.readuntil(b"\r\n\r\n"))
    held = bytearray()
    while data := await reader.read(1 << 16):
        held += data
        for each in take_frames(held):
            for sent in tamper(each):
                writer.write(frame(sent.opcode, sent.payload))
    writer.close()
