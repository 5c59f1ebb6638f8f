"""The full-screen `watch`: a ladder, what is to be known of it, trades, options, and the connection."""

import time
from collections import deque
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Static

from deltawire.cli import panels
from deltawire.client import BookView, Connection, Outage, Subscription
from deltawire.errors import DeltawireError
from deltawire.model.events import Trade, VenueStatus

REFRESH_S, ASK_EVERY_S = 0.2, 2.0
TAPE = 100
FIRST_CHOICE = "BTC-PERPETUAL"


class Panel(Static):
    """A framed text with a title."""

    def __init__(self, name: str, title: str = "") -> None:
        super().__init__(id=name)
        self.border_title = title or None

    def entitle(self, title: str) -> None:
        """Another title."""
        self.border_title = title

    def toggle(self) -> None:
        """Show it, or hide it."""
        self.display = not self.display


class WatchApp(App[None]):
    """Shows one instrument at a time; it fits 80 columns and 24 lines."""

    CSS = """
    #left { width: 45; }
    Static { border: round $primary; padding: 0 1; }
    #ladder, #chain { height: 1fr; }
    #chain { display: none; }
    #facts { height: 8; }
    #tape { height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
    #health { height: 6; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("n", "step(1)", "next"),
        ("p", "step(-1)", "previous"),
        ("o", "options", "options / book"),
        ("down", "scroll(1)", "down"),
        ("up", "scroll(-1)", "up"),
        ("q", "quit", "quit"),
    ]

    def __init__(self, dw: Connection, where: str, instrument: str = "") -> None:
        """`dw` is open, and stays so."""
        super().__init__()
        self._dw = dw
        self._where = where
        self._names: list[str] = [instrument] if instrument else []
        self._at = 0
        self._book: BookView | None = None
        self._trades: Subscription | None = None
        self._tape: deque[Trade] = deque(maxlen=TAPE)
        self._options: list[dict[str, Any]] = []
        self._first = 0
        self._health = panels.Health(where, None, 0, 0)
        self._panels = {
            name: Panel(name, title)
            for name, title in (
                ("ladder", ""),
                ("chain", "options"),
                ("facts", ""),
                ("tape", "trades"),
                ("health", "connection"),
            )
        }

    def compose(self) -> ComposeResult:
        """Ladder or options on the left, all else on the right."""
        with Horizontal():
            with Vertical(id="left"):
                yield self._panels["ladder"]
                yield self._panels["chain"]
            with Vertical():
                yield self._panels["facts"]
                yield self._panels["tape"]
                yield self._panels["health"]
        yield Footer()

    async def on_mount(self) -> None:
        """Begin with the first instrument."""
        await self._list()
        await self._show()
        self.set_interval(REFRESH_S, self.draw)
        self.set_interval(ASK_EVERY_S, self.ask)
        self.run_worker(self.ask())

    @property
    def instrument(self) -> str:
        """The one that is shown."""
        return self._names[self._at % len(self._names)] if self._names else ""

    async def action_step(self, by: int) -> None:
        """Another instrument."""
        self._at += by
        await self._show()

    def action_options(self) -> None:
        """The options in place of the book, and back."""
        for name in ("chain", "ladder"):
            self._panels[name].toggle()
        self.draw()

    def action_scroll(self, by: int) -> None:
        """Through the options."""
        self._first = min(max(0, self._first + by), max(0, len(self._options) - 1))
        self.draw()

    def draw(self) -> None:
        """Draw what is known now."""
        book = self._book
        if book is not None:
            self._put("ladder", lambda rows: panels.ladder(book, rows))
            self._put("facts", lambda rows: panels.facts(book))
        self._put("tape", lambda rows: panels.tape(self._tape, rows))
        self._put("chain", lambda rows: panels.chain(self._options, rows, self._first))
        unread = self._trades.unread if self._trades else 0
        self._put("health", lambda rows: panels.health(self._health._replace(unread=unread)))

    async def ask(self) -> None:
        """Ask for what nobody tells: whether the server answers, and the options."""
        begun = time.perf_counter()
        try:
            await self._dw.call("public/test")
            self._health = self._health._replace(
                round_trip_ms=(time.perf_counter() - begun) * 1000, reason=""
            )
            if not self._names:
                await self._list()
                await self._show()
            if self._panels["chain"].display:
                found = await self._dw.call(
                    "public/get_book_summary_by_currency", currency="any", kind="option"
                )
                self._options = sorted(found, key=lambda option: str(option["instrument_name"]))
        except DeltawireError as error:
            self._health = self._health._replace(round_trip_ms=None, reason=str(error))

    async def _list(self) -> None:
        """The instruments, the one that is wanted first; futures and spot before options."""
        found = await self._dw.call("public/get_instruments")
        kinds = {each["instrument_name"]: each["kind"] for each in found}
        others = sorted(kinds, key=lambda name: (kinds[name] == "option", name))
        wanted = self._names or [name for name in (FIRST_CHOICE,) if name in kinds]
        self._names = [*wanted, *(name for name in others if name not in wanted)]

    async def _show(self) -> None:
        name = self.instrument
        if not name:
            return
        self._tape.clear()
        self._book = self._dw.book(name)
        before, self._trades = self._trades, None
        if before is not None:
            await before.close()
        self._panels["ladder"].entitle(name)
        self.run_worker(self._follow(name), group="trades", exclusive=True)
        self.run_worker(self._follow_venue(name), group="venue", exclusive=True)
        self.draw()

    async def _follow(self, name: str) -> None:
        """Take in the trades of an instrument, until another is shown."""
        try:
            self._trades = await self._dw.subscribe(f"trades.{name}.raw")
            async for item in self._trades:
                if isinstance(item, Trade):
                    self._tape.appendleft(item)
                elif isinstance(item, Outage):
                    outages = self._health.outages + 1
                    self._health = self._health._replace(outages=outages, reason=item.reason)
        except DeltawireError as error:
            self._health = self._health._replace(reason=str(error))

    async def _follow_venue(self, name: str) -> None:
        """Take in what the venue of an instrument says of itself, until another is shown."""
        self._health = self._health._replace(venue="")
        told: dict[tuple[str, str], VenueStatus] = {}
        try:
            found = await self._dw.call("public/get_definitions", instrument_names=[name])
            venue = found["instruments"][name]["venue"]
            async with await self._dw.subscribe(f"venue_status.{venue}") as statuses:
                async for item in statuses:
                    if isinstance(item, VenueStatus):
                        told[item.key] = item
                        self._health = self._health._replace(venue=panels.standing(told.values()))
        except (DeltawireError, KeyError) as error:
            self._health = self._health._replace(reason=str(error))

    def _put(self, name: str, panel: Any) -> None:
        widget = self._panels[name]
        widget.update(panel(max(1, widget.content_size.height)))
