"""The grammar of channel names. Source of the public channels: docs.deribit.com; `status.X` is an extension."""

import re
from typing import Any

import msgspec

LONGEST_NAME = 160
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
    account: int = 0
    """Of a private channel whose it is."""

    @property
    def id(self) -> str:
        """Unlike the name, different for different accounts."""
        return f"{self.name} {self.account}" if self.account else self.name


_INSTRUMENT = r"(?P<instrument>[^\s*]+)"
_INTERVAL = r"(?P<interval>raw|100ms|agg2)"
_INDEX = r"(?P<index>[^\s*]+)"
_OF_KIND = rf"(?P<kind>{'|'.join(KINDS)})\.(?P<currency>[A-Za-z0-9]+)"

_OWN = ("orders", "trades", "changes")
_FAMILIES = [
    *((f"user_{what}", rf"user\.{what}\.{_OF_KIND}\.{_INTERVAL}") for what in _OWN),
    *((f"user_{what}", rf"user\.{what}\.{_INSTRUMENT}\.{_INTERVAL}") for what in _OWN),
    ("user_portfolio", r"user\.portfolio\.(?P<currency>[A-Za-z0-9]+)"),
    ("user_mmp_trigger", rf"user\.mmp_trigger\.{_INDEX}"),
    ("user_access_log", r"user\.access_log"),
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
    ("candles", rf"chart\.trades\.{_INSTRUMENT}\.(?P<resolution>{'|'.join(RESOLUTIONS)})"),
    ("mark_prices", rf"markprice\.options\.{_INDEX}"),
    ("instrument_state", rf"instrument\.state\.{_OF_KIND}"),
    ("status", rf"status\.{_INSTRUMENT}"),
]
_PATTERNS = [(family, re.compile(pattern)) for family, pattern in _FAMILIES]


def parse_channel(name: str) -> ChannelKey | None:
    """A channel name taken apart, or None when it is no channel of ours."""
    if len(name) > LONGEST_NAME:
        return None
    for family, pattern in _PATTERNS:
        if match := pattern.fullmatch(name):
            parts: dict[str, Any] = match.groupdict()
            if "currency" in parts and parts["currency"].lower() == "any":
                parts["currency"] = "any"
            elif "currency" in parts:
                parts["currency"] = parts["currency"].upper()
            return ChannelKey(name, family, **parts)
    return None


def addresses() -> dict[str, tuple[str, dict[str, list[str]]]]:
    """By family: its names as a template (`book.{instrument}.{interval}`), and the values of what has a few."""
    return {family: _template(pattern) for family, pattern in _FAMILIES}


def _template(pattern: str) -> tuple[str, dict[str, list[str]]]:
    parts = re.findall(r"\(\?P<(\w+)>((?:[^()]|\([^()]*\))*)\)", pattern)
    values = {name: found.split("|") for name, found in parts if re.fullmatch(r"[\w|]+", found)}
    return re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", pattern).replace("\\.", "."), values
