"""What is not live is never shown as if it were, and names are text; on a server that is fed by hand."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, axe, keep
from tests.support.gateway_server import WAYS, GatewayServer
from tests.support.market_events import ScriptedBook, make_instrument
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
LADDER = "dw-ladder section.pane"
HOSTILE = "<img/src=x/onerror=alert(1)>\"'&lt;b&gt;"


def sizes(page: Page, side: str) -> list[str]:
    return page.locator(f"dw-ladder tbody.{side} td:nth-child(2)").all_inner_texts()


def test_a_stale_book_is_grey_and_says_why_until_it_is_live(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_page(f"http://127.0.0.1:{server.port}/#/market/BTC-PERPETUAL")
        expect(page.locator("dw-ladder tbody.bid tr")).to_have_count(2)
        expect(page.locator("[data-stale]")).to_have_count(0)
        assert sizes(page, "bid") == ["10", "20"]
        expect(page.locator("dw-heatmap footer")).to_contain_text("0 of ")
        server.feed([server.book.stale()])
        for pane in (LADDER, "dw-tape section.pane", "dw-price-chart section.pane"):
            expect(page.locator(pane)).to_have_attribute("data-stale", "")
        expect(page.locator("dw-ladder .why")).to_contain_text("stale: gap · last known")
        expect(page.locator("dw-ladder .why")).to_contain_text(" old")
        opacity = "getComputedStyle(document.querySelector('dw-ladder .body')).filter"
        assert page.evaluate(opacity) == "grayscale(1)"
        expect(page.locator("button", has_text="Alerts 1")).to_be_visible()
        hatched = re.compile(r"[1-9]\d* of \d+ columns without a live book")
        expect(page.locator("dw-heatmap footer")).to_contain_text(hatched)
        keep(page, "stale")
        axe(page)
        page.keyboard.press("3")
        expect(page.locator("table.books tr[data-state=stale]")).to_contain_text("gap")
        page.keyboard.press("1")
        expect(page.locator("dw-ladder .why")).to_contain_text("stale: gap")
        server.feed(server.book.image({1000: 70}, {1001: 80}))
        expect(page.locator(f"{LADDER}[data-stale]")).to_have_count(0)
        expect(page.locator("dw-ladder tbody.bid td:nth-child(2)").first).to_have_text("70")


def test_a_restart_of_the_server_is_told_and_outlived(open_page: OpenPage) -> None:
    for way in WAYS[:2]:
        with GatewayServer(way=way) as first:
            first.go_live()
            scheme = "https" if way.secure else "http"
            page = open_page(f"{scheme}://127.0.0.1:{first.port}/#/market/BTC-PERPETUAL")
            expect(page.locator("dw-ladder tbody.bid tr")).to_have_count(2)
            page.wait_for_function(
                "() => ['options', 'health'].every(part => customElements.get(`dw-${part}`))"
            )
        expect(page.locator(".light")).not_to_have_text("live")
        expect(page.locator(LADDER)).to_have_attribute("data-stale", "")
        expect(page.locator("dw-ladder .why")).to_contain_text("last known")
        assert sizes(page, "bid") == ["10", "20"]
        # Other views were loaded while the server was there.
        for key in "231":
            page.keyboard.press(key)
            expect(page.locator("main .why").first).to_contain_text(re.compile("last known|nothing known"))
            axe(page)
        expect(page.locator(LADDER)).to_have_attribute("data-stale", "")
        with GatewayServer(way=way, port=int(first.port), epoch="another") as second:
            second.feed(second.book.image({1000: 33}, {1001: 44}))
            expect(page.locator(".light")).to_have_text("live")
            expect(page.locator(f"{LADDER}[data-stale]")).to_have_count(0)
            expect(page.locator("dw-ladder tbody.bid tr")).to_have_count(1)
            assert sizes(page, "bid") == ["33"]
            second.feed([second.book.change(bids={1000: 34})])
            expect(page.locator("dw-ladder tbody.bid td:nth-child(2)").first).to_have_text("34")


def test_a_view_that_the_server_does_not_give_is_told_and_asked_for_again(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_page("about:blank")
        page.route("**/assets/health-*", lambda route: route.abort())
        page.goto(f"http://127.0.0.1:{server.port}/#/health/BTC-PERPETUAL")
        expect(page.locator("main")).to_contain_text("The server did not give this view")
        expect(page.locator(".light")).to_have_text("live")
        page.unroute("**/assets/health-*")  # the connection stays
        expect(page.locator("table.books td").first).not_to_be_empty()


def test_what_was_missed_while_the_connection_was_away_is_resumed(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_page(f"http://127.0.0.1:{server.port}/#/market/BTC-PERPETUAL")
        expect(page.locator("dw-ladder tbody.bid tr")).to_have_count(2)
        server.ask(
            lambda: [connection.close(4000, "test") for connection in list(server.app.gateway.connections)]
        )
        server.feed([server.book.change(bids={1000: 55})])
        expect(page.locator("dw-ladder tbody.bid td:nth-child(2)").first).to_have_text("55")
        expect(page.locator("dw-ladder footer")).to_contain_text("checksum verified")


def test_hostile_names_are_text(open_page: OpenPage) -> None:
    instrument = make_instrument(HOSTILE)
    book = ScriptedBook(instrument)
    with GatewayServer() as server:
        server.go_live()
        server.feed(book.image({1000: 10}, {1001: 30}))
        server.wait_until(lambda: len(server.app.market) == 2)
        page = open_page(f"http://127.0.0.1:{server.port}/#/health/")
        expect(page.locator("table.books a", has_text=HOSTILE)).to_be_visible()
        page.locator("table.books a", has_text=HOSTILE).click()
        expect(page.locator("dw-ladder tbody.bid tr")).to_have_count(1)
        expect(page.locator("#instrument")).to_have_value(HOSTILE)
        assert page.title() == f"{HOSTILE} · deltawire"
        server.feed([book.stale()])
        page.click("button:has-text('Alerts 1')")
        expect(page.locator(".alerts li")).to_contain_text(HOSTILE)
        assert page.locator("img, script:not([src])").count() == 0
