"""A live book in ten lines: python examples/live_book.py [WHERE], by default the built-in exchange."""

import asyncio
import sys

import deltawire


async def main(where: str, changes: int = 5) -> None:
    async with deltawire.open(where) as dw:
        book = dw.book("BTC-PERPETUAL")
        for _ in range(changes):
            print(await book.next(timeout=60))


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sim:seed=7"))
