"""Channel names taken apart, by the templates of `families`."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice, zip_longest

import msgspec

from deltawire.dialect.families import CHOICES, FAMILIES, Family

LONGEST_NAME = 160
REMEMBERED = 8_192
"""Names whose parts are kept: clients ask for the same ones again and again, hundreds at once."""
ANY = "*"
MOST_ANY = 3


class ChannelKey(msgspec.Struct, frozen=True):
    """A channel name, taken apart. `family` says what it carries; the rest is empty where it does not apply."""

    name: str
    family: str
    instrument: str = ""
    interval: str = ""
    group: str = ""
    depth: str = ""
    kind: str = ""
    currency: str = ""
    index: str = ""
    resolution: str = ""
    role: str = ""
    levels: int = 0
    """Of a book only so many levels a side; 0 is all."""
    pace_ns: int = 0
    """At least so long between two notifications."""
    stamps: bool = False
    """Whether notifications say when what they tell happened."""
    account: int = 0
    """Of a private channel whose it is."""

    @property
    def id(self) -> str:
        """Unlike the name, different for different accounts, depths and paces: each has its own sequence."""
        if not (self.levels or self.pace_ns or self.stamps or self.account):
            return self.name
        return f"{self.name} {self.levels}/{self.pace_ns}/{self.stamps:d}/{self.account}"

    @property
    def pattern(self) -> bool:
        """Whether it stands for the channels of every instrument that fits."""
        return ANY in self.instrument

    def fits(self, instrument: str) -> bool:
        """Whether an instrument's name fits a pattern: `*` is any text."""
        return any(_fitting(self.instrument, (instrument,)))

    def of(self, instrument: str) -> "ChannelKey":
        """The channel of one instrument that a pattern stands for."""
        name = self.name.replace(self.instrument, instrument, 1)
        return msgspec.structs.replace(self, name=name, instrument=instrument)

    def covers(self, key: "ChannelKey") -> bool:
        """Whether a pattern stands for a channel."""
        return self.pattern and self.fits(key.instrument) and self.of(key.instrument) == key


def fitting(pattern: ChannelKey, instruments: Iterable[str]) -> Iterator[ChannelKey]:
    """The channels of a pattern for those of these instruments whose names fit it."""
    return map(pattern.of, _fitting(pattern.instrument, instruments))


def count_fitting(pattern: ChannelKey, instruments: Iterable[str], most: int) -> int:
    """For how many of these instruments a pattern stands; counting stops behind `most`."""
    return sum(1 for _ in islice(_fitting(pattern.instrument, instruments), most + 1))


def _fitting(pattern: str, names: Iterable[str]) -> Iterator[str]:
    first, *middle, last = pattern.split(ANY)
    shortest = len(first) + len(last)
    for name in names:
        if len(name) >= shortest and name.startswith(first) and name.endswith(last):
            at, end = len(first), len(name) - len(last)
            for part in middle:
                start = name.find(part, at, end)
                if start < 0:
                    break
                at = start + len(part)
            else:
                yield name


class ResumePosition(msgspec.Struct, frozen=True):
    """How far a client has come on a channel: the last `seq` it has, in which `epoch`."""

    epoch: str
    seq: int


_PARTS = {"instrument": r"[^\s]+", "index": r"[^\s]+", "currency": "[A-Za-z0-9]+"}
_PARTS |= {part: "|".join(values) for part, values in CHOICES.items()}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HIDDEN = "\0"
"""Stands for a pattern's `*`, which is in no name."""


def _compile(template: str) -> re.Pattern[str]:
    """The names that a template (`book.{instrument}.{interval}`) stands for."""
    literals = map(re.escape, _PLACEHOLDER.split(template)[::2])
    parts = [f"(?P<{part}>{_PARTS[part]})" for part in _PLACEHOLDER.findall(template)]
    return re.compile("".join(chain.from_iterable(zip_longest(literals, parts, fillvalue=""))))


_BY_HEAD: dict[str, list[tuple[Family, re.Pattern[str]]]] = {}
"""The families whose names begin with this word."""
for _family in FAMILIES.values():
    for _template in _family.names:
        _BY_HEAD.setdefault(_template.partition(".")[0], []).append((_family, _compile(_template)))


@lru_cache(maxsize=REMEMBERED)
def parse_channel(name: str) -> ChannelKey | None:
    """A channel name taken apart, or None when it is no channel of ours; an instrument may be a pattern.

    Names have printable characters only, so that what stands for `*` inside cannot come from outside.
    """
    if len(name) > LONGEST_NAME or name.count(ANY) > MOST_ANY or not name.isprintable():
        return None
    for family, pattern in _BY_HEAD.get(name.partition(".")[0], ()):
        if match := pattern.fullmatch(name.replace(ANY, _HIDDEN)):
            parts = {part: value.replace(_HIDDEN, ANY) for part, value in match.groupdict().items()}
            if any(ANY in value for part, value in parts.items() if part != "instrument"):
                return None
            known = {"name": name, "family": family.name, "interval": family.interval}
            return msgspec.convert(known | _currency(parts), ChannelKey)
    return None


def choices(template: str) -> dict[str, list[str]]:
    """The values of those parts of a template that have a few."""
    return {part: list(CHOICES[part]) for part in _PLACEHOLDER.findall(template) if part in CHOICES}


def _currency(parts: dict[str, str]) -> dict[str, str]:
    """Currencies are in capitals, `any` is not."""
    if "currency" not in parts:
        return parts
    currency = parts["currency"]
    return parts | {"currency": "any" if currency.lower() == "any" else currency.upper()}
