"""`deltawire drain` closes the connections of a running server in turn, over the grace; each gets data until then."""

import asyncio
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from deltawire.roles.draining import Draining
from tests.support.commands import Command, run
from tests.support.trade_recordings import deribit_tape
from tests.support.waiting import HANG_S, until

CLIENTS, GRACE_S = 200, 4.0


async def closed_at(url: str, opened: list[str]) -> tuple[float, int]:
    """When a client was closed, and with which code."""
    async with connect(url, open_timeout=HANG_S, ping_interval=None) as client:
        opened.append(url)
        await client.wait_closed()
        return asyncio.get_running_loop().time(), client.close_code or 0


async def test_the_closes_of_200_clients_are_spread_over_the_grace(tmp_path: Path) -> None:
    tape, home = deribit_tape(tmp_path / "tape.log"), tmp_path / "h"
    options = "serve", "--replay", tape, "--venue", "deribit", "--loop", "--port", 0
    with Command(*options, DELTAWIRE_HOME=str(home)) as server:
        url = (await asyncio.to_thread(server.out.until, "WebSocket")).split()[-1]
        opened: list[str] = []
        clients = [asyncio.create_task(closed_at(url, opened)) for _ in range(CLIENTS)]
        await until(lambda: len(opened) == CLIENTS)
        drain = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deltawire", "drain", "--grace", str(GRACE_S)),
            env={"DELTAWIRE_HOME": str(home)},
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(HANG_S):
            closes = await asyncio.gather(*clients)
            said, _ = await drain.communicate()
        assert server.end() == 0
    assert {code for _, code in closes} == {1001}
    times = sorted(time for time, _ in closes)
    assert times[-1] - times[0] > GRACE_S / 2, "however busy the machine, they are not closed at once"
    assert said.decode().splitlines() == [
        f"{CLIENTS} connections are closed over {GRACE_S:g} s",
        "the server has stopped",
    ]
    assert drain.returncode == 0
    assert not [*(home / "run").iterdir()]


async def test_no_connection_is_closed_before_its_turn_and_none_waits_for_one_that_was_late() -> None:
    loop, closed, held_up_s = asyncio.get_running_loop(), list[float](), 0.5

    class Connection:
        def shutdown(self) -> None:
            closed.append(loop.time())
            if len(closed) == 1:
                time.sleep(held_up_s)  # a busy event loop

    draining = Draining()
    draining.follow([Connection() for _ in range(10)])
    assert draining.request(1.0) == 10
    assert draining.request(0.0) == 10
    began_s = loop.time()
    await draining.spread()
    assert len(closed) == 10
    assert all(at - began_s >= 0.099 * turn for turn, at in enumerate(closed))
    assert min(later - at for at, later in pairwise(closed)) < 0.05, (
        "those that were due meanwhile are closed at once"
    )


def test_without_a_server_drain_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path))
    outcome = run(capsys, "drain", "--port", 8080)
    assert (outcome.code, "no server on port 8080 runs" in outcome.err) == (2, True)
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "run" / "8080.sock").touch()
    outcome = run(capsys, "drain")
    assert (outcome.code, "no server answers" in outcome.err) == (2, True)
