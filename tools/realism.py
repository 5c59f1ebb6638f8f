"""Let the built-in exchange's perpetual trade for an hour of its own time and hold its facts against real ones."""

import sys
import time
from pathlib import Path

from deltawire.exchange.instruments.calendar import SECOND_NS
from deltawire.testing.market import quiet_market
from deltawire.testing.plots import plot
from deltawire.testing.realism import measure

ROOT = Path(__file__).resolve().parent.parent


def main(seconds: int = 3600, seed: int = 1) -> int:
    """Print every fact with its band, draw the plot; 1 if a fact lies outside."""
    began = time.perf_counter()
    tape = quiet_market(seed, seconds * SECOND_NS)
    facts = measure(tape)
    print(f"{seconds} s of {tape.instrument}, seed {seed}, in {time.perf_counter() - began:.0f} s\n")
    for fact in facts:
        mark = "ok " if fact.within else "OUT"
        print(f"{mark} {fact.name:34} {fact.value:10.3f}   {fact.low:g} to {fact.high:g}")
    picture = ROOT / "build" / "realism.svg"
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(plot(tape, facts))
    print(f"\n{picture.relative_to(ROOT)}")
    return 0 if all(fact.within for fact in facts) else 1


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))
