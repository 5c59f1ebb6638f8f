"""A market maker on the built-in exchange: quotes both sides around the mid, and leans against its position.

python examples/market_maker.py [WHERE] [SECONDS]. On a server of yours set DELTAWIRE_CLIENT_ID and
DELTAWIRE_CLIENT_SECRET to a key of an account; `sim:` has one.
"""

import asyncio
import os
import sys
from decimal import Decimal

import deltawire

NAME = "BTC-PERPETUAL"
TICK, HALF_SPREAD, SIZE, MOST = Decimal("0.5"), Decimal(5), Decimal(100), Decimal(1000)


class Quotes:
    """One order on each side, moved when its price is another."""

    def __init__(self, dw: deltawire.Connection) -> None:
        self._dw = dw
        self._orders: dict[str, deltawire.Order] = {}
        self.position = Decimal(0)
        self.trades = 0

    async def keep(self, side: str, price: Decimal | None) -> None:
        """Have an order at this price, or none."""
        order = self._orders.get(side)
        if order is not None and order.price == price:
            return
        try:
            if price is None:
                if order is not None:
                    await self._dw.cancel(self._orders.pop(side))
            elif order is not None:
                self._orders[side] = await self._dw.edit(order, amount=SIZE, price=price, post_only=True)
            else:
                place = self._dw.buy if side == "buy" else self._dw.sell
                self._orders[side] = await place(NAME, SIZE, price, post_only=True)
        except deltawire.RequestError:  # it was filled meanwhile, or would have taken: see what is there
            self._orders = {each.side: each for each in await self._dw.orders(NAME)}

    def traded(self, item: deltawire.Item) -> None:
        """A quote was hit."""
        if isinstance(item, deltawire.UserTrade):
            self.position += item.amount if item.side == "buy" else -item.amount
            self.trades += 1
            order = self._orders.get(item.side)
            if order is not None and order.order_id == item.order_id:
                del self._orders[item.side]
            print(f"{item}  position {self.position:+}")


async def main(where: str, seconds: float) -> None:
    key = os.environ.get("DELTAWIRE_CLIENT_ID")
    login = deltawire.Login(key, os.environ["DELTAWIRE_CLIENT_SECRET"]) if key else None
    async with deltawire.open(where, login=login) as dw:
        book, quotes = dw.book(NAME), Quotes(dw)
        await dw.on(f"user.trades.{NAME}.raw", quotes.traded)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await book.next()
                    mid = book.mid
                    lean = TICK * round(quotes.position / SIZE)
                    if mid is None:  # the book is not live: no quotes in the dark
                        bid = ask = None
                    else:
                        bid = (mid - HALF_SPREAD - lean) // TICK * TICK if quotes.position < MOST else None
                        ask = (mid + HALF_SPREAD - lean) // TICK * TICK if quotes.position > -MOST else None
                    await quotes.keep("buy", bid)
                    await quotes.keep("sell", ask)
        except TimeoutError:
            pass
        finally:
            await dw.cancel_all(NAME)
        balance = await dw.balance("BTC")
        print(f"{quotes.trades} trades, position {quotes.position:+}, equity {balance.equity} BTC")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(
        main(arguments[0] if arguments else "sim:seed=7", float(arguments[1]) if arguments[1:] else 30)
    )
