"""A venue whose images are cut to a few levels, and what it sends while its market leaves them."""

from collections.abc import Iterable, Iterator
from random import Random

import msgspec

from deltawire.model.events import BookDelta, BookImage, Event, Status
from deltawire.ports import Venue

NAME = "BTCUSDT"
LIMIT = 5
"""The least limit of the venue's images."""


class Truth:
    """The whole book of the venue, which nobody but the venue has; it moves through its levels, and back."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.middle = 1000
        self.bids = {1000 - at: random.randint(1, 9) for at in range(1, 60, random.randint(1, 3))}
        self.asks = {1000 + at: random.randint(1, 9) for at in range(1, 60, random.randint(1, 3))}
        self.id = 100

    def image(self) -> bytes:
        """The best levels of both sides."""
        bids = sorted(self.bids.items(), reverse=True)[:LIMIT]
        asks = sorted(self.asks.items())[:LIMIT]
        return msgspec.json.encode({"lastUpdateId": self.id, "bids": _rows(bids), "asks": _rows(asks)})

    def update(self) -> bytes:
        """Some levels change; what the middle passes goes."""
        random = self._random
        self.middle += random.choice([0, 0, 0, 1, -1, 4, -4, 15, -15])
        sides: dict[str, dict[int, int]] = {"b": {}, "a": {}}
        for key, side, sign in (("b", self.bids, -1), ("a", self.asks, 1)):
            changes = {price: 0 for price in side if (price - self.middle) * sign <= 0}
            for _ in range(random.randint(0, 3)):
                changes[self.middle + sign * random.randint(1, 40)] = random.choice([0, 1, 2, 3])
            for price, size in changes.items():
                if side.get(price, 0) != size:
                    sides[key][price] = size
                side[price] = size
                if not size:
                    del side[price]
        first, self.id = self.id + 1, self.id + random.randint(1, 3)
        data = {"e": "depthUpdate", "E": self.id, "T": self.id, "s": NAME, "U": first, "u": self.id}
        data |= {"pu": first - 1, "b": _rows(sides["b"].items()), "a": _rows(sides["a"].items())}
        return msgspec.json.encode({"stream": f"{NAME.lower()}@depth@0ms", "data": data})


def _rows(levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(f"{price}", f"{size}") for price, size in levels]


Step = tuple[bytes | None, bytes | None]
"""A frame, or an image by REST."""


def steps(truth: Truth, random: Random, count: int) -> Iterator[Step]:
    """The image, then updates; after a lost one another image."""
    yield truth.update(), None
    yield None, truth.image()
    for _ in range(count):
        if random.random() < 0.04:
            truth.update()  # is lost
            yield truth.update(), None
            yield None, truth.image()
        else:
            yield truth.update(), None


def run(venue: Venue, step: Step, now: int) -> list[Event]:
    frame, image = step
    outputs = venue.received(frame, now) if frame is not None else []
    outputs += venue.fetched(f"book:{NAME}", image, now) if image is not None else []
    return [output for output in outputs if isinstance(output, BookImage | BookDelta | Status)]
