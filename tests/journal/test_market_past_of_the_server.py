"""Candles, trades, the last day and funding survive a restart of the server, however it ended."""

import json
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Command
from tests.support.waiting import wait_until

NAME = "BTC-PERPETUAL"
SPEED = 5


def serving(folder: Path) -> Command:
    """A server that serves, five minutes of its market a minute; its address is `base`."""
    server = Command("serve", "--port", 0, "--speed", SPEED, DELTAWIRE_HOME=str(folder))
    match = re.search(r"http://[^/]*", server.out.until("HTTP"))
    assert match is not None
    server.base = match[0]  # type: ignore[attr-defined]
    return server


def ask(server: Command, method: str, **params: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    with urllib.request.urlopen(f"{server.base}/api/v2/public/{method}?{query}") as answer:  # type: ignore[attr-defined]
        return json.load(answer)["result"]


def until_traded(server: Command) -> None:
    """Wait for the perpetual to be listed and to have been traded in two minutes."""

    def traded() -> bool:
        listed = [each["instrument_name"] for each in ask(server, "get_instruments", kind="future")]
        return NAME in listed and len(chart(server, 0, 10**13)["ticks"]) >= 2

    wait_until(traded, times=5)  # two minutes by its clock


def chart(server: Command, start_ms: int, end_ms: int) -> Any:
    return ask(
        server,
        "get_tradingview_chart_data",
        instrument_name=NAME,
        resolution=1,
        start_timestamp=start_ms,
        end_timestamp=end_ms,
    )


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_server_knows_the_market_as_it_was(tmp_path: Path, ended_by: signal.Signals) -> None:
    with serving(tmp_path) as server:
        until_traded(server)
        ticks = chart(server, 0, 10**13)["ticks"]
        span = ticks[0], ticks[-2]  # the last is not over
        before = chart(server, *span)
        trades = ask(
            server, "get_last_trades_by_instrument", instrument_name=NAME, count=20, end_timestamp=span[1]
        )
        index = ask(server, "get_index_chart_data", index_name="btc_usd", range="1h")[:-2]
        server.signal(ended_by)
        server.end()
    with serving(tmp_path) as server:
        until_traded(server)
        assert chart(server, *span) == before
        again = ask(
            server, "get_last_trades_by_instrument", instrument_name=NAME, count=20, end_timestamp=span[1]
        )
        assert again["trades"] == trades["trades"]
        chart_now = ask(server, "get_index_chart_data", index_name="btc_usd", range="1h")
        assert [point for point in chart_now if point in index] == index
        stats = ask(server, "ticker", instrument_name=NAME)["stats"]
        assert stats["volume"] >= sum(before["volume"]) > 0
        assert stats["low"] <= min(before["low"])
        assert stats["high"] >= max(before["high"])
        volumes = {each["currency"]: each for each in ask(server, "get_trade_volumes")}
        assert volumes["BTC"]["futures_volume"] >= sum(before["volume"])
