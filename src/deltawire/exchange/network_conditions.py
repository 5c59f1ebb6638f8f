"""Simulated latency and faults for bots under test, as values and pure functions.

Presets of latency, each way: beside the exchange 0.2 ms, in a cloud 5 ± 2 ms, at home 60 ± 20 ms.
"""

from typing import Literal

import msgspec

from deltawire.errors import UsageError
from deltawire.model.random_stream import RandomStream

MS_NS = 1_000_000
Way = Literal["order", "feed"]


class Latency(msgspec.Struct, frozen=True):
    """Mean latency one way and its standard deviation in milliseconds; never below a tenth of the mean."""

    mean_ms: float
    sd_ms: float = 0.0

    def draw(self, chance: RandomStream) -> int:
        """One message's latency in nanoseconds."""
        drawn = chance.gauss(self.mean_ms, self.sd_ms) if self.sd_ms else self.mean_ms
        return round(max(drawn, 0.1 * self.mean_ms) * MS_NS)


LATENCIES = {
    "none": Latency(0.0),
    "colocated": Latency(0.2),
    "cloud": Latency(5.0, 2.0),
    "home": Latency(60.0, 20.0),
}


class Drop(msgspec.Struct, frozen=True, tag=True):
    """This share of messages is lost."""

    way: Way
    share: float


class Delay(msgspec.Struct, frozen=True, tag=True):
    """This share of messages takes longer by this time."""

    way: Way
    share: float
    extra_ms: float


class Halt(msgspec.Struct, frozen=True, tag=True):
    """An instrument accepts no orders for a period."""

    instrument: str
    from_ns: int
    until_ns: int


class Maintenance(msgspec.Struct, frozen=True, tag=True):
    """The exchange answers only `system_maintenance` for a period."""

    from_ns: int
    until_ns: int


Fault = Drop | Delay | Halt | Maintenance


class NetworkConditions(msgspec.Struct, frozen=True):
    """Latency and faults together."""

    latency: Latency = LATENCIES["none"]
    faults: tuple[Fault, ...] = ()

    def halted(self, instrument: str, now_ns: int) -> bool:
        """Whether the instrument is halted now."""
        return any(
            fault.from_ns <= now_ns < fault.until_ns
            for fault in self.faults
            if isinstance(fault, Halt) and fault.instrument == instrument
        )

    def maintained(self, now_ns: int) -> bool:
        """Whether the exchange is under maintenance now."""
        return any(
            fault.from_ns <= now_ns < fault.until_ns
            for fault in self.faults
            if isinstance(fault, Maintenance)
        )


class NetworkPath:
    """One direction of one connection: messages are delayed or lost, and the others keep their order."""

    def __init__(self, conditions: NetworkConditions, way: Way, chance: RandomStream) -> None:
        self._conditions = conditions
        self._way = way
        self._chance = chance
        self._last_ns = 0

    def arrives(self, sent_ns: int) -> int | None:
        """The arrival time of a message; None if it is lost."""
        at_ns = sent_ns + self._conditions.latency.draw(self._chance)
        for fault in self._conditions.faults:
            if isinstance(fault, (Drop, Delay)) and fault.way == self._way:
                struck = self._chance.random() < fault.share
                if struck and isinstance(fault, Drop):
                    return None
                if struck and isinstance(fault, Delay):
                    at_ns += round(fault.extra_ms * MS_NS)
        self._last_ns = max(at_ns, self._last_ns)
        return self._last_ns


def parse_fault(text: str) -> Fault:
    """Parse `delay:SHARE:MS`, `halt:INSTRUMENT:START:SECONDS` or `maintenance:START:SECONDS`.

    The resulting times are nanoseconds since the start of the server; raises `UsageError`.
    """
    kind, *parts = text.split(":")
    try:
        match kind, parts:
            case "delay", [share, extra] if 0 < float(share) <= 1 and 0 < float(extra) < 3_600_000:
                return Delay("order", float(share), float(extra))
            case "halt", [instrument, start, seconds]:
                return Halt(instrument, *_span(start, seconds))
            case "maintenance", [start, seconds]:
                return Maintenance(*_span(start, seconds))
    except ValueError:
        pass
    raise UsageError(
        f"unknown fault {text!r}; faults are delay:SHARE:MS, halt:INSTRUMENT:START:SECONDS, maintenance:START:SECONDS"
    )


def _span(start: str, seconds: str) -> tuple[int, int]:
    """Start and end of a period."""
    begin, length = float(start), float(seconds)
    if not (0 <= begin < 1e9 and 0 < length < 1e9):
        raise ValueError
    return round(begin * 1e9), round((begin + length) * 1e9)


def parse_latency(text: str) -> Latency:
    """Parse the name of a preset, or milliseconds such as `12` or `12±3`; raises `UsageError`."""
    if text in LATENCIES:
        return LATENCIES[text]
    mean, _, sd = text.replace("+-", "±").partition("±")
    try:
        latency = Latency(float(mean), float(sd or 0.0))
    except ValueError:
        latency = Latency(-1.0)
    if not 0.0 <= latency.mean_ms < 60_000.0 or not 0.0 <= latency.sd_ms < 60_000.0:
        raise UsageError(
            f"unknown latency {text!r}; use {', '.join(LATENCIES)}, or milliseconds such as 12±3"
        )
    return latency
