"""The display of `watch`: order books, a list of trades, and the last data of other channels. Pure rendering."""

import math
from collections import deque
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deltawire.model.numbers import exponent_of
from deltawire.session.client import BookMirror, Notification

LADDER_DEPTH = 12
TAPE_LENGTH = 25
BAR_WIDTH = 18
FRAME_LINES = 2
QUIET_AFTER_S = 3.0
"""After this time without data, a channel is shown with its age, and a book is no longer shown as live."""
MOST_LINES = 2 * LADDER_DEPTH + FRAME_LINES + 2


class Screen:
    """Takes notifications and renders the present state; `now` is in seconds, from any origin."""

    def __init__(self, status: str = "") -> None:
        """`status` is shown with every picture."""
        self._status = status
        self._taken = 0
        self._now = 0.0
        self._heard: dict[str, float] = {}
        self._lost = ""
        """Why there is no connection, while there is none."""
        self._depth, self._length = LADDER_DEPTH, TAPE_LENGTH
        self.books: dict[str, BookMirror] = {}
        self._pairs: dict[str, dict[str, Any]] = {}
        self._tape: deque[dict[str, Any]] = deque(maxlen=TAPE_LENGTH)
        self._others: dict[str, Any] = {}
        self._decimals: dict[str, int] = {}

    def lose(self, reason: str) -> None:
        """The connection is lost: nothing is live until new data arrives."""
        self._lost = reason
        self._heard = dict.fromkeys(self._heard, -math.inf)

    def take(self, note: Notification, now: float = 0.0) -> None:
        """Apply one notification; `FeedError` if the chain of a book is broken."""
        self._taken += 1
        self._lost = ""
        self._heard[note.channel] = now
        family = note.channel.partition(".")[0]
        if family == "book" and "type" in note.data:
            self.books.setdefault(note.channel, BookMirror()).apply(note.data)
        elif family == "book":
            self._pairs[note.channel] = note.data
        elif family == "trades":
            self._tape.extend(note.data)
        else:
            self._others[note.channel] = note.data

    def render(self, lines: int = MOST_LINES, now: float = 0.0) -> RenderableType:
        """The status, if there is one, then order books side by side, trades, and the rest.

        `lines` is the height of the terminal: books and trades are shortened so that nothing is cut off.
        """
        self._now = now
        room = lines - 1 - bool(self._status)
        self._depth = min(LADDER_DEPTH, max(1, (room - FRAME_LINES - 1) // 2))
        self._length = min(TAPE_LENGTH, max(1, room - FRAME_LINES))
        if not self._status:
            return self._picture()
        return Group(Text(f"{self._taken:,} notifications, {self._status}", "dim"), self._picture())

    def _picture(self) -> RenderableType:
        panels: list[RenderableType] = [self._ladder(name, book) for name, book in self.books.items()]
        panels += [self._grouped(name, data) for name, data in self._pairs.items()]
        if self._tape:
            panels.append(self._trades())
        rest = [
            Panel(_pretty(data), title=Text(name), subtitle=self._age(name), expand=False)
            for name, data in self._others.items()
        ]
        return (
            Group(Columns(panels), *rest)
            if panels or rest
            else Text("waiting for the first message …", "dim")
        )

    def _ladder(self, channel: str, book: BookMirror) -> RenderableType:
        bids, asks = book.best(self._depth)
        state = _words(book.state, book.reason, book.detail)
        known = _edges(book, len(bids), len(asks), self._depth)
        return self._levels(channel, bids, asks, book.timestamp, state, known)

    def _grouped(self, channel: str, data: dict[str, Any]) -> RenderableType:
        bids, asks = ([(row[0], row[1]) for row in data[side][: self._depth]] for side in ("bids", "asks"))
        status = data.get("status", {"state": "live"})
        state = _words(status["state"], status.get("reason", ""), status.get("detail", ""))
        return self._levels(channel, bids, asks, data["timestamp"], state)

    def _levels(
        self,
        channel: str,
        bids: list[tuple[float, float]],
        asks: list[tuple[float, float]],
        timestamp: int,
        state: str,
        known: str = "",
    ) -> RenderableType:
        self._note_decimals(channel, [price for price, _ in bids + asks])
        largest = max((size for _, size in bids + asks), default=1.0)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right")
        table.add_column(justify="right")
        table.add_column(width=BAR_WIDTH)
        for price, size in reversed(asks):
            table.add_row(*self._row(channel, price, size, largest, "red"))
        table.add_row("", Text(self._spread(channel, bids, asks), "bold"), "")
        for price, size in bids:
            table.add_row(*self._row(channel, price, size, largest, "green"))
        age = self._age(channel)
        if age is not None and state == "live":
            subtitle = Text.assemble(age, " ", _clock(timestamp))
        else:
            colour = "green" if state == "live" else "red"
            subtitle = Text.assemble((state, colour), " ", _clock(timestamp))
        if known:
            subtitle.append(f"  {known}", "yellow")
        return Panel(table, title=Text(channel), subtitle=subtitle, expand=False)

    def _age(self, *channels: str) -> Text | None:
        """That there is no connection, or the time since the last data of these channels; None if it is recent."""
        heard = max(
            (self._heard[channel] for channel in channels if channel in self._heard), default=self._now
        )
        if self._lost or heard == -math.inf:
            return Text("disconnected" if self._lost else "no data yet", "red")
        quiet_s = self._now - heard
        return None if quiet_s < QUIET_AFTER_S else Text(f"no data for {_duration(quiet_s)}", "yellow")

    def _row(
        self, channel: str, price: float, size: float, largest: float, colour: str
    ) -> tuple[Text, Text, Text]:
        bar = "█" * max(1, round(BAR_WIDTH * size / largest))
        return Text(f"{size:,.8g}", "dim"), Text(self._price(channel, price), colour), Text(bar, colour)

    def _spread(self, channel: str, bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> str:
        return f"± {self._price(channel, asks[0][0] - bids[0][0])}" if bids and asks else "one-sided"

    def _price(self, channel: str, price: float) -> str:
        """A price with as many decimals as any price of its channel has needed so far."""
        return f"{price:,.{self._decimals[channel]}f}"

    def _note_decimals(self, channel: str, prices: list[float]) -> None:
        needed = (-exponent_of(round(price, 10)) for price in prices)
        self._decimals[channel] = max(self._decimals.get(channel, 0), *needed, 0)

    def _trades(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        for trade in islice(reversed(self._tape), self._length):
            colour = "green" if trade["direction"] == "buy" else "red"
            table.add_row(
                Text(_clock(trade["timestamp"]).partition(" ")[2], "dim"),
                Text(trade["instrument_name"]),
                Text(f"{trade['price']:,}", colour),
                f"{trade['amount']:,.8g}",
            )
        channels = [name for name in self._heard if name.startswith("trades.")]
        return Panel(table, title="trades", subtitle=self._age(*channels), expand=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _edges(book: BookMirror, bids: int, asks: int, depth: int) -> str:
    """Where the known part of a book ends, if it ends within what could be shown."""
    low, high = book.complete_to
    if (low is None or bids >= depth) and (high is None or asks >= depth):
        return ""
    return f"known {'to the end' if low is None else low} | {'to the end' if high is None else high}"


def _words(state: str, reason: str, detail: str) -> str:
    """A book's state as text: `stale closed (expired)`."""
    return " ".join(filter(None, (state, reason, f"({detail})" if detail else "")))


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-4]


def _pretty(data: Any) -> RenderableType:
    if not isinstance(data, dict):
        return Text(str(data))
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in data.items():
        table.add_row(Text(name, "dim"), Text(_shown(value)))
    return table


def _shown(value: Any) -> str:
    """A value on one line, a list of objects on one line each."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {member}" for name, member in value.items())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "\n".join(map(_shown, value))
    return str(value)
