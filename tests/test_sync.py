"""The API without `await`: the same items, and nothing left behind."""

import threading

import pytest

import deltawire
import deltawire.sync
from deltawire.errors import FeedError, SubscriptionRefused
from deltawire.model.events import BookImage, Trade
from tests.client.test_subscription import BOOK, SOON, TRADES, RebuiltBook
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import make_trade


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
        found = dw.subscribe(BOOK, "trades.*.raw").collect(seconds=1.5)
    assert isinstance(found[1], BookImage)
    assert any(isinstance(item, Trade) for item in found)
