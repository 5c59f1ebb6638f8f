"""A live view of one book: what it is now, whether it may be relied on, and when it changes next."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal

from deltawire.errors import FeedError
from deltawire.model.events import BookState, Level, Side
from deltawire.model.instruments import Instrument
from deltawire.session.channel_book import ChannelBook

SHOWN = 5
SECOND_NS = 1_000_000_000
MISSING: tuple[list[Level], list[Level]] = ([], [])


class BookView:
    """One book as it stands. Only while `state` is `live` does it give prices.

    `state` is `syncing` before the first image, `live`, or `stale`, with the server's `reason` and `detail`; while
    there is no connection it is `stale` with the reason `lost`. `verified` says whether the last change was proven by
    the server's checksum.
    """

    def __init__(
        self,
        name: str,
        book: Callable[[], ChannelBook],
        connected: Callable[[], bool],
        *,
        demand: Callable[[], None] = lambda: None,
        depth: int = 0,
    ) -> None:
        """`demand` is called when somebody waits; `depth` is how many levels were asked for, 0 for all there are."""
        self.name = name
        self._book = book
        self._connected = connected
        self._demand = demand
        self._depth = depth
        self._error: Exception | None = None
        self._changed: set[asyncio.Future[None]] = set()

    @property
    def instrument(self) -> Instrument | None:
        """The instrument, None before the first image."""
        return self._book().instrument

    @property
    def state(self) -> BookState:
        """Whether its prices stand for the market."""
        state = self._book().state
        return "stale" if state == "live" and not self._connected() else state

    @property
    def reason(self) -> str:
        """Why it is not live."""
        return "lost" if self._book().state == "live" and not self._connected() else self._book().reason

    @property
    def detail(self) -> str:
        """More of the reason, where there is more to say."""
        return str(self._error) if self._error is not None else self._book().detail

    @property
    def age(self) -> float | None:
        """Seconds since its last change came here, None before the first image."""
        seen_ns = self._book().seen_ns
        return (time.time_ns() - seen_ns) / SECOND_NS if seen_ns else None

    @property
    def verified(self) -> bool:
        """Whether the book as it stands is the server's, by the server's checksum."""
        return self._book().verified

    @property
    def complete_to(self) -> tuple[Decimal | None, Decimal | None] | None:
        """The lowest bid and the highest ask up to which no level is missing; None while the book is not live.

        In place of a price, None says that the whole side is known.
        """
        if self.state != "live":
            return None
        bid, ask = self._book().complete_to(self._depth)
        return None if bid is None else bid.price, None if ask is None else ask.price

    def top(self, depth: int = SHOWN, *, stale: bool = False) -> tuple[list[Level], list[Level]]:
        """The best bids and asks, best first, as far as they are known.

        None while the book is not live, unless `stale` ones will do.
        """
        return self._book().top(depth) if stale or self.state == "live" else MISSING

    @property
    def mid(self) -> Decimal | None:
        """Between the best bid and the best ask; None where one of them is missing."""
        bids, asks = self.top(1)
        return (bids[0].price + asks[0].price) / 2 if bids and asks else None

    @property
    def spread(self) -> Decimal | None:
        """From the best bid to the best ask; None where one of them is missing."""
        bids, asks = self.top(1)
        return asks[0].price - bids[0].price if bids and asks else None

    def vwap(self, side: Side, notional: float) -> float | None:
        """The mean price at which one would `buy` or `sell` for so much of the quote currency, now.

        None while the book is not live, or not known deep enough. `ValueError` where sizes cannot be stated in coins.
        """
        if side not in ("buy", "sell"):
            raise ValueError(f"side is buy or sell, not {side!r}")
        if not notional > 0:
            raise ValueError(f"a notional is above zero, not {notional}")
        book = self._book()
        instrument = book.instrument
        if instrument is None or self.state != "live":
            return None
        if not instrument.measurable:
            raise ValueError(f"nobody has stated how large a contract of {instrument.key} is")
        levels = book.top(max(book.sizes))[1 if side == "buy" else 0]
        base, left = 0.0, float(notional)
        for level in levels:
            coins, worth = instrument.amounts(level.price_float, level.size_lots)
            if worth >= left:
                return notional / (base + coins * left / worth)
            base, left = base + coins, left - worth
        return None

    async def next(self, timeout: float | None = None) -> "BookView":  # noqa: ASYNC109 (as `asyncio.wait_for` has it)
        """The book after its next change; `TimeoutError` when none comes, `FeedError` when none will."""
        if self._error is not None:
            raise self._error
        changed = asyncio.get_running_loop().create_future()
        self._changed.add(changed)
        self._demand()
        try:
            async with asyncio.timeout(timeout):
                await changed
        finally:
            self._changed.discard(changed)
        return self

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for its next change."""
        return any(not changed.done() for changed in self._changed)

    def change(self) -> None:
        """It has changed: tell those who wait."""
        for changed in self._changed:
            if not changed.done():
                changed.set_result(None)

    def fail(self, error: Exception) -> None:
        """Nothing more comes, and why."""
        self._error = error if isinstance(error, FeedError) else FeedError(str(error), retry=False)
        for changed in self._changed:
            if not changed.done():
                changed.set_exception(self._error)

    def __repr__(self) -> str:
        why = ": ".join(filter(None, (self.reason, self.detail)))
        head = f"{self.name}  {self.state}{f' ({why})' if why else ''}"
        if self.age is not None:
            head += f"  {self.age:.1f} s old{'  verified' if self.verified else ''}"
        return "\n".join([head, *_ladder(*self.top(SHOWN))])


def _ladder(bids: list[Level], asks: list[Level]) -> list[str]:
    """Bids left, asks right, best on top."""
    left = [(f"{level.size:f}", f"{level.price:f}") for level in bids]
    right = [(f"{level.price:f}", f"{level.size:f}") for level in asks]
    rows = max(len(left), len(right))
    left += [("", "")] * (rows - len(left))
    right += [("", "")] * (rows - len(right))
    widths = [max((len(row[column]) for row in left + right), default=0) for column in (0, 1)]
    return [
        f"{size:>{max(widths)}} {bid:>{max(widths)}} | {ask:<{max(widths)}} {amount:<{max(widths)}}".rstrip()
        for (size, bid), (ask, amount) in zip(left, right, strict=True)
    ]
