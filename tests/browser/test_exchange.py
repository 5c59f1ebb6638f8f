"""The dashboard on `deltawire serve`: every view, over ws and wss, and orders of an account."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, axe, keep
from tests.support.served_exchange import ServedExchange
from tests.support.waiting import HANG_S, wait_until

VIEWS = {
    "market": "dw-ladder td.price",
    "options": "dw-options td.price",
    "health": "table.books td",
    "trade": "dw-trade h2",
}
SUMMARY = "public/get_book_summary_by_currency"
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""What is known has been drawn."""
PAINTED = """selector => {
  const canvas = document.querySelector(selector);
  return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
}"""
expect.set_options(timeout=1000 * HANG_S)


def changes(page: Page, selector: str) -> None:
    """Wait until the text of an element is another."""
    element = page.locator(selector).first
    expect(element).not_to_have_text(element.inner_text(), use_inner_text=True)


def test_every_view_opens_by_its_address_and_shows_data(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    for view, selector in VIEWS.items():
        page = open_page(f"{exchange.served.http}/#/{view}/BTC-PERPETUAL")
        expect(page.locator(selector).first).not_to_be_empty()
        expect(page.locator(".light")).to_have_text("live")
        expect(page.locator("nav [aria-current=page]")).to_have_text(view.capitalize())
        page.evaluate(DRAWN)
        keep(page, f"{view}-{exchange.served.http.partition(':')[0]}")
        page.close()


def test_the_health_view_counts_clients_and_latency(exchange: ServedExchange, open_page: OpenPage) -> None:
    other = open_page(f"{exchange.served.http}/#/market/BTC-PERPETUAL")
    expect(other.locator(".light")).to_have_text("live")
    page = open_page(f"{exchange.served.http}/#/health/")
    expect(page.locator(".server")).to_contain_text("ready")
    expect(page.locator(".server")).to_contain_text(re.compile(r"([2-9]|\d\d) open, \d+ accepted"))
    expect(page.locator(".server")).to_contain_text(re.compile(r"[1-9][\d,]* notifications/s"))
    expect(page.locator(".server")).to_contain_text(re.compile(r"99 % within [0-9.]+ ms"))
    expect(page.locator(".venues tbody tr")).to_have_count(1)
    axe(page)


def test_the_market_moves_and_every_book_is_verified(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_page(f"{exchange.served.http}/#/market/BTC-PERPETUAL")
    expect(page.locator("dw-ladder footer")).to_contain_text("checksum verified · complete")
    for selector in ("dw-ladder tbody.bid", "dw-tape tbody", "dw-price-chart .prices"):
        changes(page, selector)
    expect(page.locator("[data-stale]")).to_have_count(0)
    assert page.locator("dw-price-chart canvas").count() > 0


def test_the_chain_has_both_sides_of_every_strike(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_page(f"{exchange.served.http}/#/options/BTC-PERPETUAL")
    rows = page.locator("table.chain tbody tr")
    expect(rows.first).to_be_visible()
    strikes = [float(text) for text in page.locator("table.chain th.mid").all_inner_texts()]
    assert strikes == sorted(strikes)
    assert rows.count() == len(strikes) > 5
    expect(page.locator(".smile")).to_have_attribute("aria-label", re.compile("[0-9] percent"))
    delta = rows.first.locator("td").nth(1)
    expect(delta).to_contain_text("0.")
    expect(rows.first.locator("td").nth(22)).to_contain_text("-")


def test_the_options_view_has_term_structure_and_gamma_exposure(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    page = open_page(f"{exchange.served.http}/#/options/BTC-PERPETUAL")
    rows = page.locator("table.expiries tbody tr")
    expect(rows.nth(3)).to_be_visible()
    volatilities = [float(text) for text in page.locator("table.expiries td:nth-child(2)").all_inner_texts()]
    assert all(5 < volatility < 300 for volatility in volatilities)
    expect(page.locator("canvas.term")).to_have_attribute("aria-label", re.compile(r"\d\.\d percent"))
    expect(page.locator("dw-volatility [data-stale]")).to_have_count(0)
    expect(page.locator("canvas.gamma")).to_have_attribute("aria-label", re.compile("dealers short all: net"))
    for name in ("term", "surface", "gamma"):
        page.locator(f"canvas.{name}").scroll_into_view_if_needed()
        page.wait_for_function(PAINTED, arg=f"canvas.{name}")
    axe(page)


def test_an_order_goes_in_shows_cancels_and_another_fills(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    account = exchange.add_account("trader", "BTC=10")
    page = open_page(f"{exchange.served.http}/#/trade/BTC-PERPETUAL")
    page.fill("#client", account.client_id)
    page.fill("#secret", "wrong")
    page.click("text=Sign in >> nth=-1")
    expect(page.locator(".message[data-bad]")).to_contain_text("invalid_credentials")
    page.fill("#client", account.client_id)
    page.fill("#secret", account.client_secret)
    page.click("form.ticket button")
    expect(page.locator("table.balances tbody th", has_text="BTC")).to_be_visible()
    page.fill("#amount", "50")
    page.fill("#price", str(exchange.price(0.99)))
    page.click("button.buy")
    order = page.locator("table.orders tbody tr")
    expect(order).to_have_count(1)
    expect(order).to_contain_text("BTC-PERPETUAL")
    expect(page.locator(".message")).to_contain_text("done")
    axe(page)
    page.click("text=Cancel all")
    expect(order).to_have_count(0)
    page.select_option("#type", "market")
    page.fill("#price", "")
    page.click("button.buy")
    expect(page.locator("table.positions tbody tr")).to_contain_text("BTC-PERPETUAL")
    expect(page.locator("table.fills tbody tr").first).to_contain_text("buy")
    keep(page, f"trade-signed-in-{exchange.served.http.partition(':')[0]}")
    page.fill("#amount", "7")
    page.click("button.buy")
    expect(page.locator(".message[data-bad]")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(exchange: ServedExchange, open_page: OpenPage, scheme: str) -> None:
    for view, selector in VIEWS.items():
        page = open_page(f"{exchange.served.http}/#/{view}/BTC-PERPETUAL", scheme=scheme)
        expect(page.locator(selector).first).not_to_be_empty()
        axe(page)
        page.close()


def test_it_is_worked_by_keys(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_page(f"{exchange.served.http}/")
    expect(page.locator("dw-ladder td.price").first).not_to_be_empty()
    page.keyboard.press("b")
    expect(page.locator(".spoken")).to_contain_text("Bid 6")
    page.keyboard.press("3")
    expect(page.locator("table.books td").first).not_to_be_empty()
    page.keyboard.press("1")
    page.keyboard.press("/")
    expect(page.locator("#instrument")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("ETH-PERPETUAL")
    page.keyboard.press("Enter")
    expect(page.locator("dw-ladder")).to_have_js_property("instrument", "ETH-PERPETUAL")
    expect(page).to_have_url(f"{exchange.served.http}/#/market/ETH-PERPETUAL")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_it_fits_a_phone(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_page(f"{exchange.served.http}/", width=390, height=844)
    expect(page.locator("dw-ladder td.price").first).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, f"phone-{exchange.served.http.partition(':')[0]}")


def test_margin_that_takes_much_of_the_balance_is_told(exchange: ServedExchange, open_page: OpenPage) -> None:
    """A deep option sold by an account that can just hold it: most of its initial margin is maintenance margin."""
    deep: list[tuple[str, float]] = []

    def find_deep() -> bool:
        summaries = exchange.call(SUMMARY, currency="BTC", kind="option")
        bids = [(each["instrument_name"], each["bid_price"] or 0.0) for each in summaries]
        deep.extend((name, bid) for name, bid in bids if 0.45 < bid < 0.8)
        return bool(deep)

    wait_until(find_deep)
    (name, bid), account = deep[0], exchange.add_account("margined", "BTC=0.25")
    page = open_page(f"{exchange.served.http}/#/trade/{name}")
    page.fill("#client", account.client_id)
    page.fill("#secret", account.client_secret)
    page.click("form.ticket button")
    expect(page.locator("table.balances tbody tr").first).to_be_visible()
    page.locator("button", has_text="Alerts").click()
    page.fill("#amount", "1")
    page.fill("#price", f"{round(0.9 * bid, 2):.2f}")
    page.click("button.sell")
    expect(page.locator("table.positions tbody tr")).to_contain_text(name)
    expect(page.locator(".alerts li").first).to_contain_text(
        re.compile(r"Maintenance margin takes [7-9]\d % of the BTC balance")
    )
