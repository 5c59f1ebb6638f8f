"""`deltawire serve --venue` and `plan` as processes, against simulated venues as processes."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError

import pytest

import deltawire
from deltawire.client.items import Gap, Outage
from deltawire.model.events import BookDelta, BookImage, Trade
from tests.support.commands import Command, run
from tests.support.waiting import until

Capture = pytest.CaptureFixture[str]


def address(simulated: Command) -> str:
    """Where a simulated venue listens."""
    found = re.search(r"http://(\S+)", simulated.out.until("HTTP"))
    assert found is not None
    return f"ws://{found[1]}"


@pytest.fixture(scope="module")
def venues() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        commands = {
            name: stack.enter_context(Command("simulate", "--venue", name, "--port", 0))
            for name in ("okx", "binance_usdm")
        }
        yield {name: address(command) for name, command in commands.items()}


def metrics(port: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for line in lines if line[0] != "#" for key, _, value in [line.rpartition(" ")]}


def ready(port: str) -> bool:
    with urllib.request.urlopen(f"http://{port}/readyz") as answer:
        return bool(answer.status == 200)


async def test_two_venues_and_the_exchange_are_served_together(
    venues: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["serve", "--port", 0, "--exchange"]
    for name, patterns in (("okx", "BTC-USDT*"), ("binance_usdm", "*USDT")):
        arguments += ["--venue", name, "--instruments", patterns, "--endpoint", f"{name}={venues[name]}"]
    with Command(*arguments, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        found = re.search(r"ws://([^/]+)/", server.out.until("WebSocket"))
        assert found is not None
        port = found[1]
        async with deltawire.open(port) as dw:
            seen: set[tuple[str, str]] = set()
            wanted = {
                ("book", "okx:BTC-USDT-SWAP"),
                ("trade", "okx:BTC-USDT"),
                ("book", "binance_usdm:ETHUSDT"),
                ("book", "deltawire:BTC-PERPETUAL"),
            }

            async def listed() -> set[str]:
                return {one["instrument_name"] for one in await dw.call("public/get_instruments")}

            names: set[str] = set()
            while not {"okx:BTC-USDT-SWAP", "binance_usdm:ETHUSDT", "okx:BTC-USDT", "BTC-PERPETUAL"} <= names:
                names = await listed()
            assert "okx:ETH-USD-301227" not in names
            assert "binance_usdm:BTCUSDT_301227" not in names
            channels = [
                "book.okx:BTC-USDT-SWAP.raw",
                "trades.okx:BTC-USDT.raw",
                "book.binance_usdm:ETHUSDT.raw",
            ]
            async for item in await dw.subscribe(*channels, "book.BTC-PERPETUAL.raw"):
                assert not isinstance(item, Gap | Outage)
                if isinstance(item, BookImage | BookDelta | Trade):
                    seen.add(("trade" if isinstance(item, Trade) else "book", item.instrument.key))
                if wanted <= seen:
                    break
        for _ in range(2):
            assert "refused=0" in server.err.until("books are live")
        await until(lambda: metrics(port)['deltawire_streams{state="flowing",venue="okx"}'] >= 2)
        figures = metrics(port)
        assert figures['deltawire_venue_sockets{connection="1",venue="okx"}'] == 1
        assert figures['deltawire_venue_sockets{connection="2",venue="binance_usdm"}'] == 1
        assert figures['deltawire_streams{state="refused",venue="okx"}'] == 0
        assert figures['deltawire_instruments_subscribed{venue="binance_usdm"}'] == 2
        assert 0 < figures['deltawire_rest_weight_used{venue="binance_usdm"}'] <= 100
        assert figures['deltawire_rest_weight_limit{venue="binance_usdm"}'] == 2400
        assert ready(port)


async def test_a_configuration_file_names_venues(venues: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "deltawire.toml"
    file.write_text(
        f'[listen]\nport = 0\n[[live]]\nvenue = "okx"\ninstruments = ["BTC-USDT"]\nendpoints = ["{venues["okx"]}"]\n'
        "second_connection = true\n"
    )
    with Command("serve", "--config", file, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        found = re.search(r"ws://([^/]+)/", server.out.until("WebSocket"))
        assert found is not None
        port = found[1]
        await until(lambda: metrics(port).get('deltawire_venue_sockets{connection="1",venue="okx"}') == 2)
        async with deltawire.open(port) as dw:
            book = dw.book("BTC-USDT")
            await book.next()


def test_plan_prints_connections_requests_weight_and_time(capsys: Capture, venues: dict[str, str]) -> None:
    endpoint = f"binance_usdm={venues['binance_usdm']}"
    outcome = run(capsys, "plan", "--venue", "binance_usdm", "--instruments", "all", "--endpoint", endpoint)
    assert outcome.code == 0
    assert "binance_usdm: 3 instruments, 15 subscriptions" in outcome.out
    assert "connections  2" in outcome.out
    assert (
        "1 list of instruments, 3 images of books: weight 61 (the venue allows 2400 per 60 s)" in outcome.out
    )
    assert re.search(r"all books    live after \d+\.\d s", outcome.out)
    outcome = run(capsys, "plan", "--venue", "binance_usdm", "--endpoint", endpoint, "--json")
    plan = json.loads(outcome.out)
    assert (plan["streams"], plan["requests"], plan["weight"], plan["problems"]) == (15, 2, 61, [])
    assert [connection["path"] for connection in plan["connections"]] == ["public", "market"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["plan", "--venue", "nope"], "unknown venue 'nope'; known: "),
        (
            ["plan", "--venue", "okx", "--endpoint", "okx=ws://127.0.0.1:1"],
            "okx: cannot get the list of instruments",
        ),
        (["plan", "--venue", "okx", "--endpoint", "127.0.0.1"], "--endpoint is VENUE=URL"),
        (["serve", "--instruments", "BTC-*"], "--instruments and --endpoint need a --venue"),
        (["serve", "--venue", "nope"], "unknown venue 'nope'; known: "),
        (["serve", "--venue", "okx", "--venue", "okx"], "each venue can be served only once"),
        (["serve", "--venue", "okx", "--instruments", ","], "--instruments is empty: '*' means all"),
        (
            ["serve", "--venue", "okx", "--venue", "kraken", "--instruments", "BTC-*"],
            "2 venues to connect to but 1 --instruments",
        ),
        (
            ["serve", "--venue", "okx", "--endpoint", "kraken=ws://127.0.0.1:1"],
            "--endpoint kraken=… needs --venue kraken",
        ),
        (["serve", "--venue", "okx", "--seed", "3"], "--seed applies to the built-in exchange"),
    ],
)
def test_what_is_wrong_is_one_line(capsys: Capture, arguments: list[str], line: str) -> None:
    outcome = run(capsys, *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith(f"deltawire: {line}")


def test_a_server_without_a_network_says_so_and_goes_on(tmp_path: Path) -> None:
    arguments = ["serve", "--port", 0, "--venue", "okx", "--endpoint", "okx=ws://127.0.0.1:1"]
    with Command(*arguments, DELTAWIRE_HOME=str(tmp_path / "home")) as server:
        found = re.search(r"ws://([^/]+)/", server.out.until("WebSocket"))
        line = server.err.until("no lists of instruments yet")
        assert "is there a network?" in line
        again = server.err.until("no lists of instruments yet")
        assert all("fault" in told for told in (line, again)), "once, as a fault of the venue"
        assert found is not None
        with pytest.raises(HTTPError, match="503"):
            ready(found[1])
