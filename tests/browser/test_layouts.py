"""Layouts of the market view: panes linked by instrument, kept, exported and imported, several venues side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, axe, keep
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import VENUE, ScriptedBook, make_instrument
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
MARKET = ["price", "ladder", "tape", "heatmap", "depth"]
OTHER = "okx"
HOSTILE = "<img src=x onerror=alert(1)>"


def kinds(page: Page) -> list[str]:
    return [str(kind) for kind in page.locator(".cell").evaluate_all("all => all.map(e => e.dataset.kind)")]


def place(page: Page, kind: str) -> Locator:
    return page.locator(f".cell[data-kind={kind}] .place")


def size(page: Page, kind: str) -> str:
    return place(page, kind).locator("span").inner_text()


def open_editor(server: GatewayServer, open_page: OpenPage, **more: Any) -> Page:
    page = open_page(f"http://127.0.0.1:{server.port}/#/market/BTC-PERPETUAL", **more)
    expect(page.locator("dw-ladder tbody.bid tr").first).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator("dw-place-editor .place").last).to_be_visible()
    return page


def write(path: Path, **changes: Any) -> Path:
    """A layout's file with one pane, unless told otherwise."""
    pane = {"kind": "ladder", "group": "A", "width": 4, "height": 10}
    body = {"format": "deltawire-layout", "version": 1, "name": "Mine", "panes": [pane], "links": {}}
    path.write_text(json.dumps(body | changes))
    return path


def test_a_layout_is_made_by_keys_and_kept(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        assert kinds(page) == MARKET
        place(page, "ladder").locator("[data-does=earlier]").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".cell").first).to_have_attribute("data-kind", "ladder")
        expect(place(page, "ladder").locator("[data-does=earlier]")).to_be_focused()
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowUp")
        expect(place(page, "ladder").locator("span")).to_have_text("4 × 14")
        place(page, "tape").locator("button").first.focus()
        page.keyboard.press("Delete")
        expect(page.locator(".cell")).to_have_count(4)
        page.select_option("#add-pane", "profile")
        expect(page.locator("dw-profile h2")).to_have_text("Volume profile")
        page.fill("#layout-name", "Market")
        page.press("#layout-name", "Enter")
        expect(page.locator(".layouts [data-bad]")).to_contain_text("choose another name")
        page.fill("#layout-name", HOSTILE)
        page.press("#layout-name", "Enter")
        expect(page.locator("#layout")).to_have_value(HOSTILE)
        page.reload()
        expect(page.locator("dw-ladder tbody.bid tr").first).to_be_visible()
        made = ["ladder", "price", "heatmap", "depth", "profile"]
        assert kinds(page) == made
        page.keyboard.press("l")
        expect(place(page, "ladder").locator("span")).to_have_text("4 × 14")
        page.select_option("#layout", "Market")
        expect(page.locator("dw-tape")).to_be_visible()
        assert kinds(page) == MARKET
        page.select_option("#layout", HOSTILE)
        expect(page.locator("dw-profile")).to_be_visible()
        assert kinds(page) == made
        assert page.locator("img").count() == 0
        page.click(f"text=Forget {HOSTILE}")
        expect(page.locator("#layout optgroup")).to_have_count(1)
        page.keyboard.press("Tab")
        axe(page)


def test_a_pane_keeps_what_it_shows_when_it_changes_places(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        expect(page.locator("dw-price-chart canvas").first).to_be_visible()
        place(page, "price").locator("[data-does=later]").click()
        expect(page.locator(".cell").first).to_have_attribute("data-kind", "ladder")
        expect(page.locator("dw-price-chart canvas").first).to_be_visible()
        server.feed([server.book.change(bids={1000: 55})])
        expect(page.locator("dw-ladder tbody.bid td:nth-child(2)").first).to_have_text("55")


def test_a_layout_goes_by_file_to_another_page(open_page: OpenPage, tmp_path: Path) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        place(page, "depth").locator("[data-does=wider]").click()
        with page.expect_download() as download:
            page.click("text=Export")
        assert download.value.suggested_filename == "Market.layout.json"
        file = tmp_path / "layout.json"
        download.value.save_as(file)
        written = json.loads(file.read_text())
        assert (written["format"], written["version"]) == ("deltawire-layout", 1)
        assert written["links"] == {"A": "BTC-PERPETUAL"}
        assert [pane["kind"] for pane in written["panes"]] == MARKET
        assert written["panes"][4]["width"] == 3
        other = open_editor(server, open_page)
        place(other, "depth").locator("[data-does=remove]").click()
        expect(other.locator(".cell")).to_have_count(4)
        other.set_input_files(".layouts input[type=file]", file)
        expect(other.locator(".layouts [role=status]")).to_contain_text("Market is shown")
        expect(other.locator(".cell")).to_have_count(5)
        assert size(other, "depth") == "3 × 6"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "its format is not"),
        ({"version": 2}, "its version is 2, and this page reads version 1"),
        ({"name": ""}, "a name has 1 to 60 characters"),
        ({"panes": []}, "panes is a list of 1 to 24"),
        ({"panes": [1]}, "pane 1 is not an object"),
        ({"panes": [{"kind": HOSTILE, "group": "A", "width": 1, "height": 1}]}, "kind of pane 1 is"),
        ({"panes": [{"kind": "tape", "group": "A", "width": 13, "height": 1}]}, "width of pane 1 is 13"),
        ({"panes": [{"kind": "tape", "group": "E", "width": 1, "height": 1}]}, 'group of pane 1 is "E"'),
        ({"links": {"B": 5}}, "the instrument of group B is a name"),
        ({"links": {"__proto__x": "a"}}, "a group in links is"),
        ({"name": "x" * 70_000}, "this is no layout"),
    ],
)
def test_a_file_that_is_no_layout_is_refused_and_changes_nothing(
    open_page: OpenPage, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        page.set_input_files(".layouts input[type=file]", write(tmp_path / "layout.json", **changes))
        expect(page.locator(".layouts [data-bad]")).to_contain_text(said)
        assert kinds(page) == MARKET
        assert page.locator("img").count() == 0
        page.set_input_files(".layouts input[type=file]", write(tmp_path / "good.json"))
        expect(page.locator(".cell")).to_have_count(1)


def test_a_damaged_layout_in_the_browser_is_told_and_the_standard_shown(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        page.evaluate("localStorage.setItem('deltawire.layout', '{\"format\": 1}')")
        page.reload()
        expect(page.locator("dw-ladder tbody.bid tr").first).to_be_visible()
        assert kinds(page) == MARKET
        page.keyboard.press("l")
        expect(page.locator(".layouts [data-bad]")).to_contain_text("a kept layout cannot be read")


def test_venues_are_side_by_side_and_one_that_is_stale_greys_its_own_panes(open_page: OpenPage) -> None:
    away = ScriptedBook(make_instrument(venue=OTHER))
    coin = ScriptedBook(make_instrument("ETH-PERPETUAL", base="ETH", venue=OTHER))
    with GatewayServer(venues=(VENUE, OTHER)) as server:
        server.go_live()
        server.feed(away.image({1002: 44}, {1004: 55}), OTHER)
        server.feed(coin.image({500: 66}, {501: 77}), OTHER)
        server.wait_until(lambda: len(server.app.market) == 3)
        page = open_editor(server, open_page)
        page.select_option("#layout", "Side by side")
        ladders = page.locator("dw-ladder tbody.bid td:nth-child(2)")
        expect(ladders).to_have_text(["10", "20", "44"])
        books = page.locator("dw-ladder section.pane")
        expect(books.nth(1)).to_have_attribute("aria-label", f"Book of {OTHER}:BTC-PERPETUAL")
        apart = page.locator("dw-venues tbody tr", has_text=f"{OTHER}:BTC-PERPETUAL").locator("td").nth(4)
        # The middles are 100.05 and 100.3.
        expect(apart).to_have_text("24.99 bp")
        keep(page, "side-by-side")
        server.feed([away.stale()], OTHER)
        expect(books.nth(1)).to_have_attribute("data-stale", "")
        expect(page.locator("dw-venues tr[data-state=stale]")).to_contain_text(OTHER)
        expect(books.nth(0)).not_to_have_attribute("data-stale", "")
        axe(page)
        group = page.locator(".layouts input[data-group=B]")
        group.fill(f"{OTHER}:ETH-PERPETUAL")
        group.press("Enter")
        expect(ladders).to_have_text(["10", "20", "66"])
        for kind in ("tape", "price-chart", "heatmap"):
            panes = page.locator(f"dw-{kind} section.pane")
            expect(panes.nth(0)).to_have_attribute("aria-label", f"{label(kind)} of BTC-PERPETUAL")
            expect(panes.nth(1)).to_have_attribute("aria-label", f"{label(kind)} of {OTHER}:ETH-PERPETUAL")
        page.reload()
        expect(ladders).to_have_text(["10", "20", "66"])


def label(kind: str) -> str:
    return {"tape": "Trades", "price-chart": "Price", "heatmap": "Heatmap"}[kind]


def test_an_instrument_that_the_server_has_not_is_said_to_be_missing(
    open_page: OpenPage, tmp_path: Path
) -> None:
    pane = {"kind": "ladder", "group": "B", "width": 4, "height": 10}
    file = write(tmp_path / "layout.json", panes=[pane], links={"B": "GONE-PERPETUAL"})
    with GatewayServer() as server:
        server.go_live()
        page = open_editor(server, open_page)
        page.set_input_files(".layouts input[type=file]", file)
        expect(page.locator("dw-ladder .why")).to_contain_text("this server has no instrument GONE-PERPETUAL")
