"""Servers over recordings that the tests make themselves, so that they need no other."""

import signal
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest

from deltawire.recording import RecordingEntry
from deltawire.testing.recordings import PERPETUAL, make_recording, write_log
from tests.support.gateway_server import GatewayServer
from tests.support.replays import SteppedReplay
from tests.support.served_exchange import Account, ServedExchange, serving_exchange
from tests.support.serving import Served, connected, serving
from tests.support.waiting import HANG_S

HANGS_S = int(5 * HANG_S)
"""A test waits several times."""
Told = dict[str, list[Any]]
"""What the venue said, by its channel, in order."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """A client that is never told what it waits for would wait for ever."""
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(HANGS_S)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _give_up(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"not done within {HANGS_S} s")


@pytest.fixture(scope="session")
def long_records() -> list[RecordingEntry]:
    """Two minutes with 3,000 changes of the perpetual's book."""
    return list(make_recording(seed=1))


@pytest.fixture(scope="session")
def long_recording(long_records: list[RecordingEntry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    return write_log(long_records, tmp_path_factory.mktemp("recordings") / "long.log")


@pytest.fixture(scope="session")
def short_records() -> list[RecordingEntry]:
    """Twelve seconds in which one frame of the perpetual's book is lost."""
    return list(make_recording(seed=2, steps=300, losses=(150,)))


@pytest.fixture(scope="session")
def short_recording(short_records: list[RecordingEntry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    return write_log(short_records, tmp_path_factory.mktemp("recordings") / "short.log")


@pytest.fixture(scope="package")
def finished(long_recording: Path) -> Iterator[Served]:
    """A server that plays the long recording once, at full speed, and whose connection then stands still."""
    with GatewayServer(sources=(SteppedReplay(long_recording, "deribit", held=True),)) as server:
        yield Served(server.url, f"http://127.0.0.1:{server.port}")


@pytest.fixture(scope="session")
def told_by_finished(long_records: list[RecordingEntry]) -> Told:
    """What the venue of the finished server has said."""
    return told(long_records)


@pytest.fixture(scope="package")
def looping(short_recording: Path) -> Iterator[Served]:
    """A server that plays the short recording again and again, twelve times as fast as it was."""
    with serving((short_recording, "deribit"), speed="12", loop=True) as served:
        yield served


@pytest.fixture(scope="session")
def told_by_looping(short_records: list[RecordingEntry]) -> Told:
    """What the venue of the looping server says in each round."""
    return told(short_records)


@pytest.fixture(scope="package")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    """The built-in exchange, for clients that can be told any address."""
    with serving_exchange(tmp_path_factory.mktemp("exchange")) as found:
        yield found


@pytest.fixture(scope="package")
def secure_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedExchange]:
    """The same over TLS, for clients that write `https://` and `wss://` themselves."""
    with serving_exchange(tmp_path_factory.mktemp("exchange"), "--self-signed") as found:
        yield found


@pytest.fixture(scope="module")
def account(exchange: ServedExchange, request: pytest.FixtureRequest) -> Account:
    """An account on the exchange for one file of tests."""
    return exchange.add_account(request.path.stem, "BTC=10", "ETH=100", "USDC=1000000")


@pytest.fixture(scope="module")
def secure_account(secure_exchange: ServedExchange, request: pytest.FixtureRequest) -> Account:
    """An account on the exchange behind TLS for one file of tests."""
    return secure_exchange.add_account(request.path.stem, "BTC=10", "ETH=100", "USDC=1000000")


def told(records: Iterable[RecordingEntry]) -> Told:
    """The notifications among the records of a Deribit connection."""
    found: Told = {}
    for record in records:
        message = msgspec.json.decode(record.payload) if record.kind == "received" else {}
        if message.get("method") == "subscription":
            found.setdefault(message["params"]["channel"], []).append(message["params"]["data"])
    return found


async def play_ended(served: Served, told_by_venue: Told) -> None:
    """The server has played what its venue said to the end."""
    name = PERPETUAL.name
    end = told_by_venue[f"book.{name}.raw"][-1]["timestamp"]
    async with connected(served, name) as client:
        await client.subscribe(f"book.{name}.raw")
        async for note in client:
            if note.data["timestamp"] >= end:
                return
