"""A program as a user writes it: mypy --strict must find no `Any` in it that comes from deltawire."""

import asyncio
from decimal import Decimal

import deltawire
import deltawire.sync


async def main() -> None:
    async with deltawire.open("ws://desk:8080", login=deltawire.Login("id", "secret")) as dw:
        sub = await dw.subscribe("book.BTC-PERPETUAL.raw", "trades.*.raw", queue=100, on_full="conflate")
        async for item in sub:
            match item:
                case deltawire.BookImage() | deltawire.BookDelta():
                    sequence: int = item.sequence
                    print(sequence)
                case deltawire.Trade():
                    worth: Decimal = item.price * item.size
                    print(worth)
                case deltawire.UserTrade():
                    fee: Decimal = item.fee
                    print(fee)
                case deltawire.AccountChanges():
                    sizes: list[Decimal] = [order.amount for order in item.orders]
                    held: Decimal = item.position.size if item.position else Decimal()
                    print(sizes, held)
                case deltawire.Balance():
                    equity: Decimal = item.equity
                    print(equity)
                case deltawire.Outage():
                    reason: str = item.reason
                    print(reason)
                case deltawire.Gap() | deltawire.Recovered() | deltawire.Status():
                    print(item)
                case _:
                    pass
        book = dw.book("BTC-PERPETUAL")
        bids, asks = (await book.next(timeout=1.0)).top(3)
        best: Decimal = bids[0].price
        size: Decimal = asks[0].size
        average: float | None = book.vwap("buy", 1000)
        order: deltawire.Order = await dw.buy("BTC-PERPETUAL", 10, best, post_only=True)
        order = await dw.edit(order, amount=20)
        order = await dw.cancel(order)
        count: int = await dw.cancel_all()
        margins: list[Decimal] = [position.initial_margin for position in await dw.positions()]
        balance: Decimal = (await dw.balance("BTC")).balance
        print(size, average, order.price, count, margins, balance)

        def handler(item: deltawire.Item) -> None:
            print(item)

        listener = await dw.on("user.trades.any.any.raw", handler, error=print)
        await listener.close()
        collected = await sub.collect(seconds=1.0)
        print(len(collected.table("trades")), list(collected))


def plain() -> None:
    with deltawire.sync.open("sim:seed=7") as dw:
        sub = dw.subscribe("trades.*.raw")
        for item in sub:
            if isinstance(item, deltawire.Trade):
                print(item.price)
        order = dw.buy("BTC-PERPETUAL", Decimal(10))
        filled: Decimal = dw.cancel(order).filled
        book = dw.book("BTC-PERPETUAL").next(1.0)
        mid: Decimal | None = book.mid
        print(filled, mid, dw.orders()[0].label)


for event in deltawire.replay("recording.gz", "deribit"):
    if isinstance(event, deltawire.Trade):
        print(event.price)
asyncio.run(main())
plain()
