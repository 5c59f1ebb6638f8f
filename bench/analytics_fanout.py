"""Fan-out with and without analytics: what one core delivers beside 100 books that change 1,000 times a second.

With analytics, figures of each of the 100 instruments are computed and published every second: imbalance, depth,
prices and two alerts; and last, predictions as well, which is more than a server computes by default. Ticks come as
fast as they are delivered, so all else that the server does takes its share from them.
"""

import json
import os
import statistics
import sys

from bench.fanout import LIMIT
from bench.fanout_contest import Contest
from bench.fanout_pair import LOAD_CORE, Contestant, allow_files, python_server
from bench.fanout_report import disturbance, ratios_of, table
from bench.programs import compile_program
from bench.servers.message import CHANNEL, PAYLOAD

BARE, OFF = "deltawire, no books", "100 books"
ON = {"figures": "100 books, 500 figures", "all": "the same, predictions"}
SUBSCRIBERS, MESSAGES = (100, 1000), (1, 16)
ROUNDS, QUICK_ROUNDS = 12, 3
WINDOW_S = 1.0
"""As long as an interval of the figures, or it would be a matter of chance how many end within it."""


def main(*, quick: bool = False) -> None:
    """Measure and print."""
    rounds, most = QUICK_ROUNDS if quick else ROUNDS, max(SUBSCRIBERS)
    if allow_files() < most + 100:
        sys.exit(f"bench: needs {most + 100} open files per process: raise `ulimit -Hn`")
    receiver, usable = compile_program("receiver"), os.sched_getaffinity(0)
    print(
        f"\n  Fan-out beside analytics: medians of {rounds} interleaved rounds of {WINDOW_S:g} s", flush=True
    )
    os.sched_setaffinity(0, {LOAD_CORE})
    results = {
        subscribers: Contest(contestants(), receiver, subscribers).run(MESSAGES, rounds, WINDOW_S)
        for subscribers in SUBSCRIBERS
    }
    os.sched_setaffinity(0, usable)
    for messages in MESSAGES:
        print("\n".join(table(results, messages, LIMIT)))
        for subscribers, samples in results.items():
            for name in ON.values():
                if ratios := ratios_of(samples, messages, name, OFF):
                    print(
                        f"    {subscribers:,} subscribers, {name}: {statistics.median(ratios):.2f} of without"
                        f" (rounds {min(ratios):.2f} to {max(ratios):.2f})"
                    )
    print(disturbance(results))


def contestants() -> list[Contestant]:
    """The limit, and deltawire four times."""
    ask = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": [CHANNEL]}}
    )
    server = python_server("gateway_analytics")
    return [
        Contestant(LIMIT, (str(compile_program("sender")),), (PAYLOAD.decode(),)),
        Contestant(BARE, python_server("gateway"), path="/ws/api/v2", subscribe=ask),
        Contestant(OFF, server, (), "/ws/api/v2", ask),
        *(Contestant(name, server, (wanted,), "/ws/api/v2", ask) for wanted, name in ON.items()),
    ]
