"""Run Autobahn|Testsuite's fuzzing server against the connection of every client here; print tally and deviations.

WSTEST names the suite's program, arguments are case patterns. The client says back whatever comes, as the suite wants,
and takes messages of more fragments than usual (131,072 instead of 4,096), as `/echo` of the server does.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["WEBSOCKETS_MAX_FRAGMENTS"] = "131072"  # read when websockets is imported

from autobahn import CASES, judge
from websockets.exceptions import ConnectionClosed

from deltawire.client.client import dial

AGENT = "deltawire"
START_WITHIN_S, CASE_WITHIN_S = 60, 300


def main(cases: list[str]) -> int:
    """0 when no case failed."""
    wstest = os.environ.get("WSTEST", "")
    if not Path(wstest).is_file():
        print("set WSTEST to the wstest program of Autobahn|Testsuite (CPython 2.7)")
        return 2
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        url, spec = f"ws://127.0.0.1:{port}", Path(folder) / "spec.json"
        asked = {"url": url, "outdir": folder, "cases": cases or CASES}
        spec.write_text(json.dumps(asked | {"exclude-cases": [], "exclude-agent-cases": {}}))
        command = [wstest, "-m", "fuzzingserver", "-s", str(spec), "-u", "0"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                asyncio.run(_run(url))
            finally:
                server.terminate()
        found = json.loads((Path(folder) / "index.json").read_text())[AGENT]
    return judge(found)


async def _run(url: str) -> None:
    """Every case, and the report."""
    async with asyncio.timeout(START_WITHIN_S):
        count = int(await _first(f"{url}/getCaseCount"))
    for case in range(1, count + 1):
        async with asyncio.timeout(CASE_WITHIN_S):
            await _echo(f"{url}/runCase?case={case}&agent={AGENT}")
    async with asyncio.timeout(CASE_WITHIN_S):
        await _echo(f"{url}/updateReports?agent={AGENT}")


async def _first(url: str) -> str:
    """The first message, once there is a server."""
    while True:
        try:
            connection = await dial(url)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        message = await connection.recv()
        await connection.close()
        return str(message)


async def _echo(url: str) -> None:
    """Say back what comes until the other side closes."""
    connection = await dial(url, compress=True)
    try:
        while True:
            await connection.send(await connection.recv())
    except ConnectionClosed:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
