"""Expiries as instrument names write them.

Every dated contract of the venues read here expires at 08:00 UTC: Deribit (docs.deribit.com, Instruments: "expiry
at 08:00 UTC"), OKX (delivery and exercise at 08:00 UTC), Binance USD-M (`deliveryDate` of BTCUSDT_260327 is
1774598400000, which is 08:00 UTC). Names write the year with two digits; all of these contracts lie after 2000.
"""

import re
from datetime import UTC, datetime

EXPIRY_HOUR = 8
SECOND_NS = 1_000_000_000
UNKNOWN_NS = 0
"""An expiry that nobody has stated."""
FOREVER_NS = (1 << 63) - 1
"""The expiry of what never expires: the last nanosecond that 64 bits can name (in 2262)."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY = re.compile(rf"(\d{{1,2}})({'|'.join(MONTHS)})(\d\d)", re.ASCII)
_YYMMDD = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)


def format_day(at_ns: int) -> str:
    """A day (UTC) as Deribit's names write it: `6AUG21`."""
    day = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{day.day}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def is_day(text: str) -> bool:
    """Whether this is written as a day, `25DEC26`, though there may be no such day."""
    return _DAY.fullmatch(text) is not None


def parse_day(text: str) -> int:
    """The expiry on a day as Deribit's names write it, `25DEC26`; `UNKNOWN_NS` where there is no such day."""
    match = _DAY.fullmatch(text)
    if match is None:
        return UNKNOWN_NS
    return _expiry(int(match[3]), MONTHS.index(match[2]) + 1, int(match[1]))


def parse_yymmdd(text: str) -> int:
    """The expiry on a day as Binance's and OKX's names write it, `260925`; `UNKNOWN_NS` where there is no such day."""
    match = _YYMMDD.fullmatch(text)
    return UNKNOWN_NS if match is None else _expiry(*map(int, match.groups()))


def _expiry(year: int, month: int, day: int) -> int:
    try:
        return int(datetime(2000 + year, month, day, EXPIRY_HOUR, tzinfo=UTC).timestamp()) * SECOND_NS
    except ValueError:  # 31FEB26, 00JAN25
        return UNKNOWN_NS
