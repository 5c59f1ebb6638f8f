"""The common part of all simulated venues: contracts, random walks, streams, and what was published."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypedDict
from urllib.parse import parse_qs, urlsplit

import msgspec

from deltawire.ports import Wants
from deltawire.testing.simulators.market import Contract, MarketTrade, PlainBook, SideName, Walk, changes

START_NS = 1_760_000_000_000_000_000
MS_NS = 1_000_000
EVERY_LEVEL = 1 << 30


class PublishedBook(msgspec.Struct):
    """What the subscriber of a book channel has received: the book, and the venue's id of it."""

    book: PlainBook
    id: int


Occasion = Literal["moved", "traded", "second", "listed"]
"""What makes a stream send: its book moved, it traded, a second has passed, an instrument began, ended or changed."""


Phase = Literal["scheduled", "ongoing", "completed"]


class Maintenance(msgspec.Struct, frozen=True):
    """A venue will be, is, or was down, all of it or one instrument; milliseconds since 1970."""

    number: int
    phase: Phase
    begin_ms: int
    end_ms: int
    name: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Maintenance {self.number}"


class Stream(msgspec.Struct, frozen=True):
    """A subscription: the venue's own name of it, its instrument ("" if it is of all), and when it sends."""

    key: str
    name: str
    on: Occasion


class Happening(msgspec.Struct, frozen=True):
    """Something in the market; `name` is "" for the passing of a second.

    A trade that is not the newest of its instrument is stated, with its number.
    """

    on: Occasion
    name: str = ""
    trade: MarketTrade | None = None
    number: int = 0


class Change(msgspec.Struct, frozen=True):
    """What leads from the book published before to the present one: new sizes by price, 0 for removed."""

    before: PublishedBook
    bids: dict[int, int]
    asks: dict[int, int]


class HandshakeError(Exception):
    """The venue has no such address."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


def query_of(url: str) -> dict[str, str]:
    """The first value of each parameter of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def nothing_refused(key: str) -> bool:
    """Refuses no subscription."""
    return False


class Setting(TypedDict, total=False):
    """What every simulated venue takes beside its seed; see `Simulator`."""

    listed: bool
    walks: dict[str, Walk] | None
    refuses: Callable[[str], bool]
    maintenance: Mapping[int, Maintenance] | None


class Simulator:
    """The venue's end of a connection: takes requests, returns frames.

    The caller sets the time and moves the market. With `listed` false it defines no instrument, as in a recording
    without an instrument list. `depth` is the initial number of levels per side.

    Several connections share a market: each gets its `walks`, and `frames` says what a connection's streams send
    after each step of it. `refuses` says of a stream's name whether its subscription is refused.
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

    paths: tuple[str, ...] = ("/",)
    """Where the venue takes WebSocket connections."""

    def __init__(
        self,
        seed: int = 1,
        *,
        listed: bool = True,
        walks: dict[str, Walk] | None = None,
        refuses: Callable[[str], bool] = nothing_refused,
        maintenance: Mapping[int, Maintenance] | None = None,
    ) -> None:
        """`maintenance` are those that are announced or go on, by number; its owner changes it."""
        self.listed = listed
        self.now_ns = START_NS
        self.shared = walks is not None
        self.walks = {contract.name: Walk(contract, seed, self.depth) for contract in self.contracts}
        if walks is not None:
            self.walks = walks
        self.refuses = refuses
        self.maintenance = maintenance if maintenance is not None else {}
        self.streams: dict[str, Stream] = {}
        """What is subscribed, by the streams' names."""
        self._followers: dict[tuple[Occasion, str], tuple[Stream, ...]] = {}
        self._labels: dict[str, str] = {}
        """The stream whose frame of a book is being made, by the book's instrument."""
        self._published: dict[str, PublishedBook] = {}

    # To be defined by each venue's file.

    def replies(self, request: str) -> list[tuple[str, bytes]]:
        """The venue's answer to a frame, as frames, each with the name of its stream, "" if it is of none."""
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

    # What a venue's file may change.

    def announced(self, news: Maintenance) -> list[tuple[str, bytes]]:
        """What the venue says about a maintenance, as frames, each with the name of its stream."""
        return []

    def connected(self, target: str) -> list[bytes]:
        """The frames that greet a connection to this path and query; `HandshakeError` if there is no such path."""
        if urlsplit(target).path not in self.paths:
            raise HandshakeError(404, "Not Found")
        return []

    def addresses(self) -> list[str]:
        """The paths that a user may connect to."""
        return [*self.paths]

    def fetched(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer to an HTTP request; `now_ns` dates it."""
        try:
            return 200, self.body(target)
        except LookupError:
            return 404, b"Not Found"

    def cost(self, target: str) -> tuple[str, int]:
        """The pool of HTTP requests that an address belongs to, and its weight."""
        return "requests", 1

    def too_fast(self, request: str) -> list[bytes] | None:
        """The answer to a message above the venue's limit; None closes the connection."""
        return None

    def too_many(self) -> list[bytes] | None:
        """The answer to a subscription above the venue's limit; None closes the connection."""
        return None

    def arguments(self, request: str) -> list[str]:
        """The streams that a request names, subscribed or not."""
        return []

    def stated(self, used: int) -> list[tuple[str, str]]:
        """The headers of an HTTP answer after so much weight."""
        return []

    def notice(self) -> bytes | None:
        """The frame that announces the end of the connection."""
        return None

    def beat(self) -> bytes | None:
        """The frame that a venue sends once a second if it sends no other."""
        return None

    def renamed(self, old: str, new: str) -> None:
        """An instrument has another name from now on."""

    def _frames(self, stream: Stream, happening: Happening, change: Change | None) -> Iterable[bytes]:
        """What a stream sends after this; `change` is that of its book, if it is one."""
        if stream.on == "traded":
            return [self.trade(happening.name)]
        if stream.on == "second":
            return [self.ticker(stream.name)] if stream.name in self.walks else []
        return (
            [self._delta(self.walks[stream.name], change.before, change.bids, change.asks)] if change else []
        )

    # The same for all venues.

    def answer(self, request: str) -> list[bytes]:
        """The venue's answer to a frame, as frames."""
        return [frame for _, frame in self.replies(request)]

    def frames(self, happenings: Sequence[Happening]) -> list[tuple[str, bytes]]:
        """What the connection's streams send after a step of the market, each frame with the name of its stream."""
        frames: list[tuple[str, bytes]] = []
        for happening in happenings:
            followers = self._followers.get(_place(happening.on, happening.name), ())
            if happening.on == "traded":
                followers += self._followers.get(("traded", ""), ())
            if happening.trade is not None and followers:
                self.walks[happening.name].traded(happening.trade, happening.number)
            moved = happening.on == "moved" and followers and happening.name in self._published
            change = self._change(self.walks[happening.name]) if moved else None
            for stream in followers:
                if stream.on == "moved":
                    self._labels[stream.name] = stream.key
                frames += [(stream.key, frame) for frame in self._frames(stream, happening, change)]
        return frames

    def _follow(self, key: str, name: str, on: Occasion) -> None:
        """Start a stream."""
        self._leave(key)
        stream = self.streams[key] = Stream(key, name, on)
        place = _place(on, name)
        self._followers[place] = (*self._followers.get(place, ()), stream)

    def _leave(self, key: str) -> bool:
        """End a stream; whether there was one."""
        stream = self.streams.pop(key, None)
        if stream is None:
            return False
        place = _place(stream.on, stream.name)
        self._followers[place] = tuple(each for each in self._followers[place] if each is not stream)
        return True

    def _change(self, walk: Walk) -> Change | None:
        """Publish what has changed; None if nothing has."""
        name, step = walk.contract.name, walk.last_step
        before = self._published[name]
        longest = max(map(len, (before.book.bids, before.book.asks, walk.book.bids, walk.book.asks)))
        if self.shared and before.id == step.previous and longest < self._shown(walk):
            book = before.book.copy()
            book.follow(step.bids, step.asks)
            self._published[name] = PublishedBook(book, walk.id)
            return Change(before, step.bids, step.asks)
        now = self._window(walk)
        bids, asks = self._news(walk, now, "bids"), self._news(walk, now, "asks")
        if not bids and not asks:
            return None
        self._published[name] = PublishedBook(now, walk.id)
        return Change(before, bids, asks)

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
        if not self.shared:
            walk.publish()
        self._published[name] = PublishedBook(self._window(walk), walk.id)

    def move(self, name: str) -> None:
        """Move the market without publishing."""
        self.walks[name].move()

    def delta(self, name: str) -> bytes:
        """Move the market until there is a change, and publish it."""
        walk = self.walks[name]
        while True:
            walk.move()
            change = self._change(walk)
            if change is not None:
                break
        frame = self._delta(walk, change.before, change.bids, change.asks)
        walk.publish()
        return frame

    def _window(self, walk: Walk) -> PlainBook:
        """The part of the market's book that a subscriber sees."""
        return walk.book.copy()

    def _shown(self, walk: Walk) -> int:
        """How many levels of a side a subscriber sees at most."""
        return EVERY_LEVEL

    def _news(self, walk: Walk, now: PlainBook, side: SideName) -> dict[int, int]:
        """The sizes to send that lead from the published side to the present one."""
        return changes(getattr(self.book(walk.contract.name), side), getattr(now, side))

    def _next_trade(self, walk: Walk) -> tuple[str, str, bool, int]:
        """Price and size as text, whether the aggressor bought, and a trade id."""
        if not self.shared:
            walk.trade()
        trade, contract = walk.last_trade, walk.contract
        return contract.price(trade.price), contract.size(trade.size), trade.bought, walk.trades

    @property
    def _ms(self) -> int:
        return self.now_ns // MS_NS


def best(walk: Walk) -> tuple[int, int, int, int]:
    """Best bid and its size, best ask and its size; 0 and 0 of an empty side."""
    bid, ask = max(walk.book.bids, default=0), min(walk.book.asks, default=0)
    return bid, walk.book.bids.get(bid, 0), ask, walk.book.asks.get(ask, 0)


def _place(on: Occasion, name: str) -> tuple[Occasion, str]:
    """Where a stream is found that sends on this occasion."""
    return on, name if on in ("moved", "traded") else ""
