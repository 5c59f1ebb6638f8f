"""The panels of the full-screen `watch`: text from a book, trades, options and the connection. Pure rendering."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from rich.text import Text

from deltawire.client.book_view import BookView
from deltawire.model.events import Level, Trade, VenueStatus

BAR = 12
COLOURS = {"bid": "green", "ask": "red", "buy": "green", "sell": "red", "live": "green"}
QUIET_AFTER_S = 3.0
IMBALANCE_LEVELS = 5
WORST = ("down", "limited", "scheduled")
SECOND_NS = 1_000_000_000


class Health(NamedTuple):
    """What is known of the connection; `round_trip_ms` None: the server did not answer."""

    where: str
    round_trip_ms: float | None
    outages: int
    unread: int
    reason: str = ""
    venue: str = ""
    """What the venue of the instrument says of itself, unless it is up."""


def ladder(book: BookView, rows: int) -> Text:
    """Asks above, bids below, best in the middle: side, price, size, and a bar of the size."""
    depth = max(1, (rows - 1) // 2)
    bids, asks = book.top(depth)
    if not bids and not asks:
        return Text(f"no prices while the book is {_state(book)}", "yellow")
    largest = max((level.size_float for level in bids + asks), default=0.0)
    text = Text(no_wrap=True)
    for side, levels in (("ask", asks[::-1]), ("", []), ("bid", bids)):
        if not side:
            spread = book.spread
            text.append(f"{'':4}{'one-sided' if spread is None else f'± {spread:f}':>14}\n", "bold")
        for level in levels:
            text.append(_level(side, level, largest))
    text.rstrip()
    return text


def _level(side: str, level: Level, largest: float) -> Text:
    bar = "█" * max(1, round(BAR * level.size_float / largest)) if largest else ""
    row = Text(f"{side:<4}", "dim")
    row.append(f"{level.price:>14f}", COLOURS[side])
    row.append(f"{level.size.normalize():>12,f} ")
    return row.append(f"{bar}\n", COLOURS[side])


def facts(book: BookView) -> Text:
    """State, mid, spread, imbalance, age and known range."""
    bids, asks = book.top(IMBALANCE_LEVELS)
    bought, sold = (sum((level.size for level in levels), Decimal(0)) for levels in (bids, asks))
    imbalance = (bought - sold) / (bought + sold) if bids and asks else None
    rows = [
        ("state", _state(book) + ("  verified" if book.verified and book.state == "live" else "")),
        ("mid", _number(book.mid)),
        ("spread", _number(book.spread)),
        ("imbalance", "–" if imbalance is None else f"{imbalance:+.2f} of {IMBALANCE_LEVELS} levels"),
        ("age", _age(book.age)),
        ("known", _known(book)),
    ]
    return _table(rows, good=book.state == "live" and (book.age or 0.0) < QUIET_AFTER_S)


def tape(trades: Iterable[Trade], rows: int) -> Text:
    """The last trades, newest first: time, aggressor, size and price."""
    text = Text(no_wrap=True)
    for trade in [*trades][:rows]:
        at = datetime.fromtimestamp(trade.venue_ns // SECOND_NS, UTC)
        text.append(f"{at:%H:%M:%S} ", "dim")
        text.append(f"{trade.side:<4} ", COLOURS[trade.side])
        text.append(f"{trade.size.normalize():>7,f} @ {trade.price:f}\n")
    text.rstrip()
    return text if text else Text("no trades yet", "dim")


def chain(options: Sequence[dict[str, Any]], rows: int, first: int = 0) -> Text:
    """Options from the `first` on: name, bid, ask, mark and implied volatility."""
    text = Text(f"{'option':<22}{'bid':>7}{'ask':>7}{'IV %':>6}\n", "bold", no_wrap=True)
    for option in options[first : first + max(1, rows - 1)]:
        text.append(f"{option['instrument_name']:<22}")
        for name, colour in (("bid_price", "green"), ("ask_price", "red")):
            text.append(f"{_short(option.get(name)):>7}", colour)
        iv = option.get("mark_iv")
        text.append(f"{'–' if iv is None else f'{iv:.1f}':>6}\n")
    text.rstrip()
    return text if options else Text("no options here", "dim")


def health(now: Health) -> Text:
    """Where the data comes from, and how the connection is."""
    answer = "no answer" if now.round_trip_ms is None else f"answers in {now.round_trip_ms:.1f} ms"
    rows = [("from", now.where), ("server", answer), ("outages", f"{now.outages}, {now.unread} unread")]
    if now.venue:
        rows.insert(0, ("venue", now.venue))
    elif now.reason:
        rows.append(("why", now.reason))
    return _table(rows, good=now.round_trip_ms is not None and not now.venue)


def standing(statuses: Iterable[VenueStatus]) -> str:
    """What a venue says of itself that holds now, the worst first; empty if it is up."""
    held = [status for status in statuses if status.state in WORST]
    held.sort(key=lambda status: WORST.index(status.state))
    return "; ".join(" ".join(filter(None, (status.state, status.subject, status.text))) for status in held)


def _table(rows: list[tuple[str, str]], *, good: bool) -> Text:
    """Names and values; the first value says how things are, in green or in red."""
    text = Text(no_wrap=True)
    for number, (name, value) in enumerate(rows):
        text.append(f"{name:<10}", "dim")
        text.append(f"{value}\n", "" if number else ("green" if good else "red"))
    text.rstrip()
    return text


def _state(book: BookView) -> str:
    why = ": ".join(filter(None, (book.reason, book.detail)))
    return f"{book.state} ({why})" if why else book.state


def _known(book: BookView) -> str:
    ends = book.complete_to
    if ends is None:
        return "nothing"
    low, high = ("all" if end is None else f"{end:f}" for end in ends)
    return "all levels" if low == high == "all" else f"{low} … {high}"


def _age(age: float | None) -> str:
    return "no data yet" if age is None else f"{age:.1f} s"


def _number(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:f}"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")
