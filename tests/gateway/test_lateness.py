"""Notifications on a schedule, over ws and wss: everybody gets all of them in order, none before it is due.

How late they are is printed by `make lateness`; a test cannot depend on what else the machine does.
"""

from bench.lateness import SCHEMES, measure


def test_everybody_gets_everything_over_either_scheme() -> None:
    measured = measure(1, per_second=500, subscribers=12, timed=3)
    for scheme in SCHEMES:
        (late_ms,) = measured[scheme].rounds
        assert len(late_ms) == 3 * 500
        assert min(late_ms) >= 0
