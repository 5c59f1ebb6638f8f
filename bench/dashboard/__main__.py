"""`make browser-bench`, or `python -m bench.dashboard [--rate 1000] [--seconds 20] [--minutes 3]`.

At so many book updates per second: script per second and frames of the dashboard's market view and of its book alone,
beside a table ladder in Preact (web/bench), in interleaved rounds; script of a hidden page; memory over the minutes;
and the bytes of the first load. It fails where a bar is missed. Script is that of the main thread by Chromium's
counter, and all processor time of the worker's thread.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.build_dashboard import build, get_node

from bench.dashboard.chromium import Chromium, Cost, View, launched
from bench.fanout_pair import ROOT, free_port
from deltawire.gateway.pages import FOLDER

PEER = ROOT / "build" / "bench" / "peer"
ROUNDS, WARM_S = 3, 8
MOST_SCRIPT_MS, MOST_FRAME_MS, MOST_HIDDEN_MS, MOST_LOAD = 250, 50, 10, 120 * 1024
MOST_GROWTH = 0.1
"""Of the heap, from the first third of the time to the last."""
HIDES_AFTER_S = 6
SAMPLE_S = 10
PARTS = 3
PLACE = {"group": "A", "width": 12, "height": 15}
LADDER = {
    "format": "deltawire-layout",
    "version": 1,
    "name": "Book",
    "panes": [{"kind": "ladder", **PLACE}],
    "links": {},
}


def main() -> None:
    """Measure all, print it, and say which bars were missed."""
    parser = argparse.ArgumentParser(
        "python -m bench.dashboard", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--rate", type=int, default=1_000, help="book updates per second (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20, help="of each measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=3, help="for which memory is watched (default: %(default)s)"
    )
    asked = parser.parse_args()
    if not FOLDER.is_dir():
        sys.exit("browser-bench: the dashboard is not built: make dashboard")
    get_node()
    build(PEER, "build:peer")
    missed = first_load()
    with busy_server(asked.rate) as address, launched() as chromium:
        pages = openers(chromium, address)
        missed += busy(pages, address, asked.rate, asked.seconds)
        missed += hidden(pages, asked.seconds)
        missed += memory(pages, chromium, asked.minutes)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


Opener = Callable[[], View]


def openers(chromium: Chromium, address: str) -> dict[str, Opener]:
    """What is measured, by its name in the report."""
    only_ladder = f"localStorage.setItem('deltawire.layout', {json.dumps(json.dumps(LADDER))})"
    files = {f"/peer/{path.relative_to(PEER).as_posix()}": path for path in PEER.rglob("*") if path.is_file()}
    return {
        "dashboard, market view": lambda: chromium.open(f"{address}/#/market/BTC-PERPETUAL"),
        "dashboard, book alone": lambda: chromium.open(f"{address}/#/market/BTC-PERPETUAL", only_ladder),
        "Preact ladder": lambda: chromium.open(f"{address}/peer/index.html", files=files),
    }


def first_load() -> list[str]:
    """Bytes, compressed with brotli, of what the page needs first, and of what it loads later."""
    page = (FOLDER / "index.html").read_text()
    first = {"index.html", *(name.removeprefix("/") for name in re.findall(r'"(/assets/[^"]+)"', page))}
    first |= {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("assets/worker-*.js")}
    size = sum((FOLDER / f"{name}.br").stat().st_size for name in first)
    print(f"first load: {size / 1024:.1f} KB brotli (bar {MOST_LOAD / 1024:.0f})")
    return ["first load"] if size > MOST_LOAD else []


def busy(pages: dict[str, Opener], address: str, rate: int, seconds: float) -> list[str]:
    """Each in turn, several times; medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in pages}
    heard: list[float] = []
    for _ in range(ROUNDS):
        for name, open_page in pages.items():
            view = open_page()
            time.sleep(WARM_S)
            before, begin = deliveries(address), time.monotonic()
            costs[name].append(view.measure(seconds))
            heard.append((deliveries(address) - before) / (time.monotonic() - begin))
            view.close()
    print(
        f"at {rate:,} book updates/s, {min(heard):,.0f} notifications/s or more sent to each page; medians of {ROUNDS}:"
    )
    head = ("", "script ms/s", "of it worker", "Chromium ms/s", "frame p50", "p99", "most")
    print(f"{head[0]:24}" + "".join(f"{title:>15}" for title in head[1:]))
    for name, rounds in costs.items():
        print(f"{name:24}" + "".join(f"{value:15.1f}" for value in figures(rounds)))
    ours = figures(costs["dashboard, market view"])
    bars = {
        "script": ours[0] > MOST_SCRIPT_MS,
        "frame p99": ours[4] > MOST_FRAME_MS,
        "rate": min(heard) < 0.95 * rate,
    }
    print(f"bars: script {MOST_SCRIPT_MS} ms/s, frame p99 {MOST_FRAME_MS} ms")
    return [bar for bar, is_missed in bars.items() if is_missed]


def figures(rounds: list[Cost]) -> list[float]:
    """Medians, in the order of the report."""
    members: list[Callable[[Cost], float]] = [
        lambda cost: cost.script,
        lambda cost: cost.worker,
        lambda cost: cost.whole,
        lambda cost: cost.frame_p50,
        lambda cost: cost.frame_p99,
        lambda cost: cost.frame_most,
    ]
    return [statistics.median(map(member, rounds)) for member in members]


def hidden(pages: dict[str, Opener], seconds: float) -> list[str]:
    """The market view after it was told that it is hidden."""
    view = pages["dashboard, market view"]()
    time.sleep(WARM_S)
    view.hide()
    time.sleep(HIDES_AFTER_S)
    cost = view.measure(seconds, frames=False)
    view.close()
    print(
        f"hidden: {cost.script:.1f} ms/s of script, {cost.worker:.1f} of it the worker (bar {MOST_HIDDEN_MS})"
    )
    return ["hidden"] if cost.script > MOST_HIDDEN_MS else []


def memory(pages: dict[str, Opener], chromium: Chromium, minutes: float) -> list[str]:
    """The heap after garbage was collected, and the renderers' memory, of the market view."""
    if not minutes:
        return []
    view = pages["dashboard, market view"]()
    time.sleep(WARM_S)
    heaps, renderers = [], []
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        time.sleep(SAMPLE_S)
        heaps.append(view.heap_mib())
        renderers.append(chromium.resident_mib())
    view.close()
    (heap, heap_after), (whole, whole_after) = ends(heaps), ends(renderers)
    print(f"memory over {minutes:g} min, medians of its first third and of its last:")
    print(
        f"  heap of the page {heap:.1f} → {heap_after:.1f} MiB, renderers {whole:.0f} → {whole_after:.0f} MiB"
    )
    return ["memory"] if heap_after > (1 + MOST_GROWTH) * heap else []


def ends(values: list[float]) -> tuple[float, float]:
    """Medians of the first third and of the last."""
    part = max(1, len(values) // PARTS)
    return statistics.median(values[:part]), statistics.median(values[-part:])


def deliveries(address: str) -> int:
    """Notifications that the server has sent."""
    with urllib.request.urlopen(f"{address}/api/v2/public/get_server_health") as answer:
        return int(json.load(answer)["result"]["deliveries"])


@contextmanager
def busy_server(rate: int) -> Iterator[str]:
    """The address of a server with one busy book."""
    port = free_port()
    command = [sys.executable, "-m", "bench.servers.busy_book", str(port), str(rate)]
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            yield wait_for(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> str:
    """Until it answers."""
    while server.poll() is None:
        try:
            deliveries(address)
        except OSError:
            time.sleep(0.05)
        else:
            return address
    sys.exit("browser-bench: the server has ended")


if __name__ == "__main__":
    main()
