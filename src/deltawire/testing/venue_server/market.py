"""The market behind a simulated venue: its contracts, what moves them, and every book that was published."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from random import Random

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
from deltawire.testing.simulators.simulator import START_NS, Happening

SECOND_NS = 1_000_000_000
HOUR_S = 3_600.0
KEPT = 4_096
"""Books of an instrument that can be looked up."""
GUARD = 40.0
"""Steps of price from the drifting middle at which all who take a level go back towards it."""


class Published(msgspec.Struct, frozen=True):
    """A step of one book: the venue's id and time behind it, and the sizes that changed."""

    at_ns: int
    id: int
    bids: dict[int, int]
    asks: dict[int, int]


class History:
    """The books of one instrument: the oldest one kept, and what led from it to the present one."""

    def __init__(self, walk: Walk, now_ns: int, kept: int) -> None:
        self._kept = kept
        self._base = walk.book.copy()
        self._first = Published(now_ns, walk.id, {}, {})
        self.steps: deque[Published] = deque()
        self._found = self._base.copy()
        """The book after so many steps: the last one that was looked up, since most ask for later and later ones."""
        self._after = 0

    def add(self, step: Published) -> None:
        """Note a step."""
        self.steps.append(step)
        if len(self.steps) > self._kept:
            self._first = self.steps.popleft()
            self._base.follow(self._first.bids, self._first.asks)
            if self._after:
                self._after -= 1
            else:
                self._found.follow(self._first.bids, self._first.asks)

    def until(self, wanted: Callable[[Published], bool]) -> tuple[int, PlainBook]:
        """The id and the book after the last step that is wanted; after one that is not, none is."""
        if self._after and not wanted(self.steps[self._after - 1]):
            self._rewind()
        for step in islice(self.steps, self._after, None):
            if not wanted(step):
                break
            self._found.follow(step.bids, step.asks)
            self._after += 1
        number = self.steps[self._after - 1].id if self._after else self._first.id
        return number, self._found.copy()

    def _rewind(self) -> None:
        self._found, self._after = self._base.copy(), 0

    def whole(self) -> Iterable[tuple[Published, PlainBook]]:
        """Every step that is kept, with the book behind it; the book is the same object, changed."""
        book = self._base.copy()
        yield self._first, book
        for step in self.steps:
            book.follow(step.bids, step.asks)
            yield step, book


class Market:
    """Books that walk at random from a seed, with a drift; the same seed gives the same market.

    `moves_per_s` is for each instrument. `drift` is in basis points per hour. `depth` is the number of levels per
    side: no side stays below it for long, so that the book goes on beyond what an image shows.
    """

    def __init__(
        self,
        contracts: Sequence[Contract],
        seed: int = 1,
        *,
        depth: int = 60,
        moves_per_s: float = 5.0,
        drift: float = 0.0,
        kept: int = KEPT,
        start_ns: int = START_NS,
    ) -> None:
        self.now_ns = self._start_ns = start_ns
        self.walks: dict[str, Walk] = {}
        self.ended: dict[str, Contract] = {}
        self._seed, self._depth, self._kept = seed, depth, kept
        self._moves_per_s, self._drift = moves_per_s, drift
        self._random = Random(f"{seed} market")
        self._histories: dict[str, History] = {}
        self._listed: list[Happening] = []
        for contract in contracts:
            self.begin(contract)
        self._listed.clear()

    def begin(self, contract: Contract) -> None:
        """Begin an instrument."""
        walk = self.walks[contract.name] = Walk(contract, self._seed, self._depth)
        walk.publish()
        self._renew(contract.name)
        self._listed.append(Happening("listed", contract.name))

    def _renew(self, name: str) -> None:
        """Keep books from the present one on."""
        self._histories[name] = History(self.walks[name], self.now_ns, self._kept)

    def expire(self, name: str) -> None:
        """End an instrument."""
        self.ended[name] = self.walks.pop(name).contract
        self._listed.append(Happening("listed", name))

    def rename(self, old: str, new: str) -> None:
        """Give an instrument another name; its book and its ids go on."""
        walk = self.walks.pop(old)
        self.ended[old] = walk.contract
        walk.renamed(msgspec.structs.replace(walk.contract, name=new))
        self.walks[new] = walk
        self._histories[new] = self._histories[old]
        self._listed += [Happening("listed", old), Happening("listed", new)]

    def step(self, now_ns: int) -> list[Happening]:
        """Move everything to this time; returns what happened, in order."""
        passed_s = (now_ns - self.now_ns) / SECOND_NS
        second = now_ns // SECOND_NS > self.now_ns // SECOND_NS
        self.now_ns = now_ns
        happenings, self._listed = self._listed, []
        happenings += self._pass(passed_s)
        return [*happenings, Happening("second")] if second else happenings

    def book(self, name: str, number: int) -> PlainBook:
        """The book at a venue's id; KeyError if it is not one of those kept."""
        found, book = self._histories[name].until(lambda step: step.id <= number)
        if found != number:
            raise KeyError(f"{name} had no book {number}")
        return book

    def book_at(self, name: str, at_ns: int) -> tuple[int, PlainBook]:
        """The id and the book at a time, to the venue's millisecond or finer."""
        return self._histories[name].until(lambda step: step.at_ns <= at_ns)

    def books(self, name: str) -> Iterable[tuple[Published, PlainBook]]:
        """Every step of an instrument that is kept, with the book behind it, one after the other."""
        return self._histories[name].whole()

    def _pass(self, passed_s: float) -> list[Happening]:
        """Let time pass."""
        return [each for name, walk in self.walks.items() for each in self._move(name, walk, passed_s)]

    def _move(self, name: str, walk: Walk, passed_s: float) -> list[Happening]:
        moves = self._moves(passed_s)
        if not moves:
            return []
        walk.lean_to(self._lean(walk))
        walk.publish()
        number = walk.id
        for touched in walk.touched:
            touched.clear()
        for _ in range(moves):
            walk.move()
        walk.extend(self._depth)
        bids, asks = (
            {price: now.get(price, 0) for price in sorted(then) if then[price] != now.get(price, 0)}
            for then, now in zip(walk.touched, (walk.book.bids, walk.book.asks), strict=True)
        )
        self._publish(name, number, bids, asks)
        happenings = [Happening("moved", name)]
        if self._random.random() < 0.3:
            walk.trade()
            happenings.insert(0, Happening("traded", name))
        return happenings

    def _publish(self, name: str, previous: int, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Note what has changed in a book."""
        walk = self.walks[name]
        walk.stepped(previous, bids, asks)
        self._histories[name].add(Published(self.now_ns, walk.id, bids, asks))

    def _moves(self, passed_s: float) -> int:
        """How many moves fall into this time."""
        due = self._moves_per_s * passed_s
        return int(due) + (self._random.random() < due - int(due))

    def _lean(self, walk: Walk) -> float:
        """The share of buyers that keeps the middle near where the drift has led it."""
        if not self._drift:
            return 0.5
        contract = walk.contract
        hours = (self.now_ns - self._start_ns) / SECOND_NS / HOUR_S
        due = contract.start * (1 + self._drift * hours / 10_000)
        away = (due - max(walk.book.bids)) / contract.step
        return min(1.0, max(0.0, 0.5 + away / GUARD / 2))
