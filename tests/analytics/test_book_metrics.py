"""Metrics as functions of the event stream: intervals, silence while stale, and known ranges from a real parser."""

from bisect import bisect_right
from math import inf
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from deltawire.analytics.book_metrics import (
    DepthMetric,
    DepthReading,
    DepthSettings,
    ImbalanceMetric,
    ImbalanceReading,
    ImbalanceSettings,
    traded_size,
)
from deltawire.analytics.depth import depth_within, execution
from deltawire.analytics.derivation import Derivation, FollowedBook, Intervals
from deltawire.analytics.imbalance import band_imbalance, level_imbalance
from deltawire.analytics.known_book import KnownBook, known_book
from deltawire.analytics.order_flow_arrays import fit_integrated, level_flows, normalised_flows, regress
from deltawire.analytics.trade_flow_arrays import vpin
from deltawire.model.events import BookDelta, BookImage, Changes, Event, Levels, Status, Trade
from deltawire.model.known_range import KnownRange
from deltawire.ports import Wants
from deltawire.sources.tabular import replay
from deltawire.testing.market import quiet_events
from deltawire.venues import make_venue
from tests.support.market_events import MS_NS, START_NS, make_instrument, make_ticker
from tests.support.narrow_books import NAME, Truth, run, steps

PERPETUAL = make_instrument()


def image(at_ms: int, *, sequence: int = 1, known: KnownRange | None = None) -> BookImage:
    """Bids at 999.5, 999.0, 998.0 and asks at 1000.5, 1001.0, 1003.0; sizes in dollars."""
    at = START_NS + at_ms * MS_NS
    bids, asks = Levels([9995, 9990, 9980], [300, 200, 500]), Levels([10005, 10010, 10030], [100, 400, 600])
    return BookImage(PERPETUAL, sequence, bids, asks, at, at, 0, known or KnownRange())


def delta(at_ms: int, sequence: int, price: int, size: int, before: int) -> BookDelta:
    at = START_NS + at_ms * MS_NS
    return BookDelta(PERPETUAL, sequence, Changes([price], [size], [before]), Changes([], [], []), at, at, 0)


def trade(at_ms: int, side: str, size: int) -> Trade:
    at = START_NS + at_ms * MS_NS
    return Trade(PERPETUAL, "1", 10000, size, side, at, at)  # type: ignore[arg-type]


def status(state: str) -> Status:
    return Status(PERPETUAL, state, "gap" if state == "stale" else "", START_NS)  # type: ignore[arg-type]


def readings(metric: Derivation, events: list[Event]) -> list[ImbalanceReading | DepthReading]:
    return [reading for event in events for reading in metric.update(event)]  # type: ignore[misc]


def test_an_interval_ends_with_the_first_event_beyond_it_and_shows_the_book_before() -> None:
    metric = ImbalanceMetric(PERPETUAL.key, 100 * MS_NS)
    events: list[Event] = [
        image(10), trade(20, "buy", 30), trade(30, "sell", 10), delta(99, 2, 9995, 100, 300),
        delta(100, 3, 9995, 700, 100), trade(450, "sell", 5), delta(460, 4, 9995, 900, 700),
        delta(510, 5, 9995, 1, 900),
    ]  # fmt: skip
    found = readings(metric, events)
    assert [(each.venue_ns - START_NS) // MS_NS for each in found] == [100, 200, 500]
    assert [each.sequence for each in found] == [2, 3, 4]
    assert [each.queue for each in found] == [0.0, 0.75, 0.8]
    assert [each.trades for each in found] == [0.5, None, -1.0]
    assert found[0].flow is not None
    assert found[0].flow.total == -200.0
    assert found[1].flow is not None
    assert found[1].flow.total == 400.0
    assert found[0].levels[5].known, "a whole book of three levels"


def test_a_stale_book_has_no_readings_and_its_flow_begins_anew() -> None:
    metric = ImbalanceMetric(PERPETUAL.key, 100 * MS_NS)
    depth = DepthMetric(PERPETUAL.key, 100 * MS_NS)
    stale: list[Event] = [image(10), status("stale"), trade(150, "buy", 10), delta(210, 2, 9995, 5, 300)]
    assert readings(metric, stale) == readings(depth, stale) == []
    after: list[Event] = [status("live"), delta(310, 3, 9995, 50, 5), delta(410, 4, 9995, 60, 50)]
    again = readings(metric, after)
    assert [each.sequence for each in again] == [3], "what was known before the gap is no book of now"
    assert again[0].flow is None
    assert [each.sequence for each in readings(depth, after)] == [3]


def test_depth_of_an_inverse_contract_is_in_dollars() -> None:
    metric = DepthMetric(PERPETUAL.key, 100 * MS_NS)
    (found,) = readings(metric, [image(10), delta(120, 2, 9995, 10, 300)])
    assert isinstance(found, DepthReading)
    book = known_book(
        [(999.5, 300.0), (999.0, 200.0), (998.0, 500.0)], [(1000.5, 100.0), (1001.0, 400.0), (1003.0, 600.0)]
    )
    assert found.mid == 1000.0
    assert found.spread_bp == pytest.approx(10.0)
    assert found.bands[10.0] == (depth_within(book, "bids", 10.0), depth_within(book, "asks", 10.0))
    buy, sell = found.prices[10_000.0]
    assert buy == execution(book, "buy", 10_000.0, inverse=True)
    assert (buy.filled, sell.filled, buy.known) == (1100.0, 1000.0, True)


def test_other_instruments_and_unneeded_events_change_nothing() -> None:
    metric = DepthMetric(PERPETUAL.key, 100 * MS_NS)
    other = msgspec.structs.replace(image(10), instrument=make_instrument("ETH-PERPETUAL"))
    ticker = make_ticker(PERPETUAL, START_NS + 500 * MS_NS)
    assert readings(metric, [other, trade(20, "buy", 10), image(10), ticker]) == []
    assert {Trade, BookImage, BookDelta, Status} == metric.needs


def test_a_book_that_gets_finer_keeps_its_levels() -> None:
    finer = make_instrument(price_exponent=-2)
    book = FollowedBook(PERPETUAL.key)
    book.update(image(10))
    change = msgspec.structs.replace(delta(20, 2, 99951, 7, 0), instrument=finer)
    book.update(change)
    view = book.view()
    assert view is not None
    assert view.bids.prices == (999.51, 999.5, 999.0, 998.0)
    assert book.view(2).bids.edge == 999.5  # type: ignore[union-attr]


def test_contracts_of_unknown_size_have_an_imbalance_but_no_depth() -> None:
    """Their notional would be a guess; a ratio of sizes is none."""
    unknown = make_instrument(size_unit="contracts", contract_size=0.0)
    events: list[Event] = [
        msgspec.structs.replace(event, instrument=unknown)
        for event in (image(10), trade(20, "buy", 10), delta(120, 2, 9995, 10, 300))
    ]
    (found,) = readings(ImbalanceMetric(unknown.key, 100 * MS_NS), events)
    assert (found.queue, found.trades) == (0.5, 1.0)
    assert readings(DepthMetric(unknown.key, 100 * MS_NS), events) == []


def test_a_reading_of_few_levels_is_that_of_the_whole_book() -> None:
    """Four hundred levels a side, of which the bands need fewer; and one notional that needs all."""
    side = [list(range(9995, 9595, -1)), list(range(10005, 10405))]
    at = START_NS + 10 * MS_NS
    sizes = [10 * (1 + number % 7) for number in range(400)]
    deep = BookImage(PERPETUAL, 1, Levels(side[0], sizes), Levels(side[1], sizes), at, at, 0)
    book = known_book(
        *([(price / 10, float(size)) for price, size in zip(each, sizes, strict=True)] for each in side)
    )
    for notionals in ((50.0,), (50.0, 1e9)):
        settings = DepthSettings(bands_bp=(5.0, 80.0), notionals=notionals)
        (found,) = readings(
            DepthMetric(PERPETUAL.key, 100 * MS_NS, settings), [deep, delta(120, 2, 9995, 1, 10)]
        )
        assert isinstance(found, DepthReading)
        for band in (5.0, 80.0):
            assert found.bands[band] == (depth_within(book, "bids", band), depth_within(book, "asks", band))
        for notional in notionals:
            assert found.prices[notional][0] == execution(book, "buy", notional, inverse=True)
    (reading,) = readings(ImbalanceMetric(PERPETUAL.key, 100 * MS_NS), [deep, delta(120, 2, 9995, 1, 10)])
    assert isinstance(reading, ImbalanceReading)
    assert reading.bands[10.0] == band_imbalance(book, 10.0)
    assert reading.levels[10] == level_imbalance(book, 10)


def test_intervals_without_events_are_passed_over() -> None:
    intervals = Intervals(10)
    assert [intervals.ended(at) for at in (0, 13, 19, 20, 57, 58, 55, 61)] == [
        None,
        None,
        None,
        20,
        30,
        None,
        None,
        60,
    ]


def test_a_venue_with_narrow_images_is_never_read_beyond_them() -> None:
    """Through the venue's own parser and sequencer, beside the whole book that only the venue has."""
    random, venue = Random(3), make_venue("binance_usdm")
    truth, book = Truth(random), FollowedBook(f"binance_usdm:{NAME}")
    live, known = 0, {"band": 0, "levels": 0}
    venue.opened(Wants((NAME,)), 0)
    for number, step in enumerate(steps(truth, random, 400)):
        bids, asks = dict(truth.bids), dict(truth.asks)
        for event in run(venue, step, number):
            book.update(event)
        view = book.view()
        if view is None or view.mid is None:
            continue
        live += 1
        for side, levels in ((view.bids, bids), (view.asks, asks)):
            assert all(
                levels.get(int(price)) == size for price, size in zip(side.prices, side.sizes, strict=True)
            )
            assert side.edge is not None
        whole = known_book(
            *([(float(price), float(size)) for price, size in each.items()] for each in (bids, asks))
        )
        for name, metric, band in (("band", band_imbalance, 30.0), ("levels", level_imbalance, 3)):
            figure = metric(view, band)  # type: ignore[operator]
            if figure.known:
                assert figure == metric(whole, band)  # type: ignore[operator]
                known[name] += 1
    assert live > 200
    assert min(known.values()) > 20
    assert max(known.values()) < live


@pytest.fixture(scope="module")
def minutes() -> list[Event]:
    """Two minutes of the built-in exchange."""
    return list(quiet_events(11, 120 * 1000 * MS_NS))


def test_flows_of_trades_and_levels_are_those_of_arrays(minutes: list[Event]) -> None:
    """Every reading of the imbalance, beside the functions on arrays over everything before it."""
    (key,) = {event.instrument.key for event in minutes if isinstance(event, BookDelta)}
    settings = ImbalanceSettings(flow_levels=5, flow_updates=100, vpin_buckets=10)
    metric, followed = ImbalanceMetric(key, 1000 * MS_NS, settings), FollowedBook(key)
    books: list[KnownBook] = []
    trades: list[Trade] = []
    compared = {"flow": 0, "integrated": 0, "vpin": 0}
    for event in minutes:
        for reading in metric.update(event):
            flows = level_flows(**columns(books[-101:]))
            if len(books) > 100:
                assert reading.flow is not None
                assert reading.flow.levels == pytest.approx(flows.sum(axis=0).tolist(), abs=1e-6)
                compared["flow"] += 1
            ends = range(100, len(books), 100)
            if len(ends) >= 30 and len(ends) % 3 == 0:
                rows = np.array([normalised_window(books[end - 100 : end + 1]) for end in ends])
                fit = fit_integrated(rows[-200:])
                assert reading.integrated is not None
                now = normalised_window(books[-101:])
                assert reading.integrated.value == pytest.approx(float(fit.of(now[None, :])[0]), rel=1e-8)
                assert reading.integrated.known
                compared["integrated"] += 1
            if len(trades) >= 500:
                sizes = [traded_size(each) for each in trades]
                buys = [each.side == "buy" for each in trades]
                bucket = sum(sizes[:500]) / 10
                assert reading.vpin.bucket == pytest.approx(bucket)
                full = vpin(sizes, buys, bucket=bucket, buckets=10)
                assert reading.vpin.known
                assert reading.vpin.value == pytest.approx(full[-1], rel=1e-9)
                compared["vpin"] += 1
            else:
                assert reading.vpin == (None, 0, 10, False, None)
        if isinstance(event, Trade):
            trades.append(event)
        elif isinstance(event, BookDelta | BookImage | Status):
            followed.update(event)
            view = followed.view(5)
            if view is not None and not isinstance(event, Status):
                books.append(view)
    assert min(compared.values()) > 20, compared


def test_kyles_lambda_is_the_regression_of_the_newest_intervals(minutes: list[Event]) -> None:
    (key,) = {event.instrument.key for event in minutes if isinstance(event, BookDelta)}
    found = readings(DepthMetric(key, 1000 * MS_NS, DepthSettings(impact_intervals=40)), minutes)
    signed = dict.fromkeys((each.venue_ns for each in found), 0.0)
    ends = [*signed]
    for event in minutes:
        at = bisect_right(ends, event.venue_ns) if isinstance(event, Trade) else len(ends)
        if isinstance(event, Trade) and at < len(ends):
            signed[ends[at]] += traded_size(event) * (1 if event.side == "buy" else -1)
    flows, mids = np.array([*signed.values()])[1:], np.array([each.mid for each in found])
    for count, reading in enumerate(found):
        assert isinstance(reading, DepthReading)
        impact, band, window, known = reading.impact
        assert (band, window, known) == (min(count, 40), 40, count >= 40)
        if count > 2:
            rows = slice(max(0, count - 40), count)
            fit = regress(np.diff(mids)[rows], flows[rows])
            assert impact is not None
            assert impact.slope == pytest.approx(fit.slope[0], rel=1e-9)
            assert impact.r_squared == pytest.approx(fit.r_squared, rel=1e-9)
    assert len(found) > 100


def test_what_was_missed_is_in_no_flow() -> None:
    """After a gap buckets and windows begin again, and the mid has no move across it."""
    settings = ImbalanceSettings(vpin_buckets=2, vpin_trades=1, flow_updates=2)
    imbalance = ImbalanceMetric(PERPETUAL.key, 100 * MS_NS, settings)
    depth = DepthMetric(PERPETUAL.key, 100 * MS_NS, DepthSettings(impact_intervals=9))
    events: list[Event] = [image(10)]
    events += [trade(20, "buy", 10)] * 500
    events += [delta(130, 2, 9995, 5, 300), delta(230, 3, 9995, 6, 5), delta(310, 4, 9995, 7, 6)]
    assert [each.vpin.known for each in readings(imbalance, events)] == [True] * 3  # type: ignore[union-attr]
    assert [each.impact.band for each in readings(depth, events)] == [0, 1, 2]  # type: ignore[union-attr]
    events = [status("stale"), status("live"), delta(410, 5, 9995, 8, 7), delta(510, 6, 9995, 9, 8)]
    found = readings(imbalance, events)
    assert [each.vpin[:4] for each in found] == [(None, 0, 2, False)]  # type: ignore[union-attr]
    assert found[0].flow is None  # type: ignore[union-attr]
    assert [each.impact.band for each in readings(depth, events)] == [2]  # type: ignore[union-attr]


def columns(books: list[KnownBook]) -> dict[str, np.ndarray]:
    """Five levels of each book; those that it lacks are at infinity, without a size."""
    found = {}
    for name, absent in (("bid", -inf), ("ask", inf)):
        sides = [getattr(book, f"{name}s") for book in books]
        found[f"{name}_price"] = np.array([[*side.prices, *[absent] * 5][:5] for side in sides])
        found[f"{name}_size"] = np.array([[*side.sizes, *[0.0] * 5][:5] for side in sides])
    return found


def normalised_window(books: list[KnownBook]) -> np.ndarray:
    """Normalised flow of a window; the first book is that before it."""
    sides = columns(books)
    found: np.ndarray = normalised_flows(
        level_flows(**sides).sum(axis=0), sides["bid_size"][1:], sides["ask_size"][1:]
    )
    return found


@pytest.mark.recordings
def test_a_recording_gives_the_same_readings_at_every_replay(recordings: Path) -> None:
    path = recordings / "binance_usdm" / "btcusdt_20240808.gz"
    events, runs = list(replay(path, "binance_usdm")), []
    for _ in range(2):
        metrics = (
            ImbalanceMetric("binance_usdm:BTCUSDT", 1000 * MS_NS),
            DepthMetric("binance_usdm:BTCUSDT", 1000 * MS_NS),
        )
        runs.append([reading for event in events for metric in metrics for reading in metric.update(event)])
    assert msgspec.json.encode([_plain(each) for each in runs[0]]) == msgspec.json.encode(
        [_plain(each) for each in runs[1]]
    )
    depths = [each for each in runs[0] if isinstance(each, DepthReading)]
    assert len(depths) > 200
    unknown = sum(not all(side.known for side in each.bands[10.0]) for each in depths)
    assert 0.3 < unknown / len(depths) < 0.8, "half of the file has less than 10 bp known on a side"


def _plain(reading: ImbalanceReading | DepthReading) -> object:
    return {name: repr(getattr(reading, name)) for name in reading.__struct_fields__}
