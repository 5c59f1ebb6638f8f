"""Expiries in instrument names.

Every dated contract of the supported venues expires at 08:00 UTC: Deribit (docs.deribit.com, Instruments: "expiry at
08:00 UTC"), OKX (delivery and exercise at 08:00 UTC), Binance USD-M (`deliveryDate` of BTCUSDT_260327 is
1774598400000, which is 08:00 UTC). Names write the year with two digits; all of these contracts are after 2000.
"""

import re
from datetime import UTC, datetime

EXPIRY_HOUR = 8
SECOND_NS = 1_000_000_000
UNKNOWN_NS = 0
"""An unknown expiry."""
FOREVER_NS = (1 << 63) - 1
"""The expiry of an instrument that never expires: the last nanosecond of 64 bits (in 2262)."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY = re.compile(rf"(\d{{1,2}})({'|'.join(MONTHS)})(\d\d)", re.ASCII)
_YYMMDD = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)


def format_day(at_ns: int) -> str:
    """A day (UTC) as in Deribit's names: `6AUG21`."""
    day = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{day.day}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def is_day(text: str) -> bool:
    """Whether a text has the form of a day, `25DEC26`, even if there is no such day."""
    return _DAY.fullmatch(text) is not None


def parse_day(text: str) -> int:
    """The expiry on a day as in Deribit's names, `25DEC26`; `UNKNOWN_NS` if there is no such day."""
    match = _DAY.fullmatch(text)
    if match is None:
        return UNKNOWN_NS
    return _expiry(int(match[3]), MONTHS.index(match[2]) + 1, int(match[1]))


def parse_yymmdd(text: str) -> int:
    """The expiry on a day as in Binance's and OKX's names, `260925`; `UNKNOWN_NS` if there is no such day."""
    match = _YYMMDD.fullmatch(text)
    return UNKNOWN_NS if match is None else _expiry(*map(int, match.groups()))


def _expiry(year: int, month: int, day: int) -> int:
    try:
        return int(datetime(2000 + year, month, day, EXPIRY_HOUR, tzinfo=UTC).timestamp()) * SECOND_NS
    except ValueError:  # no such day: 31FEB26, 00JAN25
        return UNKNOWN_NS
