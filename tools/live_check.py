"""Connect to a real venue for some minutes, and print whether it and deltawire keep their promises."""

import argparse
import asyncio
import sys
from collections import Counter

from deltawire.errors import DeltawireError
from deltawire.model.events import BookDelta, BookImage, Event, Fault, Status, Ticker, Trade
from deltawire.ports import Wants
from deltawire.roles.gateway import WallClock
from deltawire.sources.live.source import LiveSettings, LiveSource, open_live
from deltawire.testing.replica import ContractViolationError, Replica

FAILURES = ("gap", "checksum", "crossed", "mismatch", "malformed")
SLACK = 1.5, 30.0
"""Books may take so many times as long as planned, and so many seconds more."""
HEAL_S = 30.0
LATE_S = 5.0


class Observed:
    """What the source has told."""

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self._begun_ns = clock.now()
        self._replica = Replica()
        self.live: dict[str, float] = {}
        self.stale: dict[str, float] = {}
        self.reasons: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.broken = ""
        self.longest_heal_s = 0.0
        self.latest_s = 0.0

    def seconds(self) -> float:
        """Since the beginning."""
        return (self._clock.now() - self._begun_ns) / 1e9

    def take(self, event: Event) -> None:
        """Note an event."""
        self.events[type(event).__name__] += 1
        try:
            self._replica.take(event)
        except ContractViolationError as error:
            self.broken = self.broken or str(error)[:200]
        if isinstance(event, Fault):
            self.faults[event.reason[:80]] += 1
        elif isinstance(event, Status):
            self._status(event)
        elif isinstance(event, BookDelta | BookImage | Trade | Ticker) and event.venue_ns:
            self.latest_s = max(self.latest_s, (event.seen_ns - event.venue_ns) / 1e9)

    def _status(self, status: Status) -> None:
        name = status.instrument.name
        if status.state == "stale" and status.detail != "expired":
            self.reasons[status.reason] += 1
            self.stale.setdefault(name, self.seconds())
        elif status.state == "live":
            self.live.setdefault(name, self.seconds())
            if (since := self.stale.pop(name, None)) is not None:
                self.longest_heal_s = max(self.longest_heal_s, self.seconds() - since)


async def check(source: LiveSource, clock: WallClock, seconds: float) -> bool:
    """Run for so long, print, and return whether everything passed."""
    await source.load()
    plan, wanted = source.plan(), set(source.wanted)
    print(
        f"{source.venue}: {len(wanted)} instruments, {len(plan.connections)} connections, {plan.seconds:.1f} s planned"
    )
    observed = Observed(clock)
    replaced = False
    async with asyncio.timeout(seconds + 60):
        events = source.events(Wants())
        async for batch in events:
            for event in batch.events:
                observed.take(event)
            if not replaced and observed.seconds() > seconds / 2:
                replaced = True
                source.replace_connections()
            if observed.seconds() > seconds:
                break
    status = source.status()
    await events.aclose()  # type: ignore[attr-defined]
    streams: Counter[str] = Counter()
    for lane in status.lanes:
        streams.update(lane.streams)
    slowest_s = max(observed.live.values(), default=0.0)
    due_s = plan.seconds * SLACK[0] + SLACK[1]
    limited = sum(count for reason, count in observed.faults.items() if "429" in reason or "418" in reason)
    failures = {reason: observed.reasons[reason] for reason in FAILURES if observed.reasons[reason]}
    rows = [
        ("every connection is open", all(lane.sockets for lane in status.lanes), f"{len(status.lanes)}"),
        ("every subscription is acknowledged", not streams["asked"], f"{streams['asked']} are not"),
        ("none is refused", not streams["refused"], f"{streams['refused']} are"),
        ("every promised pace is kept", not streams["silent"], f"{streams['silent']} are silent"),
        ("every book is live", wanted <= {*observed.live}, f"{len(wanted - {*observed.live})} are not"),
        (f"all books are live within {due_s:.0f} s", slowest_s <= due_s, f"{slowest_s:.1f} s"),
        ("no book breaks its contract", not observed.broken, observed.broken or "none"),
        ("no update is missing or wrong", not failures, f"{failures or 'none'}"),
        (f"stale books heal within {HEAL_S:.0f} s", observed.longest_heal_s <= HEAL_S and not observed.stale,
         f"{observed.longest_heal_s:.1f} s, {len(observed.stale)} are stale now"),
        ("connections are replaced without a stale book" if source.joins else "connections are replaced",
         not observed.reasons["closed"] or not source.joins, f"{observed.reasons['closed']} became stale"),
        ("no limit is exceeded", not limited, f"{limited} answers 429 or 418"),
        ("trades arrive", observed.events["Trade"] > 0, f"{observed.events['Trade']}"),
        ("tickers arrive", observed.events["Ticker"] > 0, f"{observed.events['Ticker']}"),
        (f"nothing is later than {LATE_S:g} s", observed.latest_s <= LATE_S, f"{observed.latest_s:.3f} s at most"),
    ]  # fmt: skip
    for promise, kept, figure in rows:
        print(f"  {'pass' if kept else 'FAIL'}  {promise}: {figure}")
    for reason, count in observed.faults.most_common(10):
        print(f"  fault {count:>4} × {reason}")
    return all(kept for _, kept, _ in rows)


def plan_joins(source: LiveSource) -> bool:
    """Whether the venue's connections can be joined."""
    return source.joins


def main() -> None:
    """Parse the arguments and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venue")
    parser.add_argument("--instruments", default="*", help="patterns with commas between")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--endpoint", action="append", default=[], help="instead of the venue's hosts")
    options = parser.parse_args()
    clock = WallClock()
    try:
        settings = LiveSettings(
            options.venue, tuple(options.instruments.split(",")), endpoints=tuple(options.endpoint)
        )
        passed = asyncio.run(check(open_live(settings, clock), clock, options.seconds))
    except (DeltawireError, TimeoutError) as error:
        print(f"FAIL  {error or 'nothing came for a minute'}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
