"""Whether a resume succeeded is decided when its channels are joined, however long the answer was held.

An answer waits for the disk, and meanwhile a channel may let go of what the client has missed. On real sockets.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deltawire.fanout.history import RetentionPolicy
from tests.support.gateway_server import RawClient, Way
from tests.support.market_events import VENUE
from tests.support.stalling import NAME, ExchangeServer, answers, notes_in, stalling_exchange

ORDERS = "user.orders.any.any.raw"
BOOK = f"book.{VENUE}:{NAME}.raw"
PATTERN = f"book.{VENUE}:*.raw"
EDITS = 800
"""Of one order: more than a channel keeps of their notifications, in bytes, and not too many to be held for it."""
LOW: dict[str, Any] = {"instrument_name": NAME, "amount": 10, "price": 100.0}
Connect = Callable[[], RawClient]


@pytest.fixture(scope="module")
def server(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeServer]:
    with stalling_exchange(Path(tmp_path_factory.mktemp("home")), way) as server:
        server.tell(server.foreign.image({1000: 10, 999: 20}, {1001: 30}))
        yield server


@pytest.fixture
def connect(server: ExchangeServer) -> Iterator[Connect]:
    """Makes connections that end with the test, when the disk works again."""
    with ExitStack() as stack:
        stack.callback(server.disk.resume)
        yield lambda: stack.enter_context(server.client())


def next_note(client: RawClient, channel: str) -> dict[str, Any]:
    while not (found := notes_in([client.message()], channel)):
        pass
    return found[0]


def position(note: dict[str, Any]) -> dict[str, Any]:
    return {"epoch": note["epoch"], "seq": note["seq"]}


def held(server: ExchangeServer) -> int:
    """How many requests wait for the disk."""
    return sum(len(each.requests) for each in server.app.gateway._held.values())


def left_behind(connect: Connect, channel: str) -> dict[str, Any]:
    """The last notification of a client that has gone."""
    away = connect()
    away.request("public/subscribe", 1, channels=[channel])
    last = next_note(away, channel)
    away.close()
    return last


def test_what_was_let_go_while_the_answer_waited_is_not_recovered(
    server: ExchangeServer, connect: Connect
) -> None:
    away, *traders = [connect() for _ in range(11)]
    assert away.answer("private/subscribe", channels=[ORDERS])["result"] == [ORDERS]
    order = traders[0].answer("private/buy", **LOW)["result"]["order"]["order_id"]
    last = next_note(away, ORDERS)
    away.close()
    server.disk.stall()
    for number in range(EDITS):
        trader = traders[number % len(traders)]
        trader.request("private/edit", number, order_id=order, amount=10, price=LOW["price"] + number + 1)
    server.wait_until(lambda: held(server) == EDITS)
    back = connect()
    back.request("private/subscribe", 1, channels=[ORDERS], resume={ORDERS: position(last)})
    server.wait_until(lambda: held(server) == EDITS + 1)
    server.disk.resume()
    assert answers(back, 1)[-1]["recovered"] == {ORDERS: False}
    joined = back.message()
    assert joined["method"] == "joined"
    missed = joined["params"]["seq"] - last["seq"]
    assert missed in (EDITS - 1, EDITS), "the answer to a record comes before what it brought"
    if missed < EDITS:
        assert next_note(back, ORDERS)["seq"] == last["seq"] + EDITS


@pytest.mark.parametrize("asked", [BOOK, PATTERN])
@pytest.mark.parametrize("changes", [3, RetentionPolicy().notifications + 1])
def test_an_answer_that_was_held_says_what_its_join_then_did(
    server: ExchangeServer, connect: Connect, asked: str, changes: int
) -> None:
    """A public channel, behind a private request on the same connection, by its name or by a pattern."""
    last = left_behind(connect, BOOK)
    back = connect()
    server.disk.stall()
    back.request("private/get_positions", 1)
    back.request("public/subscribe", 2, channels=[asked], resume={BOOK: position(last)})
    server.wait_until(lambda: held(server) == 2)
    book = server.foreign
    server.tell(*([book.change(bids={1000: 10 + book.sequence})] for _ in range(changes)))
    server.disk.resume()
    came = answers(back, 1, 2)
    assert notes_in(came, BOOK) == [], "the answer comes first"
    recovered = changes <= RetentionPolicy().notifications
    assert (came[-1]["result"], came[-1]["recovered"]) == ([asked], {BOOK: recovered})
    first = next_note(back, BOOK)
    if recovered:
        following = [first, *(next_note(back, BOOK) for _ in range(changes - 1))]
        assert [note["seq"] - last["seq"] for note in following] == [*range(1, changes + 1)]
        assert {note["data"]["type"] for note in following} == {"change"}
    else:
        assert (first["data"]["type"], first["seq"]) == ("snapshot", last["seq"] + changes)


def test_many_channels_of_a_pattern_are_answered_before_the_first_of_them_comes(
    server: ExchangeServer, connect: Connect
) -> None:
    """They are joined over several turns; those with a position in the first, with the answer."""
    last = left_behind(connect, BOOK)
    back = connect()
    for number in range(3):
        asked = ["ticker.*.raw", PATTERN]
        back.request("public/subscribe", number, channels=asked, resume={BOOK: position(last)})
        first = back.message()
        assert (first["id"], first["recovered"]) == (number, {BOOK: True})
        server.tell([server.foreign.change(bids={1000: 10 + server.foreign.sequence})])
        note = next_note(back, BOOK)
        assert (note["seq"], note["data"]["type"]) == (last["seq"] + 1, "change")
        back.answer("public/unsubscribe_all")
        last = note
