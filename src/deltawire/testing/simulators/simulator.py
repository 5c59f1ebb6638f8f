"""The common part of all simulated venues: contracts, random walks, and what was published."""

import msgspec

from deltawire.ports import Wants
from deltawire.testing.simulators.market import Contract, PlainBook, SideName, Walk, changes

START_NS = 1_760_000_000_000_000_000
MS_NS = 1_000_000


class PublishedBook(msgspec.Struct):
    """What the subscriber of a book channel has received: the book, and the venue's id of it."""

    book: PlainBook
    id: int


class Simulator:
    """The venue's end of a connection: takes requests, returns frames.

    The caller sets the time and moves the market. With `listed` false it defines no instrument, as in a recording
    without an instrument list. `depth` is the initial number of levels per side.
    """

    name = ""
    contracts: tuple[Contract, ...] = ()
    depth = 60
    fetched_images = False
    """Whether images are fetched by GET, separately from the updates."""

    counted_together = False
    """Whether one number counts the messages of all books, so that each is suspect when one is missing."""
    images_only = False
    """Whether every message of a book is a whole image, so that none can be missing."""

    def __init__(self, seed: int = 1, *, listed: bool = True) -> None:
        self.listed = listed
        self.now_ns = START_NS
        self.walks = {contract.name: Walk(contract, seed, self.depth) for contract in self.contracts}
        self._published: dict[str, PublishedBook] = {}

    # To be defined by each venue's file.

    def answer(self, request: str) -> list[bytes]:
        """The venue's answer to a frame, as frames."""
        raise NotImplementedError

    def body(self, url: str) -> bytes:
        """The venue's answer to a GET."""
        raise NotImplementedError

    def image(self, name: str) -> bytes:
        """The frame of a complete book."""
        raise NotImplementedError

    def trade(self, name: str) -> bytes:
        """The frame of another trade, at the best price of one side."""
        raise NotImplementedError

    def ticker(self, name: str) -> bytes:
        """A frame with the best prices, among other data."""
        raise NotImplementedError

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        """The frame of an update that leads from the book published before to the present one."""
        raise NotImplementedError

    # The same for all venues.

    @property
    def instruments(self) -> tuple[str, ...]:
        """The names of all contracts."""
        return tuple(self.walks)

    def wants(self) -> Wants:
        """A request for all instruments and kinds of data."""
        return Wants(self.instruments)

    def book(self, name: str) -> PlainBook:
        """The book that a subscriber has who missed nothing."""
        return self._published[name].book

    def advance(self, now_ns: int) -> None:
        """Set the time."""
        self.now_ns = now_ns

    def subscribe(self, name: str) -> None:
        """Start deltas from the present book."""
        walk = self.walks[name]
        walk.publish()
        self._published[name] = PublishedBook(self._window(walk), walk.id)

    def move(self, name: str) -> None:
        """Move the market without publishing."""
        self.walks[name].move()

    def delta(self, name: str) -> bytes:
        """Move the market until there is a change, and publish it."""
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
        """The sizes to send that lead from the published side to the present one."""
        return changes(getattr(self.book(walk.contract.name), side), getattr(now, side))

    def _next_trade(self, walk: Walk) -> tuple[str, str, bool, int]:
        """Price and size as text, whether the aggressor bought, and a trade id."""
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
