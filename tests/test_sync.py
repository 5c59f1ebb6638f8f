"""The API without `await`: the same items, and nothing left behind."""

import queue
import threading

import pytest

import deltawire
import deltawire.sync
from deltawire.errors import FeedError, SubscriptionRefused
from deltawire.model.events import BookImage, Trade
from tests.client.test_subscription import BOOK, SOON, TRADES, RebuiltBook
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import make_trade
from tests.support.waiting import wait_until


def test_a_loop_over_items_and_a_live_book_and_a_call() -> None:
    threads = threading.active_count()
    with GatewayServer() as server:
        server.go_live()
        with deltawire.sync.open(server.url) as dw:
            sub = dw.subscribe(BOOK, TRADES)
            assert sub.granted == [BOOK, TRADES]
            server.change(5)
            server.feed([make_trade(server.book.instrument, 1000, 10, trade_id="1")])
            rebuilt = RebuiltBook()
            for item in sub:
                rebuilt.take(item)
                if rebuilt.trades and rebuilt.sequence == server.book.sequence:
                    break
            assert rebuilt.sides == (server.book.bids, server.book.asks)
            book = dw.book("BTC-PERPETUAL").next(SOON)
            assert (book.state, str(book.spread)) == ("live", "0.1")
            assert "100.0 | 100.1" in repr(book)
            assert dw.call("public/test")["version"] == deltawire.__version__
            sub.remove(TRADES)
            sub.add("ticker.BTC-PERPETUAL.raw")
            assert sub.granted == [BOOK, "ticker.BTC-PERPETUAL.raw"]
            with pytest.raises(SubscriptionRefused):
                dw.subscribe("nonsense")
    assert threading.active_count() == threads


def test_an_iteration_ends_where_the_data_does_and_errors_are_raised_here() -> None:
    with pytest.raises(FeedError, match="cannot connect"), deltawire.sync.open("127.0.0.1:1", retry_for=0.1):
        pass
    with pytest.raises(RuntimeError, match="within the block"):
        deltawire.sync.open("sim:").call("public/test")
    with deltawire.sync.open("sim:seed=3") as dw:
        sub = dw.subscribe(BOOK, "trades.*.raw")
        found = sub.collect(seconds=0.1)
        while not any(isinstance(item, Trade) for item in found):
            found += sub.collect(seconds=0.1)
    assert isinstance(found[1], BookImage)


def test_orders_have_the_same_names_and_handlers_may_use_them() -> None:
    threads = threading.active_count()
    found: queue.Queue[object] = queue.Queue()

    with deltawire.sync.open("sim:seed=3") as dw:

        def handler(item: object) -> None:
            if isinstance(item, deltawire.UserTrade):
                found.put((item, dw.order(item.order_id).state))

        dw.on("user.trades.any.any.raw", handler, error=found.put)
        book = dw.book("BTC-PERPETUAL").next(SOON)
        while book.mid is None:
            book.next(SOON)
        bids, asks = book.top(1)
        assert bids[0].price < asks[0].price
        order = dw.buy("BTC-PERPETUAL", 10)
        assert isinstance(order, deltawire.Order)
        while order.state != "filled":
            order = dw.buy("BTC-PERPETUAL", 10)
        trade, state = found.get(timeout=SOON)  # type: ignore[misc]
        assert (trade.instrument_name, trade.side, state) == ("BTC-PERPETUAL", "buy", "filled")
        assert dw.cancel_all() == 0
        assert dw.orders() == []
        assert dw.balance("BTC").balance < 11
        assert [position.instrument_name for position in dw.positions()] == ["BTC-PERPETUAL"]
        assert dw.run(lambda connection: connection.order(order.order_id)) == dw.order(order.order_id)
    wait_until(lambda: threading.active_count() <= threads)


def test_what_a_handler_raises_is_raised_at_the_end() -> None:
    def handler(item: object) -> None:
        raise ValueError("of mine")

    with GatewayServer() as server:
        server.go_live()
        with pytest.raises(ValueError, match="of mine"), deltawire.sync.open(server.url) as dw:
            dw.on(BOOK, handler).wait()
