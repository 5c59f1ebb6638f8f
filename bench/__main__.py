"""`python -m bench [SECTION…] [--quick]`: run every section, or those named: fanout, idle, feed, matching, latency,
lateness, recording, receive, bus, analytics.
"""

import argparse
import importlib

SECTIONS = {
    "fanout": "bench.fanout",
    "idle": "bench.idle",
    "feed": "bench.feed",
    "receive": "bench.receive",
    "matching": "bench.matching",
    "latency": "bench.latency",
    "lateness": "bench.lateness",
    "recording": "bench.recording",
    "bus": "bench.bus",
    "analytics": "bench.analytics",
}


def main() -> None:
    """Run what was asked for; a section is imported only when it runs."""
    parser = argparse.ArgumentParser("python -m bench", description="Ratios to peers, in interleaved runs.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; else all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    asked = parser.parse_args()
    unknown = set(asked.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    for name in asked.sections or SECTIONS:
        run(name, quick=asked.quick)


def run(name: str, *, quick: bool) -> None:
    """Run one section; say so when it is not there."""
    try:
        section = importlib.import_module(SECTIONS[name])
    except ModuleNotFoundError as missing:
        if missing.name != SECTIONS[name]:
            raise
        print(f"{name}: not measured, there is no {missing.name} yet")
        return
    section.main(quick=quick)


if __name__ == "__main__":
    main()
