"""What all simulated venues share: contracts, their walks, and what the other end has been told."""

import msgspec

from deltawire.ports import Wants
from deltawire.testing.simulators.market import Contract, PlainBook, SideName, Walk, changes

START_NS = 1_760_000_000_000_000_000
MS_NS = 1_000_000


class PublishedBook(msgspec.Struct):
    """What the subscriber of a book channel has been told: the book, and the venue's number of it."""

    book: PlainBook
    id: int


class Simulator:
    """One venue's end of a connection, on the wire: requests in, frames out.

    Whoever holds it says how late it is and when the market moves. With `listed` false it defines no
    instrument, as in a recording that was begun too late. `depth` is how many levels a side begins with.
    """

    name = ""
    contracts: tuple[Contract, ...] = ()
    depth = 60
    fetched_images = False
    """Whether images come by GET, apart from the updates."""

    def __init__(self, seed: int = 1, *, listed: bool = True) -> None:
        self.listed = listed
        self.now_ns = START_NS
        self.walks = {contract.name: Walk(contract, seed, self.depth) for contract in self.contracts}
        self._published: dict[str, PublishedBook] = {}

    # What a venue's own file fills in.

    def answer(self, request: str) -> list[bytes]:
        """The frames with which the venue answers a frame sent to it."""
        raise NotImplementedError

    def body(self, url: str) -> bytes:
        """What the venue answers to a GET."""
        raise NotImplementedError

    def image(self, name: str) -> bytes:
        """The frame of a whole book."""
        raise NotImplementedError

    def trade(self, name: str) -> bytes:
        """The frame of one more trade, at the best price of one side."""
        raise NotImplementedError

    def ticker(self, name: str) -> bytes:
        """A frame that states the best prices, among other things."""
        raise NotImplementedError

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        """The frame of an update that sets these sizes, from what was told before to what is told now."""
        raise NotImplementedError

    # What is the same everywhere.

    @property
    def instruments(self) -> tuple[str, ...]:
        """Every contract's name."""
        return tuple(self.walks)

    def wants(self) -> Wants:
        """A wish for everything there is."""
        return Wants(self.instruments)

    def book(self, name: str) -> PlainBook:
        """The book that a subscriber who has missed nothing holds."""
        return self._published[name].book

    def advance(self, now_ns: int) -> None:
        """It is `now_ns`."""
        self.now_ns = now_ns

    def subscribe(self, name: str) -> None:
        """From now on deltas start from the book as it is."""
        walk = self.walks[name]
        walk.publish()
        self._published[name] = PublishedBook(self._window(walk), walk.id)

    def move(self, name: str) -> None:
        """Move the market, and tell nobody yet."""
        self.walks[name].move()

    def delta(self, name: str) -> bytes:
        """Move the market until there is something to tell, and tell it."""
        walk, before = self.walks[name], self._published[name]
        while True:
            walk.move()
            now = self._window(walk)
            bids, asks = self._news(walk, now, "bids"), self._news(walk, now, "asks")
            if bids or asks:
                break
        self._published[name] = PublishedBook(now, walk.id)
        return self._delta(walk, before, bids, asks)

    def _window(self, walk: Walk) -> PlainBook:
        """The part of the market's book that a subscriber sees."""
        return walk.book.copy()

    def _news(self, walk: Walk, now: PlainBook, side: SideName) -> dict[int, int]:
        """The sizes to send, so that the side told before becomes the side as it is now."""
        return changes(getattr(self.book(walk.contract.name), side), getattr(now, side))

    def _next_trade(self, walk: Walk) -> tuple[str, str, bool, int]:
        """Price and size as text, whether the aggressor bought, and a number."""
        walk.trades += 1
        bought = walk.trades % 3 != 0
        price = min(walk.book.asks) if bought else max(walk.book.bids)
        contract = walk.contract
        return contract.price(price), contract.size(walk.trades % 7 + 1), bought, walk.trades

    @property
    def _ms(self) -> int:
        return self.now_ns // MS_NS


def best(walk: Walk) -> tuple[int, int, int, int]:
    """Best bid and its size, best ask and its size."""
    bid, ask = max(walk.book.bids), min(walk.book.asks)
    return bid, walk.book.bids[bid], ask, walk.book.asks[ask]
