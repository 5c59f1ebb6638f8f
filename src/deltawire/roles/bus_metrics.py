"""Metrics of a bus: of who follows it, and of who publishes there."""

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deltawire.roles.bus_market import BusMarket
from deltawire.roles.publishing import Publishing


class FollowerCollector(Collector):
    """What a gateway knows of its bus."""

    def __init__(self, market: BusMarket) -> None:
        self._market = market

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        follower, now_s = self._market.follower, time.monotonic()
        yield GaugeMetricFamily(
            "deltawire_bus_sequence", "Of the newest message read from the bus", value=follower.sequence
        )
        yield GaugeMetricFamily("deltawire_bus_pending", "Messages behind it", value=follower.pending)
        silence = GaugeMetricFamily(
            "deltawire_bus_silence_seconds", "Since the last message of a venue", labels=["venue"]
        )
        for venue, heard_s in self._market.heard_s.items():
            silence.add_metric([venue], now_s - heard_s)
        yield silence
        dropped = CounterMetricFamily(
            "deltawire_bus_dropped", "Messages that could not be used", labels=["kind"]
        )
        for kind in ("garbage", "version", "oversized"):
            dropped.add_metric([kind], follower.dropped[kind])
        dropped.add_metric(["venue"], self._market.strange)
        yield dropped
        yield CounterMetricFamily(
            "deltawire_bus_consumers", "Consumers made anew after an interruption", value=follower.restarts
        )


class PublishingCollector(Collector):
    """What a publisher knows of its bus."""

    def __init__(self, publisher: Publishing) -> None:
        self._publisher = publisher

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        publisher = self._publisher
        yield CounterMetricFamily(
            "deltawire_bus_published", "Batches that the bus has acknowledged", value=publisher.published
        )
        waiting = GaugeMetricFamily(
            "deltawire_bus_waiting", "Batches that it has not acknowledged", labels=["venue"]
        )
        for venue, outlet in publisher.outlets.items():
            waiting.add_metric([venue], outlet.waiting)
        yield waiting
