"""A read-only MCP server over `deltawire.open`: every answer says how far it may be relied on."""

import time
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from functools import wraps
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from deltawire import __version__
from deltawire.client.connection import Connection
from deltawire.errors import DeltawireError

INSTRUCTIONS = """\
Market data of crypto derivatives, read only. Every answer has `state`, `reason`, `age_s` and `known`.
`state` of a book is `live`, `stale` or `syncing`; only a live one has prices. That of other answers is `answered`, and
`error` means that there is no answer and `reason` says why. `age_s` is how many seconds ago the newest fact in the
answer was current, null where that is not known. `known` says what the answer covers: beyond it nothing is known,
which does not mean that nothing is there.
Prices and sizes are decimal texts, times are milliseconds since 1970, UTC."""
FIRST_BOOK_S = 10.0
"""How long a book may take that is asked for the first time."""
READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, destructive_hint=False)
Answer = dict[str, Any]
Instrument = Annotated[str, Field(description="The name as `instruments` lists it, such as BTC-PERPETUAL.")]


class MarketTools:
    """The tools; each is a method that reads."""

    def __init__(self, dw: Connection) -> None:
        self._dw = dw
        self._asked: set[str] = set()

    async def instruments(
        self,
        currency: Annotated[str, Field(description="Base, quote or settlement currency, or `any`.")] = "any",
        kind: Annotated[str, Field(description="future, option, spot, or `any`.")] = "any",
        contains: Annotated[str, Field(description="Only names with this text in them.")] = "",
        limit: Annotated[int, Field(ge=1, le=1000)] = 100,
    ) -> Answer:
        """List instruments that can be asked for, with their units."""
        found = await self._dw.call("public/get_instruments", currency=currency, kind=kind)
        names = [each for each in found if contains.upper() in each["instrument_name"].upper()]
        members = "instrument_name", "kind", "tick_size", "min_trade_amount", "contract_size", "is_active"
        rows = [{name: _text(each.get(name)) for name in members} for each in names[:limit]]
        for row, each in zip(rows, names, strict=False):
            row["expiration_timestamp"] = each.get("expiration_timestamp")
        return _answer(None, {"listed": len(rows), "matching": len(names)}, {"instruments": rows})

    async def book(self, instrument: Instrument, depth: Annotated[int, Field(ge=1, le=200)] = 10) -> Answer:
        """The order book of an instrument now, best first, as verified by the server's checksum."""
        book = self._dw.book(instrument)
        if instrument not in self._asked:
            with suppress(TimeoutError):  # its state says so
                await book.next(FIRST_BOOK_S)
            self._asked.add(instrument)
        bids, asks = book.top(depth)
        ends = book.complete_to
        known = {
            "bids_down_to": _edge(ends, 0),
            "asks_up_to": _edge(ends, 1),
            "bid_levels": len(bids),
            "ask_levels": len(asks),
        }
        shown = {
            side: [[_price(level.price), _price(level.size)] for level in levels]
            for side, levels in (("bids", bids), ("asks", asks))
        }
        facts = {"verified": book.verified, "mid": _price(book.mid), "spread": _price(book.spread)}
        reason = ": ".join(filter(None, (book.reason, book.detail)))
        return _answer(book.age, known, facts | shown, state=book.state, reason=reason)

    async def trades(
        self, instrument: Instrument, count: Annotated[int, Field(ge=1, le=1000)] = 50
    ) -> Answer:
        """The last trades of an instrument, newest first; `side` is the aggressor's."""
        found = await self._dw.call(
            "public/get_last_trades_by_instrument", instrument_name=instrument, count=count, sorting="desc"
        )
        rows = [
            {
                "timestamp": each["timestamp"],
                "side": each["direction"],
                "price": _text(each["price"]),
                "size": _text(each["amount"]),
                "trade_id": each["trade_id"],
            }
            for each in found["trades"]
        ]
        times = [row["timestamp"] for row in rows]
        known = {
            "from_timestamp": min(times, default=None),
            "to_timestamp": max(times, default=None),
            "older_trades_exist": found["has_more"],
        }
        return _answer(_age_s(times), known, {"trades": rows})

    async def chain(
        self,
        currency: Annotated[str, Field(description="Such as BTC.")],
        expiry: Annotated[str, Field(description="As in names, such as 26DEC25; empty for all.")] = "",
        limit: Annotated[int, Field(ge=1, le=1000)] = 200,
    ) -> Answer:
        """The options of a currency: best prices, mark prices and implied volatilities (percent)."""
        found = await self._dw.call("public/get_book_summary_by_currency", currency=currency, kind="option")
        chosen = [each for each in found if f"-{expiry.upper()}" in each["instrument_name"] or not expiry]
        members = "bid_price", "ask_price", "mark_price", "mark_iv", "underlying_price", "open_interest"
        rows = [
            {"instrument_name": each["instrument_name"]} | {name: _text(each.get(name)) for name in members}
            for each in sorted(chosen, key=lambda each: str(each["instrument_name"]))[:limit]
        ]
        known = {"listed": len(rows), "matching": len(chosen)}
        return _answer(_age_s([each["creation_timestamp"] for each in chosen]), known, {"options": rows})

    async def health(self) -> Answer:
        """Whether the server answers, how fast, and the state of every book asked for so far."""
        begun = time.perf_counter()
        status = await self._dw.call("public/status")
        round_trip_ms = (time.perf_counter() - begun) * 1000
        books = {name: self._dw.book(name) for name in sorted(self._asked)}
        shown = {
            name: {"state": book.state, "reason": book.reason, "age_s": _seconds(book.age)}
            for name, book in books.items()
        }
        facts = {"round_trip_ms": round(round_trip_ms, 1), "status": status, "books": shown}
        return _answer(0.0, {"books": len(books)}, facts)


def make_mcp_server(dw: Connection) -> MCPServer:
    """The server of a connection's data."""
    server = MCPServer("deltawire", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    tools = MarketTools(dw)
    for tool in (tools.instruments, tools.book, tools.trades, tools.chain, tools.health):
        server.add_tool(_telling(tool), annotations=READ_ONLY)
    return server


def _telling(tool: Any) -> Any:
    """A tool whose errors are answers, too: with what to do next, and no prices."""

    @wraps(tool)
    async def telling(*args: Any, **kwargs: Any) -> Answer:
        try:
            found: Answer = await tool(*args, **kwargs)
        except DeltawireError as error:
            return _answer(None, {}, {}, state="error", reason=str(error))
        return found

    return telling


def _answer(
    age_s: float | None, known: Answer, facts: Mapping[str, Any], *, state: str = "answered", reason: str = ""
) -> Answer:
    return {"state": state, "reason": reason, "age_s": _seconds(age_s), "known": known, **facts}


def _age_s(timestamps_ms: list[int]) -> float | None:
    return time.time() - max(timestamps_ms) / 1000 if timestamps_ms else None


def _seconds(age_s: float | None) -> float | None:
    return None if age_s is None else round(max(0.0, age_s), 3)


def _edge(ends: tuple[Decimal | None, Decimal | None] | None, side: int) -> str | None:
    """How far a side is known: a price, `all` of it, None for nothing."""
    if ends is None:
        return None
    edge = ends[side]
    return "all" if edge is None else _price(edge)


def _price(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _text(value: Any) -> Any:
    """A double as the decimal that it stands for."""
    return format(Decimal(repr(value)), "f").removesuffix(".0") if isinstance(value, float) else value
