"""Write the Grafana dashboard: rows of panels, each a few Prometheus expressions.

    python tools/grafana.py       # into deploy/grafana/dashboards/deltawire.json

`tests/test_deploy.py` holds the file to this program, and every metric in it to those that servers have.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

PLACE = Path(__file__).resolve().parent.parent / "deploy/grafana/dashboards/deltawire.json"
WIDTH, HEIGHT, ACROSS = 8, 7, 24
CHOSEN = '{instance=~"$instance"}'


class Panel(NamedTuple):
    """A graph: expressions and the legend of each; `$` stands for the chosen instances."""

    title: str
    unit: str
    lines: dict[str, str]


def rate(metric: str, by: str = "instance") -> str:
    """Per second, by some labels."""
    return f"sum by ({by}) (rate({metric}{CHOSEN}[$__rate_interval]))"


def quantile(share: float, metric: str) -> str:
    """Of a histogram, by instance."""
    buckets = f"sum by (le, instance) (rate({metric}_bucket{CHOSEN}[$__rate_interval]))"
    return f"histogram_quantile({share}, {buckets})"


ROWS = {
    "Clients": [
        Panel("Connections", "short", {f"deltawire_connections{CHOSEN}": "{{instance}}"}),
        Panel("Notifications delivered", "cps", {rate("deltawire_deliveries_total"): "{{instance}}"}),
        Panel("Bytes delivered", "Bps", {rate("deltawire_delivered_bytes_total"): "{{instance}}"}),
        Panel("Bytes queued for slow readers", "bytes", {f"deltawire_queue_bytes{CHOSEN}": "{{instance}}"}),
        Panel("Connections ended", "cps", {rate("deltawire_closes_total", "code"): "{{code}}"}),
        Panel(
            "From event to write",
            "s",
            {
                quantile(0.5, "deltawire_seen_to_sent_seconds"): "p50 {{instance}}",
                quantile(0.99, "deltawire_seen_to_sent_seconds"): "p99 {{instance}}",
            },
        ),
    ],
    "Books": [
        Panel(
            "By state",
            "short",
            {f"sum by (venue, state) (deltawire_books{CHOSEN})": "{{venue}} {{state}}"},
        ),
        Panel(
            "Became stale", "cps", {rate("deltawire_stale_total", "venue, reason"): "{{venue}} {{reason}}"}
        ),
        Panel("Oldest live book", "s", {f"max by (venue) (deltawire_book_age_seconds{CHOSEN})": "{{venue}}"}),
        Panel(
            "Levels that audits found different",
            "cps",
            {rate("deltawire_unequal_levels_total", "venue"): "{{venue}}"},
        ),
        Panel("Faults", "cps", {rate("deltawire_faults_total", "venue"): "{{venue}}"}),
        Panel("Lag of the venue", "s", {f"max by (venue) (deltawire_feed_lag_seconds{CHOSEN})": "{{venue}}"}),
    ],
    "Venues": [
        Panel("Sockets", "short", {f"deltawire_venue_sockets{CHOSEN}": "{{venue}}/{{connection}}"}),
        Panel("Subscriptions", "short", {f"deltawire_streams{CHOSEN}": "{{venue}} {{state}}"}),
        Panel(
            "REST weight used",
            "percentunit",
            {f"deltawire_rest_weight_used{CHOSEN} / deltawire_rest_weight_limit{CHOSEN}": "{{venue}}"},
        ),
    ],
    "Bus": [
        Panel("Messages behind", "short", {f"deltawire_bus_pending{CHOSEN}": "{{instance}}"}),
        Panel("Silence", "s", {f"deltawire_bus_silence_seconds{CHOSEN}": "{{instance}} {{venue}}"}),
        Panel(
            "Batches not acknowledged", "short", {f"deltawire_bus_waiting{CHOSEN}": "{{instance}} {{venue}}"}
        ),
        Panel("Batches published", "cps", {rate("deltawire_bus_published_total"): "{{instance}}"}),
        Panel("Messages dropped", "cps", {rate("deltawire_bus_dropped_total", "kind"): "{{kind}}"}),
        Panel("Consumers made anew", "cps", {rate("deltawire_bus_consumers_total"): "{{instance}}"}),
    ],
    "Exchange": [
        Panel(
            "Orders and trades",
            "cps",
            {
                rate("deltawire_exchange_orders_total"): "orders",
                rate("deltawire_exchange_trades_total"): "trades",
            },
        ),
        Panel("Open orders", "short", {f"deltawire_exchange_open_orders{CHOSEN}": "{{instance}}"}),
        Panel(
            "Sync of the journal",
            "s",
            {
                quantile(0.5, "deltawire_journal_sync_seconds"): "p50 {{instance}}",
                quantile(0.99, "deltawire_journal_sync_seconds"): "p99 {{instance}}",
            },
        ),
        Panel("Records not on disk yet", "short", {f"deltawire_journal_waiting{CHOSEN}": "{{instance}}"}),
        Panel("Records written", "cps", {rate("deltawire_journal_records_total"): "{{instance}}"}),
        Panel("Age of the snapshot", "s", {f"deltawire_snapshot_age_seconds{CHOSEN}": "{{instance}}"}),
    ],
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": top, "w": ACROSS, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []})
        top += 1
        for number, panel in enumerate(row):
            x, y = number * WIDTH % ACROSS, top + number * WIDTH // ACROSS * HEIGHT
            panels.append(_graph(len(panels) + 1, panel, {"x": x, "y": y, "w": WIDTH, "h": HEIGHT}))
        top += -(-len(row) * WIDTH // ACROSS) * HEIGHT
    return {
        "uid": "deltawire",
        "title": "deltawire",
        "schemaVersion": 39,
        "time": {"from": "now-30m", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [_datasource(), _instances()]},
        "panels": panels,
    }


def _graph(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "gridPos": place,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": source, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(panel.lines.items())
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}


def _instances() -> dict[str, Any]:
    return {
        "name": "instance",
        "type": "query",
        "label": "Instance",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": "label_values(deltawire_connections, instance)",
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text())
