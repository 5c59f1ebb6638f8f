"""The grammar of channel names. Source of the public channels: docs.deribit.com; `status.X` is an extension."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import msgspec

LONGEST_NAME = 160
REMEMBERED = 8_192
"""Names whose parts are kept: clients ask for the same ones again and again, hundreds at once."""
ANY = "*"
MOST_ANY = 3
RESOLUTIONS = {"1": 1, "3": 3, "5": 5, "10": 10, "15": 15, "30": 30, "60": 60}
RESOLUTIONS |= {"120": 120, "180": 180, "360": 360, "720": 720, "1D": 1440}
"""Candle resolutions in minutes."""

KINDS = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")


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
                found = name.find(part, at, end)
                if found < 0:
                    break
                at = found + len(part)
            else:
                yield name


class ResumePosition(msgspec.Struct, frozen=True):
    """How far a client has come on a channel: the last `seq` it has, in which `epoch`."""

    epoch: str
    seq: int


_INSTRUMENT = r"(?P<instrument>[^\s]+)"
_INTERVAL = r"(?P<interval>raw|100ms|agg2)"
_INDEX = r"(?P<index>[^\s]+)"
_CURRENCY = r"(?P<currency>[A-Za-z0-9]+)"
_OF_KIND = rf"(?P<kind>{'|'.join(KINDS)})\.{_CURRENCY}"

_ROLE = r"(?P<role>maker|taker)"
_OWN = ("orders", "trades", "changes")
_FAMILIES = [
    *((f"user_{what}", rf"user\.{what}\.{_OF_KIND}\.{_INTERVAL}") for what in _OWN),
    *((f"user_{what}", rf"user\.{what}\.{_INSTRUMENT}\.{_INTERVAL}") for what in _OWN),
    ("user_portfolio", rf"user\.portfolio\.{_CURRENCY}"),
    ("user_mmp_trigger", rf"user\.mmp_trigger\.{_INDEX}"),
    ("user_access_log", r"user\.access_log"),
    ("user_combo_trades", rf"user\.combo_trades\.{_OF_KIND}\.{_INTERVAL}"),
    ("user_combo_trades", rf"user\.combo_trades\.{_INSTRUMENT}\.{_INTERVAL}"),
    ("user_rfqs", rf"block_rfq\.{_ROLE}\.{_CURRENCY}"),
    ("user_rfq_quotes", rf"block_rfq\.maker\.quotes\.{_CURRENCY}"),
    ("user_lock", r"user\.lock"),
    (
        "grouped_book",
        rf"book\.{_INSTRUMENT}\.(?P<group>none|1|2|5|10|25|100|250)\.(?P<depth>1|10|20)\.{_INTERVAL}",
    ),
    ("book", rf"book\.{_INSTRUMENT}\.{_INTERVAL}"),
    ("kind_trades", rf"trades\.{_OF_KIND}\.{_INTERVAL}"),
    ("trades", rf"trades\.{_INSTRUMENT}\.{_INTERVAL}"),
    ("ticker", rf"ticker\.{_INSTRUMENT}\.{_INTERVAL}"),
    ("incremental_ticker", rf"incremental_ticker\.{_INSTRUMENT}"),
    ("quote", rf"quote\.{_INSTRUMENT}"),
    ("perpetual", rf"perpetual\.{_INSTRUMENT}\.{_INTERVAL}"),
    ("index", rf"deribit_price_index\.{_INDEX}"),
    ("index_statistics", rf"deribit_price_statistics\.{_INDEX}"),
    ("expiration_price", rf"estimated_expiration_price\.{_INDEX}"),
    ("candles", rf"chart\.trades\.{_INSTRUMENT}\.(?P<resolution>{'|'.join(RESOLUTIONS)})"),
    ("mark_prices", rf"markprice\.options\.{_INDEX}"),
    ("instrument_state", rf"instrument\.state\.{_OF_KIND}"),
    ("status", rf"status\.{_INSTRUMENT}"),
    ("platform_state", r"platform_state"),
    ("methods_state", r"platform_state\.public_methods_state"),
    ("announcements", r"announcements"),
    ("block_trades", r"block_trade_confirmations"),
    ("currency_block_trades", rf"block_trade_confirmations\.{_CURRENCY}"),
    ("rfq_trades", rf"block_rfq\.trades\.{_CURRENCY}"),
]
_HIDDEN = "\0"
"""Stands for a pattern's `*`, which is in no name."""
_BY_HEAD: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
"""The families whose names begin with this word."""
for _family, _pattern in _FAMILIES:
    _BY_HEAD.setdefault(_pattern.partition(r"\.")[0], []).append((_family, re.compile(_pattern)))


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
            return msgspec.convert({"name": name, "family": family} | _currency(parts), ChannelKey)
    return None


def addresses() -> dict[str, tuple[str, dict[str, list[str]]]]:
    """By family: its names as a template (`book.{instrument}.{interval}`), and the values of what has a few."""
    return {family: _template(pattern) for family, pattern in _FAMILIES}


def _template(pattern: str) -> tuple[str, dict[str, list[str]]]:
    parts = re.findall(r"\(\?P<(\w+)>((?:[^()]|\([^()]*\))*)\)", pattern)
    values = {name: found.split("|") for name, found in parts if re.fullmatch(r"[\w|]+", found)}
    return re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", pattern).replace("\\.", "."), values


def _currency(parts: dict[str, str]) -> dict[str, str]:
    """Currencies are in capitals, `any` is not."""
    if "currency" not in parts:
        return parts
    currency = parts["currency"]
    return parts | {"currency": "any" if currency.lower() == "any" else currency.upper()}
