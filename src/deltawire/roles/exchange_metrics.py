"""Metrics of the built-in exchange and its journal."""

import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from deltawire.exchange.matching.matching_state import MatchingState
from deltawire.journal.committing import GroupCommit
from deltawire.journal.journal import SNAPSHOT


class ExchangeCollector(Collector):
    """How an exchange does, and how fast its disk is."""

    def __init__(self, matching: MatchingState, commit: GroupCommit, folder: Path) -> None:
        """`folder` is that of the journal."""
        self._matching = matching
        self._commit = commit
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        matching, commit = self._matching, self._commit
        orders, trades = matching.next_order_id - 1, matching.next_trade_id - 1
        yield CounterMetricFamily(
            "deltawire_exchange_orders", "Orders accepted since it exists", value=orders
        )
        yield CounterMetricFamily("deltawire_exchange_trades", "Trades since it exists", value=trades)
        yield GaugeMetricFamily(
            "deltawire_exchange_open_orders", "Open, triggers included", value=len(matching.orders)
        )
        syncs = HistogramMetricFamily(
            "deltawire_journal_sync_seconds", "Of writing and syncing one batch of records"
        )
        syncs.add_metric([], list(commit.syncs.buckets()), commit.syncs.sum_s)
        yield syncs
        yield CounterMetricFamily("deltawire_journal_records", "Records written", value=commit.written)
        yield GaugeMetricFamily(
            "deltawire_journal_waiting", "Records accepted that are not on disk yet", value=commit.waiting
        )
        yield GaugeMetricFamily(
            "deltawire_journal_failed",
            "1 if nothing can be acknowledged any more",
            value=float(commit.error is not None),
        )
        ages = [time.time() - path.stat().st_mtime for path in self._folder.glob(f"{SNAPSHOT}*.bin")]
        if ages:
            yield GaugeMetricFamily(
                "deltawire_snapshot_age_seconds", "Since the newest snapshot was written", value=min(ages)
            )
