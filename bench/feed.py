"""Feed: recorded frames → verified book → encoded delta, against cryptofeed's and ccxt's handlers.

Every contestant gets the same frames in the same order, in turns; the figure is the median over the turns. All that a
contestant needs is made ready before its clock starts. The peers end where the book is right, so they are held
against us without encoding as well as with it. Images that open a book and changes are timed apart.
"""

import gc
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version

from bench import feed_ccxt, feed_cryptofeed, feed_ours
from bench.feed_limit import scan_us, stages_us
from bench.frames import RECORDINGS, Frames, Spent, load
from deltawire.book.kernel import DESCRIPTION

ROUNDS, QUICK_ROUNDS = 7, 3
PEERS = {"cryptofeed as shipped": 10, "cryptofeed, checks on": 10, "ccxt": 20}
"""How many times faster than each we mean to be."""
Contestant = Callable[[Frames, int], Spent | None]
VERIFIED, ENCODED = "ours, verified book", "ours, and encoded"

CONTESTANTS: dict[str, Contestant] = {
    VERIFIED: lambda frames, times: feed_ours.run(frames, times, encode=False),
    ENCODED: lambda frames, times: feed_ours.run(frames, times, encode=True),
    "ours, pure Python": feed_ours.run_pure,
    "cryptofeed, checks on": lambda frames, times: feed_cryptofeed.run(frames, times, checked=True),
    "cryptofeed as shipped": lambda frames, times: feed_cryptofeed.run(frames, times, checked=False),
    "ccxt": feed_ccxt.run,
}


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    sets = load()
    if not sets:
        print(f"feed: no recordings in {RECORDINGS}; set DELTAWIRE_RECORDINGS", file=sys.stderr)
        return
    print(f"Feed, {DESCRIPTION}")
    print("  frame → verified book (→ encoded delta, JSON), processor time per message, medians")
    print(
        f"  Python {sys.version.split()[0]}, cryptofeed {version('cryptofeed')}, ccxt {version('ccxt')}; "
        "× says how many times faster we are"
    )
    for frames in sets:
        _report(frames, measure(frames, QUICK_ROUNDS if quick else ROUNDS))


def measure(frames: Frames, rounds: int) -> dict[str, list[Spent]]:
    """What each contestant that can read these frames took in each round.

    Python's collector runs as ever, but does not walk what the recordings and the others keep on anybody's time.
    """
    found: dict[str, list[Spent]] = {}
    for _ in range(rounds):
        for name, run in CONTESTANTS.items():
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            spent = run(frames, times_of(frames))
            if spent is not None:
                found.setdefault(name, []).append(spent)
    return found


def times_of(frames: Frames) -> int:
    """How often a round reads the recording: a short one more than once."""
    return max(1, 2000 // len(frames))


def _report(frames: Frames, spent: dict[str, list[Spent]]) -> None:
    times, images = times_of(frames), frames.images
    opening = f", {images} of them images that open a book" if images else ""
    print(f"\n  {frames.name}: {len(frames):,} messages of {frames.levels:.1f} levels{opening}")
    whole = {
        name: statistics.median(one.images + one.changes for one in rounds) / times / len(frames) * 1e6
        for name, rounds in spent.items()
    }
    _table(whole)
    if images:
        changes = len(frames) - images
        print(f"    the {changes:,} changes alone:")
        _table(
            {
                name: statistics.median(one.changes for one in rounds) / times / changes * 1e6
                for name, rounds in spent.items()
            }
        )
    ours, limit = whole[ENCODED], scan_us(frames)
    print(f"    {'C, scans the bytes':24s} {limit:9.2f} µs  {1e6 / limit:11,.0f} msg/s")
    stages = stages_us(frames)
    stages["Python, and cold caches"] = max(0.0, ours - sum(stages.values()))
    shares = ", ".join(f"{name} {100 * spent / sum(stages.values()):.0f} %" for name, spent in stages.items())
    print(f"    of our time, encoded: {shares}")


def _table(cost: dict[str, float]) -> None:
    for name, microseconds in cost.items():
        line = f"    {name:24s} {microseconds:9.2f} µs  {1e6 / microseconds:11,.0f} msg/s"
        bar = PEERS.get(name)
        if bar:
            line += f"  bar {bar} ×: " + ", ".join(
                f"{what} {microseconds / cost[ours]:.2f} × {'met' if microseconds / cost[ours] >= bar else 'missed'}"
                for what, ours in (("verified", VERIFIED), ("encoded", ENCODED))
            )
        print(line)
