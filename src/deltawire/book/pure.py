"""The kernel in pure Python: the levels of one side, and changes collected until they are published.

`deltawire.book._kernel` has the same classes, compiled, with the same results; `kernel.py` selects.

A side is a dict of sizes by price, with a sorted window over the best prices (`near`). Most updates change levels far
from the top and cost one dict store; the best price and the best few are read from the window. When the window is
nearly empty it is rebuilt from the dict, and when it is large it is cut.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest, nsmallest
from typing import Any, Literal

import msgspec

from deltawire.model.events import BookDelta, Changes, Levels
from deltawire.model.instruments import Instrument
from deltawire.model.known_range import WHOLE, KnownRange

Action = Literal["new", "change", "delete"]
Form = Literal["text_pairs", "text_rows", "number_objects", "action_rows"]
Declared = Sequence[tuple[str, str, str, bool, bool, "Declared"]]
"""The members of an object in a frame.

Each with its key (with quotes and colon), its role, the text before its value, whether a quote follows the value,
whether the member is required, and the members of the object in it.
"""
MEASURED = -8
"""The exponent down to which `read_places` guarantees that every number fits."""
_LOW, _KEEP, _HIGH = 32, 128, 384
_BEYOND = 1 << 200


def changes_between(before: Mapping[int, int], after: Mapping[int, int]) -> Changes:
    """The changes of every price in `after` with a different size; a price that is missing in `before` had size 0."""
    prices = [price for price, size in after.items() if size != before.get(price, 0)]
    return Changes(prices, [after[price] for price in prices], [before.get(price, 0) for price in prices])


def join_changes(one: Changes, other: Changes) -> Changes:
    """Changes of one side that touch different prices, together."""
    return Changes(one.prices + other.prices, one.sizes + other.sizes, one.previous + other.previous)


def level_digits(levels: Levels, count: int) -> bytes:
    """Ticks and lots of the best `count` levels, concatenated as text."""
    best = zip(levels.prices[:count], levels.sizes[:count], strict=True)
    return "".join([f"{price}{size}" for price, size in best]).encode()


class Side:
    """One side of a book, bids or asks; prices in ticks, sizes in lots, never a size of zero."""

    __slots__ = ("_best", "_bid", "_levels", "_near", "_near_high", "_near_low", "_texts", "version")

    def __init__(self, *, bid: bool) -> None:
        self._bid = bid
        self._texts: dict[int, tuple[str, str]] = {}
        self._best = -1 if bid else 0
        self.version = 0
        """Number of changes: the same number of the same side means the same levels."""
        self.load((), ())

    def load(self, prices: Sequence[int], sizes: Sequence[int]) -> None:
        """Replace all levels; if a price occurs twice the last size is used, and zero means no level."""
        self.version += 1
        self._levels = {price: size for price, size in dict(zip(prices, sizes, strict=True)).items() if size}
        self._window(self._nearest(_KEEP))

    def apply(self, prices: Iterable[int], sizes: Iterable[int]) -> Changes:
        """Set sizes in order (0 removes) and return the actual changes, with the sizes before."""
        levels, near, low, high = self._levels, self._near, self._near_low, self._near_high
        get = levels.get
        changed: list[int] = []
        now: list[int] = []
        previous: list[int] = []
        for price, size in zip(prices, sizes, strict=True):
            before = get(price, 0)
            if size == before:
                continue
            if not size:
                del levels[price]
                if low <= price <= high:
                    del near[bisect_left(near, price)]
            else:
                levels[price] = size
                if not before and low <= price <= high:
                    insort(near, price)
            changed.append(price)
            now.append(size)
            previous.append(before)
        if changed:
            self.version += 1
        if len(near) > _HIGH:
            self._window(near)
        elif len(near) < _LOW and len(near) < len(levels):
            self._window(self._nearest(_KEEP))
        return Changes(changed, now, previous)

    def read(self, form: Form, raw: bytes, price_exponent: int, size_exponent: int) -> bool:
        """Replace all levels by those of a level array.

        Returns False, without changes, if its reader must handle it.
        """
        return False

    def become(self, levels: Levels) -> None:
        """Replace all levels by these."""
        self.load(levels.prices, levels.sizes)

    def follow(self, changes: Changes) -> bool:
        """Do changes that have been verified elsewhere; returns whether the best level is another now."""
        best = self.best()
        before = best, self._levels.get(best or 0)
        self.apply(changes.prices, changes.sizes)
        best = self.best()
        return before != (best, self._levels.get(best or 0))

    def revert(self, changes: Changes) -> None:
        """Undo what `apply` returned; nothing may have changed in between."""
        self.apply(reversed(changes.prices), reversed(changes.previous))

    def diff(self, levels: Levels) -> Changes:
        """The changes that lead from this side to these levels, best first, without applying them."""
        target = dict(zip(levels.prices, levels.sizes, strict=True))
        removed = sorted((price for price in self._levels if price not in target), reverse=self._bid)
        wanted = dict.fromkeys(removed, 0) | target
        return changes_between(self._levels, wanted)

    def truncate(self, depth: int) -> Changes:
        """Drop all levels beyond the best `depth`."""
        if len(self._levels) <= depth:
            return Changes([], [], [])
        beyond = self.levels().prices[depth:]
        return self.apply(beyond, [0] * len(beyond))

    def copy(self) -> "Side":
        """A copy with the same levels."""
        twin = Side(bid=self._bid)
        twin.load(list(self._levels), list(self._levels.values()))
        return twin

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Convert to finer ticks and lots."""
        levels = self._levels
        self._texts = {price * price_factor: text for price, text in self._texts.items()}
        self.load([p * price_factor for p in levels], [s * size_factor for s in levels.values()])

    def note(
        self, prices: Sequence[int], texts: Sequence[tuple[str, str]], exponents: tuple[int, int]
    ) -> None:
        """Store the texts of these levels (price, size), from which the venue's checksum is computed.

        The exponents are those of ticks and lots. Texts of missing levels are not stored.
        """
        for price, text in zip(prices, texts, strict=True):
            if price in self._levels:
                self._texts[price] = text
            else:
                self._texts.pop(price, None)

    def text(self, price: int) -> str:
        """The last text of a level: `price:size`."""
        return ":".join(self._texts[price])

    def best(self) -> int | None:
        """The best price in ticks, or None when the side is empty."""
        return self._near[self._best] if self._near else None

    def size(self, price: int) -> int:
        """The size at a price in lots; 0 without a level."""
        return self._levels.get(price, 0)

    def top(self, count: int) -> list[int]:
        """The best `count` prices, best first; fewer if the side has fewer."""
        near = self._near
        if count > len(near) < len(self._levels):
            near = self._nearest(count)
        return near[: -count - 1 : -1] if self._bid else near[:count]

    def digits(self, count: int) -> bytes:
        """Ticks and lots of the best `count` levels, concatenated as text."""
        levels = self._levels
        return "".join([f"{price}{levels[price]}" for price in self.top(count)]).encode()

    def levels(self, depth: int | None = None) -> Levels:
        """The side as columns, best first; with `depth`, at most that many levels."""
        prices = self.top(len(self._levels) if depth is None else depth)
        return Levels(prices, [self._levels[price] for price in prices])

    def __len__(self) -> int:
        return len(self._levels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Side) and self._bid == other._bid and self._levels == other._levels

    __hash__ = None  # type: ignore[assignment]

    def _nearest(self, count: int) -> list[int]:
        """The best `count` prices in ascending order, from all levels."""
        if count >= len(self._levels):
            return sorted(self._levels)
        return nlargest(count, self._levels)[::-1] if self._bid else nsmallest(count, self._levels)

    def _window(self, ordered: list[int]) -> None:
        """Store the best of the ordered prices as the window, with the range in which it is complete."""
        near = ordered[-_KEEP:] if self._bid else ordered[:_KEEP]
        whole = len(near) == len(self._levels)
        self._near = near
        self._near_low = near[0] if self._bid and not whole else -_BEYOND
        self._near_high = near[-1] if not self._bid and not whole else _BEYOND


class Pending:
    """Changes to one side since it was last published: every changed price with its size at that time."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: dict[int, int] = {}

    def add(self, changes: Changes) -> None:
        """Record changes that were just applied to the side."""
        before = self._before
        for price, previous in zip(changes.prices, changes.previous, strict=True):
            before.setdefault(price, previous)

    def follow(self, later: "Pending") -> None:
        """Record later changes that were recorded elsewhere."""
        self._before = later._before | self._before

    def take(self, side: Side) -> Changes:
        """The changes from the published side to the present one, which is then the published one."""
        before, self._before = self._before, {}
        return changes_between(before, {price: side.size(price) for price in before})

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Convert to finer ticks and lots, like the side."""
        self._before = {price * price_factor: size * size_factor for price, size in self._before.items()}

    def published(self, side: Side, depth: int | None = None) -> Levels:
        """The side as last published."""
        if not self._before:
            return side.levels(depth)
        restored = side.copy()
        restored.apply(self._before.keys(), self._before.values())
        return restored.levels(depth)

    def size(self, side: Side, price: int) -> int:
        """The size at a price as last published."""
        before = self._before.get(price)
        return side.size(price) if before is None else before

    def before(self) -> dict[int, int]:
        """Every changed price with its published size."""
        return self._before

    def __bool__(self) -> bool:
        return bool(self._before)


class Top:
    """The best levels of a side as last published; what `Pending` is for the whole side."""

    __slots__ = ("_depth", "_published", "_touched")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._published: dict[int, int] = {}
        self._touched = False

    def add(self, changes: Changes) -> None:
        """The side has changed, perhaps among its best levels."""
        self._touched = self._touched or bool(changes)

    def take(self, side: Side) -> Changes:
        """The changes from the published best levels to the present ones, which are then the published ones."""
        levels = side.levels(self._depth)
        now = dict(zip(levels.prices, levels.sizes, strict=True))
        before, self._published, self._touched = self._published, now, False
        removed = dict.fromkeys((price for price in before if price not in now), 0)
        return changes_between(before, removed | now)

    def rescale(self, price_factor: int, size_factor: int) -> None:
        """Convert to finer ticks and lots."""
        self._published = {p * price_factor: size * size_factor for p, size in self._published.items()}

    def published(self, side: Side, depth: int | None = None) -> Levels:
        """The levels last published, best first."""
        return Levels(list(self._published)[:depth], list(self._published.values())[:depth])

    def size(self, side: Side, price: int) -> int:
        """The size at a price as last published."""
        return self._published.get(price, 0)

    def __bool__(self) -> bool:
        return self._touched


class Track:
    """One book on the fast path: there is none in pure Python, so nothing is ever enabled."""

    enabled = False
    sequence = 0
    last = 0
    known = WHOLE

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def enable(
        self,
        label: str,
        instrument: Instrument,
        bids: Side,
        asks: Side,
        depth: int,
        sequence: int,
        last: int,
        bridged: bool,
        known: KnownRange = WHOLE,
    ) -> None:
        """The book is live and stands as given: messages may take the fast path from here."""

    def counted(self) -> tuple[int, int]:
        """Deltas and right checksums since this was last asked."""
        return 0, 0

    def stop(self) -> None:
        """No message takes the fast path until `enable`."""


class Image(msgspec.Struct, frozen=True, gc=False):
    """A book image as the kernel has read it, whole, and found it right: not crossed, its checksum its own.

    `label` is the text of that member, `last` the venue's number, `proved` whether it came with a checksum.
    """

    symbol: str
    label: str
    bids: Side
    asks: Side
    bid_levels: Levels
    ask_levels: Levels
    last: int
    venue_ns: int
    proved: bool


class Router:
    """One connection's frames: book messages on the fast path, and what goes the slower one to `otherwise`.

    `expect` says what a symbol's image on a label is to be read as: its instrument, and how deep it goes (0: whole),
    or None where it must not be read here; `opened` is handed an image that has been read and found right. In pure
    Python every frame goes the slower way.
    """

    def __init__(
        self,
        form: Form,
        rule: str,
        proof: str,
        updates: Sequence[Declared],
        images: Sequence[Declared],
        *,
        otherwise: Callable[[bytes, int], list[Any]],
        expect: Callable[[str, str], tuple[Instrument, int] | None],
        opened: Callable[[Image, int], list[Any]],
    ) -> None:
        self.recent: Track | None = None
        """The track of the message taken last."""
        self.taken = 0
        """Messages taken."""
        self.imaged = 0
        """Images read."""
        self.heard_ns: int | None = None
        """When the last frame came, unless its owner says otherwise."""
        self.took: Callable[[list[BookDelta], int], list[Any]] | None = None
        """Is told what a message on the fast path gave, and answers with what comes of it; None: just that."""
        self._otherwise = otherwise

    def track(self, symbol: str) -> Track:
        """The track of a book, made when it is first asked for."""
        return Track(symbol)

    def received(self, frame: bytes, now: int) -> list[Any]:
        """What a frame gives, whichever way it goes."""
        self.heard_ns = now
        return self._otherwise(frame, now)


def read_columns(
    form: Form, raw: bytes, price_exponent: int, size_exponent: int
) -> tuple[list[int], list[int], list[Action] | None] | None:
    """A level array as (prices, sizes, actions), or None when its reader must judge it: in pure Python always."""
    return None


def read_places(form: Form, raw: bytes) -> tuple[int, int] | None:
    """How many digits a level array shows behind the point, at most: of prices and of sizes.

    None when its texts must be looked at one by one: in pure Python always. Otherwise no more than `MEASURED` means,
    and every number of the array fits 64 bits at that.
    """
    return None
