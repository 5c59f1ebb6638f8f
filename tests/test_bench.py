"""The benchmarks' own side runs: nothing else would tell that it no longer fits the code."""

from pathlib import Path
from random import Random

import pytest
from bench import feed_ours, matching
from bench.frames import Frames
from bench.orders import stream

from deltawire.testing.link import Link
from deltawire.venues import make_venue
from tests.support.traffic import Witnessed
from tests.venues.sessions import make_simulator


def test_a_feed_is_read_verified_and_encoded() -> None:
    simulator = make_simulator("deribit", 1)
    witnessed = Witnessed(make_venue(simulator.name))
    link = Link(witnessed, simulator)
    link.open()
    random = Random(1)
    for _ in range(50):
        link.receive(simulator.delta(random.choice(simulator.instruments)))
    frames = [(0.0, arguments[0]) for name, arguments in witnessed.calls if name == "received"]
    feed = Frames("simulated", simulator.name, frames, None, [], 1.0)
    for encode in (False, True):
        spent = feed_ours.run(feed, 1, encode=encode)
        assert spent.changes > 0


def test_orders_are_matched_and_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    orders = stream("short", resting=20, prices=5, count=200)
    bare, journalled, margined = (
        matching.ours(orders),
        matching.ours(orders, journal=True),
        matching.margined(orders),
    )
    assert bare[1:] == journalled[1:] == margined[1:]
    assert all(bare[1:])
