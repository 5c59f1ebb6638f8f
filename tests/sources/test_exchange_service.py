"""The service: what was accepted is held until it is on disk, and comes out in order."""

from deltawire.errors import JournalError
from deltawire.exchange.accounts.account_records import Deposit
from deltawire.sources.exchange_service import UNWRITTEN
from tests.support.trading import Client, Exchange

NAME = "BTC-PERPETUAL"


def test_what_rests_on_a_failed_disk_is_never_told() -> None:
    exchange = Exchange()
    alice = exchange.client()
    alice.result("private/subscribe", channels=["user.orders.any.any.raw"])
    exchange.disk.slow = True
    alice.buy(100, 59_000.0)
    told: list[str] = []
    exchange.service.when_durable(exchange.service.ticket(), lambda: told.append("answer"))
    exchange.disk.sync(JournalError("journal", "", "disk full"))
    assert (told, alice.inbox.take()) == ([], [])
    assert exchange.service.error is not None


def test_what_comes_after_the_disk_has_failed_is_refused() -> None:
    exchange = Exchange()

    def full(payload: bytes) -> None:
        raise JournalError("journal", "", "disk full")

    exchange.disk.append = full  # type: ignore[method-assign]
    for _ in range(2):
        assert exchange.service.submit(Deposit(at_ns=1, account=1, currency="BTC", units=1)) == [UNWRITTEN]
    assert exchange.service.error is not None


def test_answers_come_in_the_order_of_their_tickets() -> None:
    exchange = Exchange()
    alice = exchange.client()
    exchange.disk.slow = True
    told: list[int] = []
    for number in range(3):
        alice.buy(100, 59_000.0)
        exchange.service.when_durable(exchange.service.ticket(), lambda number=number: told.append(number))
    exchange.disk.sync()
    assert told == [0, 1, 2]


def test_connections_that_a_restart_cut_take_their_orders_with_them() -> None:
    exchange = Exchange()
    alice, bob = exchange.client(), Client(exchange)
    alice.result("private/enable_cancel_on_disconnect")
    alice.buy(100, 59_000.0)
    exchange.service.abandoned()
    assert exchange.service.open_orders(1) == []
    assert exchange.service.exchange.connections.settings == {}
    assert bob.session.identity is None


def test_time_never_falls_behind_what_was_submitted() -> None:
    exchange = Exchange()
    exchange.harness.now += 5
    exchange.client().buy(100, 59_000.0)
    exchange.harness.now -= 1_000
    assert exchange.service.now() == exchange.service.exchange.matching.now
