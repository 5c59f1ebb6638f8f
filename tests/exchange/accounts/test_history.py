"""The past of accounts: so much of each, whatever the others do."""

from deltawire.exchange.accounts.history import AGENTS_FROM, AccountHistory
from deltawire.exchange.orders.orders import OrderChanged
from tests.support.matching_harness import MatchingHarness, of

A, B = 1, 2


class Kept(MatchingHarness):
    """An exchange whose accounts' past is kept, two of each."""

    def __init__(self) -> None:
        super().__init__()
        self.history = AccountHistory(kept=2)

    def cancelled(self, account: int, count: int = 1) -> list[int]:
        """Orders placed and cancelled at once; their ids."""
        ids = []
        for _ in range(count):
            order = self.place(account, "buy", 10, 1000)
            self.cancel(order)
            self.history.apply(self.outputs)
            ids.append(order.id)
        return ids


def test_the_oldest_ended_order_of_an_account_goes_first() -> None:
    harness = Kept()
    first, second, third = harness.cancelled(A, 3)
    assert [order.id for order in harness.history.orders(A)] == [third, second]
    assert harness.history.order(A, first) is None
    past = harness.history.order(A, second)
    assert past is not None
    assert past.state == "cancelled"


def test_what_others_do_takes_nothing_from_an_accounts_past() -> None:
    harness = Kept()
    (mine,) = harness.cancelled(A)
    harness.cancelled(B, 10)
    harness.cancelled(AGENTS_FROM, 10)
    assert harness.history.order(A, mine) is not None
    assert harness.history.order(B, mine) is None
    assert not list(harness.history.orders(AGENTS_FROM))


def test_a_living_order_is_no_past() -> None:
    harness = Kept()
    order = harness.place(A, "buy", 10, 1000)
    harness.history.apply(harness.outputs)
    assert of(OrderChanged, harness.outputs)
    assert harness.history.order(A, order.id) is None


def test_a_past_is_the_same_after_a_restart() -> None:
    harness = Kept()
    harness.cancelled(A, 3)
    again = AccountHistory(kept=2)
    again.thaw(harness.history.freeze())
    assert list(again.orders(A)) == list(harness.history.orders(A))
    assert again.freeze() == harness.history.freeze()
