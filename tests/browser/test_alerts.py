"""Alerts of thresholds that a user has set, of venues, and of margin, on screen and while the page is hidden."""

from playwright.sync_api import Page, expect

from deltawire.fanout.channel import Channel
from deltawire.model.events import VenueStatus
from tests.browser.conftest import OpenPage, axe, keep
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import SECOND_NS, VENUE, ScriptedBook, make_instrument
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
OTHER = "okx"
THIN = "alert.BTC-PERPETUAL.thin.25.1s"


def open_alerts(server: GatewayServer, open_page: OpenPage) -> Page:
    page = open_page(f"http://127.0.0.1:{server.port}/#/market/BTC-PERPETUAL")
    expect(page.locator("dw-ladder tbody.bid tr").first).to_be_visible()
    page.locator("button", has_text="Alerts").click()
    return page


def set_threshold(page: Page, name: str, value: str) -> None:
    field = page.locator(f".alerts input[name={name}]")
    field.fill(value)
    field.press("Enter")


def pass_intervals(server: GatewayServer, bids: dict[int, int]) -> None:
    for number in range(3):
        server.book.now_ns += SECOND_NS
        server.feed([server.book.change(bids=bids | {900: 1 + number})])


def watched(server: GatewayServer) -> Channel:
    channel = server.app.hub.directory.get(THIN)
    assert channel is not None
    return channel


def test_a_thin_book_is_told_once_and_when_it_is_over(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_alerts(server, open_page)
        expect(page.locator(".alerts")).to_contain_text("Nothing to tell")
        set_threshold(page, "thin", "25")
        server.wait_until(lambda: server.app.hub.directory.get(THIN) is not None)
        pass_intervals(server, {1000: 10})
        first = page.locator(".alerts li").first
        expect(first).to_contain_text("BTC-PERPETUAL: the thinner side has 10 within 10 bp (set: 25)")
        pass_intervals(server, {1000: 11})
        pass_intervals(server, {1000: 500})
        expect(first).to_contain_text("No longer: BTC-PERPETUAL: the thinner side has")
        expect(page.locator(".alerts li")).to_have_count(2)
        axe(page)
        keep(page, "alerts")
        page.reload()
        page.locator("button", has_text="Alerts").click()
        expect(page.locator(".alerts input[name=thin]")).to_have_value("25")
        set_threshold(page, "thin", "")
        server.wait_until(lambda: not watched(server).active)
        set_threshold(page, "thin", "-1")
        assert not page.locator(".alerts input[name=thin]").evaluate("input => input.checkValidity()")


def test_crossed_venues_and_what_venues_say_are_told(open_page: OpenPage) -> None:
    away = ScriptedBook(make_instrument(venue=OTHER))
    with GatewayServer(venues=(VENUE, OTHER)) as server:
        server.go_live()
        server.feed(away.image({1003: 44}, {1004: 55}), OTHER)
        server.wait_until(lambda: len(server.app.market) == 2)
        page = open_alerts(server, open_page)
        set_threshold(page, "crossed", "5")
        channel = f"alert.BTC-PERPETUAL.crossed.{OTHER}:BTC-PERPETUAL.5.1s"
        server.wait_until(lambda: server.app.hub.directory.get(channel) is not None)
        pass_intervals(server, {1000: 10})
        # 100.1 is asked here, 100.3 is bid there.
        expect(page.locator(".alerts li").first).to_contain_text(
            f"BTC-PERPETUAL at 100.1 is crossed by {OTHER}:BTC-PERPETUAL at 100.3: 19.96 bp (set: 5 bp)"
        )
        down = VenueStatus(OTHER, "down", away.now_ns, "<b>maintenance</b> until noon")
        server.feed([down], OTHER)
        expect(page.locator(".alerts")).to_contain_text(
            f"{OTHER} says it is down: <b>maintenance</b> until noon"
        )
        page.keyboard.press("Escape")
        page.goto(f"http://127.0.0.1:{server.port}/#/health/")
        row = page.locator("dw-server section.venues tbody tr", has_text=OTHER)
        expect(row).to_contain_text("down: <b>maintenance</b> until noon")
        expect(row).to_have_attribute("data-state", "stale")
