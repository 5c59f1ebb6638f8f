"""The benchmarks' own side runs: nothing else would tell that it no longer fits the code."""

import asyncio
import gc
import sys
from pathlib import Path
from random import Random

import pytest
from bench import analytics, analytics_load, analytics_metrics, feed_ours, lateness, matching
from bench.chain_program import make_chain
from bench.frames import Frames
from bench.orders import stream
from bench.receive import PeerFailedError, begin, started
from bench.receive_sets import ReceiveSet
from bench.servers import gateway_analytics
from bench.venue_sender import VenueSender

from deltawire.model.events import BookDelta, Status
from deltawire.ports import Batch, Wants
from deltawire.roles.gateway import App
from deltawire.sources.live.source import LiveSettings, open_live
from deltawire.testing.link import Link
from deltawire.testing.simulators import SERVED
from deltawire.venues import make_venue
from tests.support.live_harness import PushedClock
from tests.support.traffic import Witnessed
from tests.support.waiting import until
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


async def test_a_live_source_receives_at_full_speed_and_keeps_nothing() -> None:
    """30,000 messages from a sender that never waits; `make soak-receive` does it with ten million."""
    simulator = SERVED["kraken"](subscribed=10)
    name = simulator.instruments[0]
    frames = [(0.0, simulator.image(name)), *((0.0, simulator.delta(name)) for _ in range(500))]
    contract = next(each for each in simulator.contracts if each.name == name)
    asked = ReceiveSet("kraken", "", (contract,), 1, (), {"subscribed": 10}, frozenset())
    sender = VenueSender(asked, Frames("simulated", "kraken", frames, None, [], 1.0))
    base = f"ws://127.0.0.1:{sender.listen()}"
    source = open_live(LiveSettings("kraken", (name,), frozenset({"book"}), (base,)), PushedClock())
    counts = {"deltas": 0, "stale": 0, "live": 0, "syncing": 0}

    async def follow() -> None:
        async for batch in source.events(Wants()):
            for event in batch.events:
                counts["deltas"] += isinstance(event, BookDelta)
                if isinstance(event, Status):
                    counts[event.state] += 1

    task = asyncio.create_task(follow())
    await until(lambda: counts["live"])
    sizes, sent = [], 0
    for part in range(4):
        sent += await asyncio.to_thread(sender.send, 15)
        await until(lambda part=part: counts["deltas"] >= (part + 1) * 15 * 500)
        gc.collect()
        sizes.append(len(gc.get_objects()))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sent == 500 + 4 * 15 * 501
    assert not counts["stale"]
    assert abs(sizes[3] - sizes[1]) < 2000


@pytest.mark.parametrize("run", [analytics.arrays, analytics.compiled])
def test_the_measured_chain_is_implied_right(run: analytics.Run) -> None:
    chain = make_chain()
    analytics.check("ours", chain, run(chain))
    with pytest.raises(SystemExit, match="is wrong by"):
        analytics.check("another", chain._replace(vol=chain.vol * 1.01), run(chain))


def test_a_measured_smile_is_refitted_from_its_last_fit() -> None:
    before, after = (analytics.slice_quotes(1, shift) for shift in (0.0, 0.002))
    fit = analytics.fit_slice(before)
    again = analytics.fit_slice(after, None, fit.smile)
    assert again.steps < fit.steps
    assert again.fit_rms == pytest.approx(fit.fit_rms, rel=0.1)


def test_every_measured_metric_runs() -> None:
    given = analytics_metrics.material(seconds=5)
    assert len(given.books) > 30
    assert all(row.ours(given) > 0 for row in analytics_metrics.ROWS)


async def test_the_load_of_a_server_with_figures_is_measured() -> None:
    assert await analytics_load.load_ms("figures", 1, 2) > 0.0


async def test_all_figures_of_the_measured_gateway_are_live() -> None:
    source = gateway_analytics.BookSource("all")
    source.app = App([source], derivations=source.derivations)
    at_ns = 1_700_000_000_000_000_000
    await source.app.publish(Batch(source.venue, at_ns, source.images(at_ns)))
    source.subscribe()
    for _ in range(16):
        at_ns += 200_000_000
        await source.app.publish(Batch(source.venue, at_ns, source.changes(at_ns)))
    found = source.app.market.derived
    assert len(found) == gateway_analytics.INSTRUMENTS * len(gateway_analytics.FAMILIES["all"])
    assert {event.data.state for event in found.values()} == {"live"}


def test_everybody_gets_every_scheduled_notification_in_order_over_ws_and_wss() -> None:
    """None comes before it is due; how late they are, `make lateness` prints, and depends on the machine."""
    measured = lateness.measure(1, per_second=500, subscribers=12, timed=3)
    for scheme in lateness.SCHEMES:
        (late_ms,) = measured[scheme].rounds
        assert len(late_ms) == 3 * 500
        assert min(late_ms) >= 0


@pytest.mark.parametrize("program", ["print('Traceback')", "pass"])
def test_a_peer_that_does_not_begin_is_left_out_and_not_waited_for(program: str) -> None:
    with started([sys.executable, "-c", program]) as peer, pytest.raises(PeerFailedError):
        begin(peer)
