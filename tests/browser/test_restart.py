"""The exchange is stopped and started again under open pages: every view goes on, over ws and wss, with its orders."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_exchange import VIEWS, changes
from tests.support.served_exchange import ServedExchange, serving_exchange
from tests.support.waiting import HANG_S

MOVES = {"market": "dw-tape tbody", "options": "table.chain tbody", "health": ".server"}
"""What another text shows that a view is told the news."""
expect.set_options(timeout=1000 * HANG_S)


def sign_in(page: Page, exchange: ServedExchange) -> None:
    account = exchange.add_account("trader", "BTC=10")
    page.fill("#client", account.client_id)
    page.fill("#secret", account.client_secret)
    page.click("form.ticket button")
    expect(page.locator("table.balances tbody th", has_text="BTC")).to_be_visible()


def place_far_below(page: Page, exchange: ServedExchange, price: float) -> None:
    page.fill("#amount", "50")
    page.fill("#price", str(exchange.price(price)))
    page.click("button.buy")


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_every_view_and_its_orders_outlive_a_restart(
    tmp_path: Path, open_page: OpenPage, *, secure: bool
) -> None:
    options = ["--self-signed"] if secure else []
    with serving_exchange(tmp_path, *options) as first:
        address = first.served.http
        pages = {view: open_page(f"{address}/#/{view}/BTC-PERPETUAL") for view in VIEWS}
        for view, page in pages.items():
            expect(page.locator(VIEWS[view]).first).not_to_be_empty()
        sign_in(pages["trade"], first)
        place_far_below(pages["trade"], first, 0.9)
        order = pages["trade"].locator("table.orders tbody tr")
        expect(order).to_have_count(1)
        amount = order.first.inner_text()
    for page in pages.values():
        expect(page.locator(".light")).not_to_have_text("live")
    with serving_exchange(tmp_path, *options, "--port", str(urlsplit(address).port)) as second:
        assert second.served.http == address
        for page in pages.values():
            expect(page.locator(".light")).to_have_text("live")
        for view, selector in MOVES.items():
            changes(pages[view], selector)
            expect(pages[view].locator("main [data-stale]")).to_have_count(0)
        expect(order).to_have_count(1)
        assert order.first.inner_text() == amount
        place_far_below(pages["trade"], second, 0.91)
        expect(order).to_have_count(2)
        pages["trade"].click("text=Cancel all")
        expect(order).to_have_count(0)
