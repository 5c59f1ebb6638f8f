"""Parses channel names by the templates of `families`."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice, zip_longest

import msgspec

from deltawire.dialect.families import CHOICES, FAMILIES, Family

LONGEST_NAME = 160
REMEMBERED = 8_192
"""Size of the cache of parsed names: clients use the same names often, hundreds at once."""
ANY = "*"
MOST_ANY = 3


class ChannelKey(msgspec.Struct, frozen=True):
    """A parsed channel name. `family` is its kind of data; members that do not apply are empty."""

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
    every: str = ""
    alert: str = ""
    underlying: str = ""
    expiry: str = ""
    threshold: str = ""
    other: str = ""
    """Another instrument that is compared with the first."""
    venue: str = ""
    levels: int = 0
    """Levels per side of a book; 0 means all."""
    pace_ns: int = 0
    """Minimum time between two notifications."""
    stamps: bool = False
    """Whether notifications have latency stamps."""
    beyond: bool = False
    """Whether levels beyond a book's known range are told as well."""
    account: int = 0
    """The account of a private channel."""

    @property
    def id(self) -> str:
        """Unlike the name, it differs between accounts, depths and rates, each of which has its own sequence."""
        if not (self.levels or self.pace_ns or self.stamps or self.beyond or self.account):
            return self.name
        options = f"{self.levels}/{self.pace_ns}/{self.stamps:d}/{self.account}"
        return f"{self.name} {options}{'/beyond' if self.beyond else ''}"

    @property
    def pattern(self) -> bool:
        """Whether it matches the channels of several instruments."""
        return ANY in self.instrument

    def fits(self, instrument: str) -> bool:
        """Whether an instrument's name matches the pattern: `*` is any text."""
        return any(_fitting(self.instrument, (instrument,)))

    def of(self, instrument: str) -> "ChannelKey":
        """The channel of one instrument that the pattern matches."""
        name = self.name.replace(self.instrument, instrument, 1)
        return msgspec.structs.replace(self, name=name, instrument=instrument)

    def covers(self, key: "ChannelKey") -> bool:
        """Whether a pattern matches a channel."""
        return self.pattern and self.fits(key.instrument) and self.of(key.instrument) == key


def fitting(pattern: ChannelKey, instruments: Iterable[str]) -> Iterator[ChannelKey]:
    """The channels of a pattern for those of these instruments that it matches."""
    return map(pattern.of, _fitting(pattern.instrument, instruments))


def count_fitting(pattern: ChannelKey, instruments: Iterable[str], most: int) -> int:
    """The number of these instruments that a pattern matches; counting stops above `most`."""
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
    """The last position of a client on a channel: `seq` within `epoch`."""

    epoch: str
    seq: int


_PARTS = {"instrument": r"[^\s]+", "index": r"[^\s]+", "currency": "[A-Za-z0-9]+"}
_PARTS["underlying"] = r"(?:[a-z][a-z0-9_]*:)?[A-Za-z0-9]+"
_PARTS["venue"] = r"[a-z][a-z0-9_]{0,39}"
_PARTS["expiry"] = r"[0-9]{1,2}[A-Z]{3}[0-9]{2}"
_PARTS["other"] = r"[^\s]+?"  # the shortest: `.2.5` after it is a threshold of 2.5
_PARTS["threshold"] = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_PARTS |= {part: "|".join(values) for part, values in CHOICES.items()}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HIDDEN = "\0"
"""Replaces a pattern's `*`; no name contains it."""


def _compile(template: str) -> re.Pattern[str]:
    """The regular expression of a template (`book.{instrument}.{interval}`)."""
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
    """Parse a channel name; returns None if it is not one. The instrument may be a pattern.

    Names have printable characters only, so that a client cannot send the internal replacement of `*`.
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
    """The values of those parts of a template that have a fixed set."""
    return {part: list(CHOICES[part]) for part in _PLACEHOLDER.findall(template) if part in CHOICES}


def _currency(parts: dict[str, str]) -> dict[str, str]:
    """Currencies are in capitals, `any` is not."""
    if "currency" not in parts:
        return parts
    currency = parts["currency"]
    return parts | {"currency": "any" if currency.lower() == "any" else currency.upper()}
