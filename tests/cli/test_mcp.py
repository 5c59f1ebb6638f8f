"""`deltawire mcp` as an agent sees it: the real client, over standard input and output."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.support.gateway_server import GatewayServer, Way, certificate
from tests.support.market_events import make_option, make_ticker, make_trade
from tests.support.waiting import HANG_S


@asynccontextmanager
async def agent(where: str, *options: str) -> AsyncIterator[Client]:
    command = ["-m", "deltawire", "mcp", where, *options]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
    async with Client(parameters, read_timeout_seconds=HANG_S) as client:
        yield client


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found
    assert found.structured_content is not None
    return found.structured_content


async def test_every_answer_says_how_far_it_may_be_relied_on(way: Way) -> None:
    with GatewayServer(way=way) as server:
        server.go_live()
        option = make_option()
        server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="1")])
        server.feed([make_ticker(option, mark_price=0.05, mark_iv=50.5)])
        options = ["--cafile", str(certificate())] if way.secure else []
        async with agent(server.url, *options) as client:
            tools = (await client.list_tools()).tools
            assert {tool.name for tool in tools} == {"instruments", "book", "trades", "chain", "health"}
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
            found = await answer(client, "instruments", contains="perp")
            assert [each["instrument_name"] for each in found["instruments"]] == ["BTC-PERPETUAL"]
            book = await answer(client, "book", instrument="BTC-PERPETUAL", depth=1)
            assert (book["state"], book["verified"]) == ("live", True)
            assert (book["bids"], book["asks"]) == ([["100.0", "10"]], [["100.1", "30"]])
            trades = await answer(client, "trades", instrument="BTC-PERPETUAL")
            assert (trades["trades"][0]["price"], trades["known"]["older_trades_exist"]) == ("100", False)
            chain = await answer(client, "chain", currency="BTC")
            assert chain["options"][0]["instrument_name"] == option.name
            health = await answer(client, "health")
            assert health["books"]["BTC-PERPETUAL"]["state"] == "live"
            assert {each["state"] for each in (found, trades, chain, health)} == {"answered"}
            for each in (found, book, trades, chain, health):
                assert {"state", "reason", "age_s", "known"} <= each.keys()
            server.feed([server.book.stale("gap")])
            while book["state"] == "live":
                book = await answer(client, "book", instrument="BTC-PERPETUAL")
            assert (book["state"], book["reason"], book["bids"], book["mid"]) == ("stale", "gap", [], None)
            wrong = await answer(client, "book", instrument="NO-SUCH")
            assert wrong["state"] == "error"
            assert "NO-SUCH" in wrong["reason"]
            wrong = await answer(client, "trades", instrument="NO-SUCH")
            assert wrong["state"] == "error"


async def test_a_server_that_is_lost_is_no_live_book(tmp_path: Path) -> None:
    with GatewayServer() as server:
        server.go_live()
        async with agent(server.url) as client:
            assert (await answer(client, "book", instrument="BTC-PERPETUAL"))["state"] == "live"
            server.stop()
            book = await answer(client, "book", instrument="BTC-PERPETUAL")
            while book["state"] == "live":
                book = await answer(client, "book", instrument="BTC-PERPETUAL")
            assert (book["state"], book["reason"], book["bids"]) == ("stale", "lost", [])


@pytest.mark.parametrize(
    ("where", "why"), [("replay:none", "whose recording"), ("sim:size=3", "no option size")]
)
def test_what_cannot_be_opened_is_one_line(where: str, why: str) -> None:
    command = [sys.executable, "-m", "deltawire", "mcp", where]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=HANG_S)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
