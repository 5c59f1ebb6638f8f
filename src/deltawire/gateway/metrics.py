"""Metrics in Prometheus' text format, read from the gateway on request."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from deltawire.gateway.gateway import Gateway
from deltawire.market.venue_health import venue_healths
from deltawire.model.events import VenueState

STATES = ("syncing", "live", "stale")
STREAM_STATES = ("asked", "acknowledged", "flowing", "silent", "refused")
NS = 1e9


class GatewayCollector(Collector):
    """Collects the metrics named below; no label value is chosen by a client."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield from self._clients()
        yield from self._feeds()
        yield from self._books()
        yield from self._live()

    def _clients(self) -> Iterator[Metric]:
        gateway, telemetry = self._gateway, self._gateway.telemetry
        traffic = gateway.hub.traffic
        connections = list(gateway.connections)
        yield _gauge("connections", "WebSocket connections that are open", len(connections))
        channels = sum(
            len(connection.subscriber.channels) + len(connection.subscriber.waiting)
            for connection in connections
        )
        yield _gauge("subscriptions", "Channels of all connections", channels)
        yield _gauge(
            "queue_bytes",
            "Bytes that peers have not taken yet",
            sum(connection.unsent for connection in connections),
        )
        yield _counter("accepted", "WebSocket handshakes that succeeded", [((), telemetry.accepted)])
        yield _counter("refused", "Handshakes refused", _labelled(telemetry.refused), ["status"])
        yield _counter("closes", "WebSocket connections ended", _labelled(telemetry.closes), ["code"])
        yield _counter("deliveries", "Notifications handed to connections", [((), traffic.deliveries)])
        yield _counter("delivered_bytes", "Bytes of those", [((), traffic.bytes)])
        yield _counter("merged", "Notifications for which a merged one stood", [((), telemetry.merged)])
        yield self._seen_to_sent()

    def _seen_to_sent(self) -> Metric:
        durations = self._gateway.telemetry.seen_to_sent
        family = HistogramMetricFamily(
            "deltawire_seen_to_sent_seconds", "Per tick: from the first event to the last write"
        )
        family.add_metric([], list(durations.buckets()), durations.sum_s)
        return family

    def _feeds(self) -> Iterator[Metric]:
        telemetry = self._gateway.telemetry
        lag = GaugeMetricFamily(
            "deltawire_feed_lag_seconds", "From the venue's stamp to us, last frame", labels=["venue"]
        )
        for venue, seconds in telemetry.lag_s.items():
            lag.add_metric([venue], seconds)
        yield lag
        yield _counter(
            "book_frames",
            "Frames with a book image or update, by who read them",
            self._book_frames(),
            ["venue", "path"],
        )
        yield _counter(
            "unread_frames", "Frames of streams that nobody reads", self._unread(), ["venue", "stream"]
        )
        yield _counter("faults", "Frames that could not be used", _labelled(telemetry.faults), ["venue"])
        yield _counter("stale", "Books gone stale", telemetry.stale.items(), ["venue", "reason"])
        yield _counter("resyncs", "Stale books live again", _labelled(telemetry.resyncs), ["venue"])
        yield from self._standings()

    def _standings(self) -> Iterator[Metric]:
        """What venues say of themselves."""
        standings = self._gateway.market.standings
        states = GaugeMetricFamily(
            "deltawire_venue_state", "1 for the state that the venue states", labels=["venue", "state"]
        )
        for venue, standing in standings.items():
            for state in get_args(VenueState):
                if state != "notice":
                    states.add_metric([venue, state], standing.state == state)
        yield states
        said = [((venue,), standing.number) for venue, standing in standings.items()]
        yield _counter("venue_statuses", "Statuses and announcements of venues", said, ["venue"])

    def _book_frames(self) -> Iterator[tuple[tuple[str, str], int]]:
        for venue, source in self._gateway.framed.items():
            frames = source.book_frames()
            yield (venue, "fast"), frames.fast
            yield (venue, "parser"), frames.parser

    def _unread(self) -> Iterator[tuple[tuple[str, str], int]]:
        for venue, source in self._gateway.framed.items():
            for kind, count in source.unread().items():
                yield (venue, kind), count

    def _books(self) -> Iterator[Metric]:
        market = self._gateway.market
        books = GaugeMetricFamily("deltawire_books", "Books by state", labels=["venue", "state"])
        ages = GaugeMetricFamily(
            "deltawire_book_age_seconds", "Of the live book that changed longest ago", labels=["venue"]
        )
        states, oldest = Counter[tuple[str, str]](), dict[str, float]()
        for state in market:
            venue = state.instrument.venue
            if state.status is None or (state.reason == "closed" and not state.imaged):
                continue  # venues without a book
            states[venue, state.status] += 1
            if state.live:
                age_s = max(0.0, (market.time(state) - state.book_ns) / NS)
                oldest[venue] = max(age_s, oldest.get(venue, 0.0))
        for venue in sorted({venue for venue, _ in states}):
            for name in STATES:
                books.add_metric([venue, name], states[venue, name])
            ages.add_metric([venue], oldest.get(venue, 0.0))
        yield books
        yield ages
        yield from self._health()

    def _health(self) -> Iterator[Metric]:
        """What audits have found, and the book that is known least far from its market."""
        healths = venue_healths(self._gateway.market)
        audits = [((venue,), health.audits) for venue, health in healths.items()]
        audited = [((venue,), health.audited) for venue, health in healths.items()]
        unequal = [((venue,), health.unequal) for venue, health in healths.items()]
        yield _counter("audits", "Books compared with an image", audits, ["venue"])
        yield _counter("audited_levels", "Levels compared by audits", audited, ["venue"])
        yield _counter("unequal_levels", "Of those, levels that differed", unequal, ["venue"])
        coverage = GaugeMetricFamily(
            "deltawire_least_coverage_bp",
            "Of the live book that is known least far from the middle, where images are cut",
            labels=["venue"],
        )
        for venue, health in healths.items():
            if health.least:
                coverage.add_metric([venue], health.least_bp)
        yield coverage

    def _live(self) -> Iterator[Metric]:
        """Connections to venues."""
        status = [source.status() for source in self._gateway.live]
        if not status:
            return
        sockets = GaugeMetricFamily(
            "deltawire_venue_sockets",
            "Open sockets of a connection to a venue",
            labels=["venue", "connection"],
        )
        streams = GaugeMetricFamily("deltawire_streams", "Subscriptions by state", labels=["venue", "state"])
        queued = GaugeMetricFamily(
            "deltawire_venue_requests_waiting", "For the venue's limits", labels=["venue"]
        )
        used = GaugeMetricFamily(
            "deltawire_rest_weight_used", "Within the venue's interval", labels=["venue"]
        )
        limit = GaugeMetricFamily("deltawire_rest_weight_limit", "Allowed within it", labels=["venue"])
        wanted = GaugeMetricFamily("deltawire_instruments_subscribed", "Instruments", labels=["venue"])
        for venue in status:
            counts: Counter[str] = Counter()
            for lane in venue.lanes:
                sockets.add_metric([venue.venue, str(lane.number)], lane.sockets)
                counts.update(lane.streams)
            for state in STREAM_STATES:
                streams.add_metric([venue.venue, state], counts[state])
            queued.add_metric([venue.venue], venue.fetching + sum(lane.queued for lane in venue.lanes))
            wanted.add_metric([venue.venue], venue.wanted)
            if venue.weight_limit:
                used.add_metric([venue.venue], venue.weight_used)
                limit.add_metric([venue.venue], venue.weight_limit)
        yield from (sockets, streams, queued, used, limit, wanted)
        reconnects = [((venue.venue,), sum(lane.reconnects for lane in venue.lanes)) for venue in status]
        yield _counter("venue_reconnects", "Connections opened again", reconnects, ["venue"])
        refused = [((venue.venue,), venue.refused) for venue in status]
        yield _counter("streams_refused", "Subscriptions that venues refused", refused, ["venue"])


def format_metrics(gateway: Gateway) -> bytes:
    """All metrics as text, version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway))
    for collector in gateway.collectors:
        registry.register(collector)
    return generate_latest(registry)


def merge_metrics(texts: Mapping[str, str]) -> str:
    """The texts of several workers as one: each sample with the label `worker`, each family once."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for worker, text in texts.items():
        family = ""
        for line in text.splitlines():
            if line.startswith("#"):
                family = line.split(" ", 3)[2]
                if line not in heads.setdefault(family, []):
                    heads[family].append(line)
            else:
                samples.setdefault(family, []).append(_with_worker(line, worker))
    return "".join(
        f"{line}\n" for family, head in heads.items() for line in (*head, *samples.get(family, ()))
    )


def _with_worker(sample: str, worker: str) -> str:
    name, brace, labels = sample.partition("{")
    if brace:
        return f'{name}{{worker="{worker}",{labels}'
    name, _, value = sample.partition(" ")
    return f'{name}{{worker="{worker}"}} {value}'


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"deltawire_{name}", help_, value=value)


def _counter(
    name: str, help_: str, values: Iterable[tuple[tuple[str, ...], int]], labels: list[str] | None = None
) -> Metric:
    family = CounterMetricFamily(f"deltawire_{name}", help_, labels=labels or [])
    for label, value in values:
        family.add_metric(list(label), value)
    return family


def _labelled(counts: Counter[str] | Counter[int]) -> list[tuple[tuple[str, ...], int]]:
    return [((str(label),), count) for label, count in counts.items()]
