"""Feed: recorded frames → verified book → encoded delta, against cryptofeed's and ccxt's handlers.

Every contestant gets the same frames in the same order, in turns; the figure is the median over the turns.
"""

import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version

from bench import feed_ccxt, feed_cryptofeed, feed_ours
from bench.feed_limit import scan_us, stages_us
from bench.frames import RECORDINGS, Frames, load
from deltawire.book.kernel import DESCRIPTION

ROUNDS, QUICK_ROUNDS = 7, 3
PEERS = {"cryptofeed as shipped": 10, "cryptofeed, checks on": 10, "ccxt": 20}
"""How many times faster than each we mean to be."""
Contestant = Callable[[Frames], float | None]

CONTESTANTS: dict[str, Contestant] = {
    "ours": feed_ours.run,
    "ours, not encoded": lambda frames: feed_ours.run(frames, encode=False),
    "ours, pure Python": feed_ours.run_pure,
    "cryptofeed, checks on": lambda frames: feed_cryptofeed.run(frames, checked=True),
    "cryptofeed as shipped": lambda frames: feed_cryptofeed.run(frames, checked=False),
    "ccxt": feed_ccxt.run,
}


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    sets = load()
    if not sets:
        print(f"feed: no recordings in {RECORDINGS}; set DELTAWIRE_RECORDINGS", file=sys.stderr)
        return
    print(f"Feed, {DESCRIPTION}")
    print("  frame → verified book → encoded delta (JSON), processor time per message, medians")
    print(
        f"  Python {sys.version.split()[0]}, cryptofeed {version('cryptofeed')}, ccxt {version('ccxt')}; "
        "a ratio above 1 says how many times faster we are"
    )
    for frames in sets:
        _report(frames, measure(frames, QUICK_ROUNDS if quick else ROUNDS))


def measure(frames: Frames, rounds: int) -> dict[str, float]:
    """Microseconds per message of each contestant that can read these frames."""
    times: dict[str, list[float]] = {}
    repeat = max(1, 2000 // len(frames))
    for _ in range(rounds):
        for name, run in CONTESTANTS.items():
            found = [run(frames) for _ in range(repeat)]
            if found[0] is not None:
                times.setdefault(name, []).append(sum(filter(None, found)) / repeat)
    return {name: statistics.median(each) / len(frames) * 1e6 for name, each in times.items()}


def _report(frames: Frames, cost: dict[str, float]) -> None:
    ours = cost["ours"]
    images = sum(b'"snapshot"' in payload for _, payload in frames.frames)
    opening = f", {images} of them images that open a book" if images else ""
    print(f"\n  {frames.name}: {len(frames):,} messages of {frames.levels:.1f} levels{opening}")
    for name, microseconds in cost.items():
        ratio = "" if name == "ours" else f"{microseconds / ours:8.2f} ×"
        if name in PEERS:
            met = "met" if microseconds / ours >= PEERS[name] else "missed"
            ratio += f"  (bar {PEERS[name]}: {met})"
        print(f"    {name:24s} {microseconds:9.2f} µs  {1e6 / microseconds:11,.0f} msg/s {ratio}")
    limit = scan_us(frames)
    print(f"    {'C, scans the bytes':24s} {limit:9.2f} µs  {1e6 / limit:11,.0f} msg/s {limit / ours:8.2f} ×")
    stages = stages_us(frames)
    stages["Python, and cold caches"] = max(0.0, ours - sum(stages.values()))
    shares = ", ".join(f"{name} {100 * spent / sum(stages.values()):.0f} %" for name, spent in stages.items())
    print(f"    of our time: {shares}")
