"""Faults of a simulated venue: what they are, how they are written, and when each strikes."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, get_args

import msgspec

from deltawire.errors import UsageError

SECOND_NS = 1_000_000_000
FrameKind = Literal["drop", "duplicate", "reorder", "corrupt", "delay", "silence", "mute"]
Kind = (
    FrameKind
    | Literal[
        "half-open",
        "close",
        "cut",
        "notice",
        "refuse",
        "reject",
        "slow",
        "stale",
        "error",
        "rename",
        "expire",
        "list",
        "maintenance",
    ]
)
FRAME_KINDS: tuple[str, ...] = get_args(FrameKind)
KINDS: tuple[str, ...] = tuple(kind for part in get_args(Kind) for kind in get_args(part))
EVER = float("inf")
RARE = 0.01
_NUMBER = re.compile(r"\d+(\.\d+)?(ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DIGITS = re.compile(rb'(?<=[":,\[])\d+\.?\d*')


class Fault(msgspec.Struct, frozen=True):
    """One fault; times in seconds of the venue's clock after its start, or after it was injected."""

    kind: Kind
    after: float = 0.0
    """When it begins."""
    lasts: float = EVER
    """How long; written `for`."""
    every: float = 0.0
    """A fault of a moment repeats after this time."""
    stream: str = "*"
    """Which streams, by a pattern of their names or of their instruments' names."""
    share: float = -1.0
    """The share of frames, connections or requests that it strikes; by default 1 % of frames, or all others."""
    times: int = 0
    """How often at most; 0 is any number. Frames that are counted are struck one after the other."""
    by: float = 1.0
    """Seconds of a delay, of a slow answer, of the age of a stale image, or from an announcement to a maintenance."""
    code: int = 1001
    """The close code."""
    status: int = 503
    """The HTTP status."""
    retry: float = 0.0
    """The `Retry-After` of an error."""
    how: Literal["torn", "digit"] = "torn"
    """What is corrupt: the frame is cut short, or one digit is another."""
    name: str = ""
    """The instrument that is renamed, ends, or alone is down."""
    to: str = ""
    """The new name."""

    @property
    def chance(self) -> float:
        """The share, with its default."""
        if self.share >= 0:
            return self.share
        rare = self.kind in ("drop", "duplicate", "reorder", "corrupt") and not self.times
        return RARE if rare else 1.0


CLOSE_CODES = (*range(1000, 1004), *range(1007, 1015))
"""Those of RFC 6455 and its registry; beyond them there are 3000 to 4999."""
NEEDED = {"rename": ("name", "to"), "expire": ("name",), "list": ("name",)}
NAMES = {"for": "lasts"}
OWN = {name: kind for name, kind in Fault.__annotations__.items() if name != "kind"}


def parse_fault(text: str) -> Fault:
    """A fault from `kind:key=value,…`, such as `silence:after=30,for=10,stream=books:BTC-*`; `UsageError` if wrong."""
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise UsageError(f"unknown fault {kind!r}; known: {', '.join(sorted(KINDS))}")
    values: dict[str, Any] = {"kind": kind}
    for part in filter(None, rest.split(",")):
        name, found, value = part.partition("=")
        field = NAMES.get(name, name)
        if not found or field not in OWN or name == "lasts":
            known = ", ".join(sorted({*OWN, *NAMES} - {"lasts"}))
            raise UsageError(f"fault {text!r}: {part!r} is not one of {known} with =value")
        values[field] = _value(text, field, value)
    try:
        fault = msgspec.convert(values, Fault)
    except msgspec.ValidationError as error:
        raise UsageError(f"fault {text!r}: {error}") from None
    if problem := _problem(fault):
        raise UsageError(f"fault {text!r}: {problem}")
    return fault


def _problem(fault: Fault) -> str:
    """What is wrong with a fault, in a few words; empty if nothing is."""
    if fault.share > 1:
        return "a share is from 0 to 1"
    if fault.code not in CLOSE_CODES and not 3000 <= fault.code <= 4999:
        return f"{fault.code} is no code that a close frame may have"
    if not 400 <= fault.status <= 599:
        return f"{fault.status} is no HTTP status of an error"
    if missing := [member for member in NEEDED.get(fault.kind, ()) if not getattr(fault, member)]:
        return f"it needs {' and '.join(f'{member}=' for member in missing)}"
    return ""


def _value(text: str, field: str, value: str) -> Any:
    if OWN[field] not in (float, int):
        return value
    number = _NUMBER.fullmatch(value)
    if number is None or (number[2] and OWN[field] is int):
        raise UsageError(f"fault {text!r}: {value!r} is not a number, for times with ms, s, m or h behind it")
    if OWN[field] is int:
        return int(float(value))
    return float(value.removesuffix(number[2] or "")) * _UNITS[number[2] or "s"]


class FaultWindow(msgspec.Struct, frozen=True):
    """When a fault begins and ends; `end_ns` None: never."""

    number: int
    fault: Fault
    begin_ns: int
    end_ns: int | None


class Struck(msgspec.Struct, frozen=True):
    """What a fault has done, and when."""

    at_ns: int
    kind: Kind
    connection: int
    stream: str


class Active:
    """A fault with its random stream and its beginning."""

    def __init__(self, fault: Fault, seed: str, start_ns: int) -> None:
        self.fault = fault
        self.random = Random(seed)
        self.begin_ns = start_ns + int(fault.after * SECOND_NS)
        self.end_ns = self.begin_ns + int(fault.lasts * SECOND_NS) if fault.lasts < EVER else None
        self.struck = 0

    def lasts(self, now_ns: int) -> bool:
        """Whether this is its time."""
        return self.begin_ns <= now_ns and (self.end_ns is None or now_ns < self.end_ns)

    def strikes(self, now_ns: int, stream: str = "", name: str = "") -> bool:
        """Whether it strikes now, and if so count it."""
        fault = self.fault
        if (
            not self.lasts(now_ns)
            or (fault.times and self.struck >= fault.times)
            or not self.fits(stream, name)
        ):
            return False
        if fault.chance < 1.0 and self.random.random() >= fault.chance:
            return False
        self.struck += 1
        return True

    def fits(self, stream: str, name: str) -> bool:
        """Whether the pattern fits the stream or its instrument."""
        pattern = self.fault.stream
        return pattern == "*" or fnmatchcase(stream, pattern) or bool(name and fnmatchcase(name, pattern))

    def due(self, now_ns: int) -> bool:
        """Whether a fault of a moment is to happen now."""
        if now_ns < self.begin_ns or (self.struck and not self.fault.every) or not self.lasts(now_ns):
            return False
        if self.fault.times and self.struck >= self.fault.times:
            return False
        self.struck += 1
        self.begin_ns += int(self.fault.every * SECOND_NS)
        return True


class Faults:
    """All faults of a server, and what they have done."""

    def __init__(self, faults: list[Fault], seed: int, start_ns: int) -> None:
        self._seed = seed
        self._active: list[Active] = []
        self.struck: list[Struck] = []
        for fault in faults:
            self.inject(fault, start_ns)

    def inject(self, fault: Fault, now_ns: int) -> None:
        """Add a fault whose times count from now."""
        self._active.append(Active(fault, f"{self._seed} {len(self._active)} {fault.kind}", now_ns))

    def first(
        self, kind: str, now_ns: int, connection: int, stream: str = "", name: str = ""
    ) -> Fault | None:
        """The first fault of a kind that strikes now."""
        for active in self._active:
            if active.fault.kind == kind and active.strikes(now_ns, stream, name):
                self.struck.append(Struck(now_ns, active.fault.kind, connection, stream))
                return active.fault
        return None

    def due(self, kinds: tuple[str, ...], now_ns: int) -> list[Fault]:
        """The faults of a moment that are to happen now."""
        return [active.fault for active in self._active if active.fault.kind in kinds and active.due(now_ns)]

    def windows(self, kind: str) -> Iterator[FaultWindow]:
        """When the faults of a kind begin and end."""
        for number, active in enumerate(self._active):
            if active.fault.kind == kind:
                yield FaultWindow(number, active.fault, active.begin_ns, active.end_ns)

    def strike(self, fault: Fault, now_ns: int, connection: int = 0) -> None:
        """Note what a fault of a moment has done."""
        self.struck.append(Struck(now_ns, fault.kind, connection, fault.name))

    def random(self, kind: str) -> Random:
        """The random stream of the first fault of a kind."""
        return next(active.random for active in self._active if active.fault.kind == kind)


def corrupted(frame: bytes, how: str, random: Random) -> bytes:
    """A frame that is cut short, or in which one digit is another."""
    numbers = [*_DIGITS.finditer(frame)] if how == "digit" else []
    if not numbers:
        return frame[: random.randrange(1, max(2, len(frame)))]
    place = random.choice(numbers).start()
    other = random.choice([digit for digit in b"123456789" if digit != frame[place]])
    return frame[:place] + bytes([other]) + frame[place + 1 :]
