"""The past of accounts: so much of each, whatever the others do."""

from deltawire.exchange.history import AGENTS_FROM, History
from deltawire.exchange.orders import OrderChanged
from tests.support.exchanges import Floor, of

A, B = 1, 2


class Kept(Floor):
    """An exchange whose accounts' past is kept, two of each."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History(kept=2)

    def cancelled(self, account: int, count: int = 1) -> list[int]:
        """Orders placed and cancelled at once; their ids."""
        ids = []
        for _ in range(count):
            order = self.place(account, "buy", 10, 1000)
            self.cancel(order)
            self.history.took(self.outputs)
            ids.append(order.id)
        return ids


def test_the_oldest_ended_order_of_an_account_goes_first() -> None:
    floor = Kept()
    first, second, third = floor.cancelled(A, 3)
    assert [order.id for order in floor.history.orders(A)] == [third, second]
    assert floor.history.order(A, first) is None
    found = floor.history.order(A, second)
    assert found is not None
    assert found.state == "cancelled"


def test_what_others_do_takes_nothing_from_an_accounts_past() -> None:
    floor = Kept()
    (mine,) = floor.cancelled(A)
    floor.cancelled(B, 10)
    floor.cancelled(AGENTS_FROM, 10)
    assert floor.history.order(A, mine) is not None
    assert floor.history.order(B, mine) is None
    assert not list(floor.history.orders(AGENTS_FROM))


def test_a_living_order_is_no_past() -> None:
    floor = Kept()
    order = floor.place(A, "buy", 10, 1000)
    floor.history.took(floor.outputs)
    assert of(OrderChanged, floor.outputs)
    assert floor.history.order(A, order.id) is None


def test_a_past_is_the_same_after_a_restart() -> None:
    floor = Kept()
    floor.cancelled(A, 3)
    again = History(kept=2)
    again.thaw(floor.history.freeze())
    assert list(again.orders(A)) == list(floor.history.orders(A))
    assert again.freeze() == floor.history.freeze()
