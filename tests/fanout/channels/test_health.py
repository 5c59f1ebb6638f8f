"""`book.X.health`: what has happened to a book, and how far it is known."""

from random import Random

from deltawire.dialect.grammar import parse_channel
from deltawire.fanout.hub import Hub
from deltawire.fanout.subscribers import JSON
from deltawire.market.market import Market
from deltawire.market.venue_health import venue_healths
from deltawire.ports import Wants
from deltawire.venues import make_venue
from tests.fanout.test_two_hubs import joined_as
from tests.support.frames import messages_in
from tests.support.narrow_books import NAME, Truth

VENUE = "binance_usdm"
MS_NS = 1_000_000
START_NS = 1_700_000_000_000 * MS_NS


def test_gaps_resyncs_audits_and_coverage_are_told_as_they_come() -> None:
    truth, venue, hub = Truth(Random(1)), make_venue(VENUE), Hub(Market(VENUE), "epoch")
    now = START_NS

    def play(*steps: tuple[bytes | None, bytes | None]) -> None:
        nonlocal now
        for frame, image in steps:
            now += 100 * MS_NS
            outputs = venue.received(frame, now) if frame is not None else []
            outputs += venue.fetched(f"book:{NAME}", image, now) if image is not None else []
            hub.advance(VENUE, now)
            hub.publish([output for output in outputs if hasattr(output, "seen_ns")])  # type: ignore[misc]
            hub.flush()

    venue.opened(Wants((NAME,)), now)
    play((truth.update(), None), (None, truth.image()))
    live_ms = now // MS_NS
    key = parse_channel(f"book.{NAME}.health")
    assert key is not None
    inbox = joined_as(hub, key, JSON)
    truth.update()  # is lost
    play((truth.update(), None), (None, truth.image()))
    back_ms = now // MS_NS
    venue.audit(NAME, now)  # type: ignore[attr-defined]
    play((None, truth.image()))
    first, lost, *_, back, audited = (
        message["params"]["data"] for message in messages_in(b"".join(inbox.writes))
    )
    assert (first["state"], first["gaps"], first["resyncs"], first["audits"]) == ("live", 0, 0, 0)
    assert first["unbroken_since"] == live_ms
    assert min(first["coverage_bp"]) > 0
    assert first["complete_to"] != [None, None]
    assert "last_audit" not in first
    assert (lost["state"], lost["gaps"], lost["unbroken_since"]) == ("syncing", 1, None)
    assert lost["coverage_bp"] is None
    assert (back["state"], back["resyncs"], back["outages"]) == ("live", 1, {"gap": 1})
    assert back["unbroken_since"] == back_ms
    assert audited["audits"] == 1
    assert audited["unequal"] == 0
    assert audited["audited"] == audited["last_audit"]["compared"] > 0
    assert audited["last_audit"]["change_id"] == truth.id


def test_what_audits_found_is_a_metric_and_a_line_of_readyz() -> None:
    truth, venue, market = Truth(Random(2)), make_venue(VENUE), Market(VENUE)
    venue.opened(Wants((NAME,)), START_NS)
    outputs = venue.received(truth.update(), START_NS) + venue.fetched(
        f"book:{NAME}", truth.image(), START_NS
    )
    venue.audit(NAME, START_NS)  # type: ignore[attr-defined]
    del truth.bids[max(truth.bids)]
    outputs += venue.fetched(f"book:{NAME}", truth.image(), START_NS)
    for output in outputs:
        if hasattr(output, "seen_ns"):
            market.apply(output)  # type: ignore[arg-type]
    health = venue_healths(market)[VENUE]
    assert (health.audits, health.unequal) == (1, 1)
    assert health.audited >= 9
    assert str(health).startswith("1 audits, ")
    assert health.least == NAME
    assert health.least_bp > 0
