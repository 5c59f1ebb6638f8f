"""A process that places an order per line of standard input and writes its label back once it is on disk."""

import asyncio
import sys
from pathlib import Path

from tests.support.journalled_exchange import JournalledExchange


async def main(directory: str) -> None:
    journalled = JournalledExchange(Path(directory))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    def acknowledge(label: str) -> None:
        sys.stdout.write(label + "\n")
        sys.stdout.flush()

    acknowledge("ready")
    while line := await reader.readline():
        journalled.place(1, line.decode().strip(), acknowledge)
    await journalled.commit.drained()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
