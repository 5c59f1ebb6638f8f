"""What is logged of faults."""

from structlog.testing import capture_logs

from deltawire.gateway.telemetry import AT_ONCE, WINDOW_S, FaultLog


def test_a_flood_of_faults_is_a_few_lines_and_a_sum() -> None:
    faults = FaultLog(lambda venue: venue == "kraken")
    with capture_logs() as logs:
        for number in range(1000):
            faults.note("okx", f"fault {number}", now_s=1.0)
        faults.note("kraken", "another venue's", now_s=2.0)
        faults.tick(1.0 + WINDOW_S)
        faults.tick(2.0 + WINDOW_S)
    assert [log["event"] for log in logs if log["venue"] == "okx"] == [
        *["fault"] * AT_ONCE,
        "more faults; is this the right --venue?",
        "faults",
    ]
    assert logs[-1]["number"] == 1000
    assert [log["reason"] for log in logs if log["venue"] == "kraken"] == ["another venue's"]


def test_a_venue_that_is_understood_is_not_asked_whether_it_is_the_right_one() -> None:
    faults = FaultLog(lambda venue: venue == "okx")
    with capture_logs() as logs:
        for _ in range(AT_ONCE + 1):
            faults.note("okx", "imbalance.X.1s cannot be computed: 100 others are computed", now_s=1.0)
            faults.note("kraken", "not JSON", now_s=1.0)
    assert [(log["venue"], log["event"]) for log in logs[-2:]] == [
        ("okx", "more faults; only counted from here on"),
        ("kraken", "more faults; is this the right --venue?"),
    ]


def test_after_the_window_faults_are_logged_again() -> None:
    faults = FaultLog(lambda _: True)
    for _ in range(100):
        faults.note("okx", "before", now_s=0.0)
    with capture_logs() as logs:
        faults.tick(WINDOW_S)
        faults.note("okx", "again", now_s=WINDOW_S)
    assert [(log["event"], log.get("reason")) for log in logs] == [("faults", None), ("fault", "again")]
