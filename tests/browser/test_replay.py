"""The replay bar: the past in the same window as the present, on a server that is fed by hand and has a store."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deltawire.roles.gateway import WallClock
from deltawire.roles.replays import Rooms
from tests.browser.conftest import OpenPage, axe, keep
from tests.support.gateway_server import WAYS, GatewayServer, Way
from tests.support.replays import FIRST_MS, LAST_MS, best_at, store_events
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
MIDDLE_MS = FIRST_MS + 7_000
LADDER = "dw-ladder section.pane"
BIDS = "dw-ladder tbody.bid tr"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    store_events(folder)
    return folder


@pytest.fixture(params=WAYS[:2], ids=str)
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[GatewayServer]:
    way: Way = request.param
    with GatewayServer(way=way, replays=Rooms([folder / "store"], WallClock(), 4)) as server:
        server.go_live()
        yield server


def address(server: GatewayServer, query: str = "") -> str:
    scheme = "https" if server.way.secure else "http"
    return f"{scheme}://127.0.0.1:{server.port}/#/market/BTC-PERPETUAL{query}"


def sizes(page: Page) -> list[str]:
    return page.locator(f"{BIDS} td:nth-child(2)").all_inner_texts()


def shown_ms(page: Page) -> float:
    text = page.locator(".replay .at").inner_text().removesuffix(" UTC").replace(" ", "T")
    return float(page.evaluate("text => Date.parse(`${text}Z`)", text))


def best_bid(page: Page) -> tuple[float, float]:
    price = page.locator(f"{BIDS} td.price").first.inner_text()
    size = page.locator(f"{BIDS} td:nth-child(2)").first.inner_text().replace(",", "")
    return float(price), float(size)


def test_the_past_is_shown_and_left_in_the_same_window(server: GatewayServer, open_page: OpenPage) -> None:
    page = open_page(address(server))
    expect(page.locator(BIDS)).to_have_count(2)
    assert sizes(page) == ["10", "20"]
    page.click("text=Replay")
    expect(page.locator(".replay .about")).to_have_text("recorded: deribit")
    page.click(".replay .play")
    expect(page.locator(".light")).to_have_text("replay")
    expect(page.locator(BIDS).nth(5)).to_be_visible()
    expect(page.locator("dw-ladder footer")).to_contain_text("checksum verified")
    expect(page.locator("[data-stale]")).to_have_count(0)
    before = shown_ms(page)
    expect(page.locator(".replay .at")).not_to_have_text(re.compile(r":00\.0 UTC"))
    page.select_option(".replay select", "10")
    page.wait_for_function(f"() => Number(document.querySelector('.replay input').value) > {before + 3000}")
    expect(page.locator("dw-tape tbody tr").nth(3)).to_be_visible()
    keep(page, f"replay-{'wss' if server.way.secure else 'ws'}")
    server.feed([server.book.change(bids={1000: 77})])
    page.click("text=To the present")
    expect(page.locator(".light")).to_have_text("live")
    expect(page.locator(BIDS)).to_have_count(2)
    assert sizes(page) == ["77", "20"]
    assert "at=" not in page.url
    server.feed([server.book.change(bids={1000: 78})])
    expect(page.locator(f"{BIDS} td:nth-child(2)").first).to_have_text("78")


def test_a_time_is_sought_paused_and_kept_in_the_address(
    server: GatewayServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(address(server, f"?at={MIDDLE_MS}"))
    expect(page.locator(".light")).to_have_text("replay")
    expect(page.locator(LADDER)).not_to_have_attribute("data-stale", "")
    page.click(".replay .play")
    expect(page.locator(".replay .about")).to_have_text("paused")
    target = LAST_MS - 5_000
    page.locator(".replay input[type=range]").evaluate(
        "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input'));"
        " slider.dispatchEvent(new Event('change')); }",
        target,
    )
    expect(page.locator(".replay .about")).to_have_text("paused")
    expect(page).to_have_url(re.compile(r"\?at=\d+$"))
    at = int(page.url.rpartition("=")[2])
    assert abs(at - target) < 100
    bid, amount, _, _ = best_at(folder, at)
    expect(page.locator(f"{BIDS} td.price").first).to_have_text(f"{bid:.1f}")
    assert best_bid(page) == (bid, amount)
    page.locator("h1").click()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page).to_have_url(re.compile(f"at={FIRST_MS}$"))
    expect(page.locator("[data-stale]")).to_have_count(0)
    axe(page)
    page.keyboard.press("4")
    expect(page.locator("main")).to_contain_text("Orders are placed in the present")
    assert f"at={FIRST_MS}" in page.url


def test_the_end_of_the_recording_is_stale_and_can_be_played_again(
    server: GatewayServer, open_page: OpenPage
) -> None:
    page = open_page(address(server, f"?at={LAST_MS - 1_000}"))
    expect(page.locator(".replay .about")).to_have_text("end of the recording")
    expect(page.locator("dw-ladder .why")).to_contain_text("stale")
    expect(page.locator("button", has_text="Alerts 0")).to_be_visible()
    page.click(".replay .play")
    expect(page.locator(".replay .about")).to_have_text("replay")
    expect(page.locator(LADDER)).not_to_have_attribute("data-stale", "")


def test_a_replay_goes_on_where_its_connection_was_lost(server: GatewayServer, open_page: OpenPage) -> None:
    page = open_page(address(server, f"?at={MIDDLE_MS}"))
    expect(page.locator(".light")).to_have_text("replay")
    page.wait_for_function(
        f"() => Number(document.querySelector('.replay input').value) > {MIDDLE_MS + 2000}"
    )
    server.ask(lambda: [each.close(4000, "test") for each in list(server.app.gateway.connections)])
    expect(page.locator(".light")).not_to_have_text("replay")
    expect(page.locator(".light")).to_have_text("replay")
    assert shown_ms(page) > MIDDLE_MS + 1_500
    expect(page.locator(LADDER)).not_to_have_attribute("data-stale", "")


def test_without_a_store_there_is_no_bar(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_page(address(server))
        expect(page.locator(BIDS)).to_have_count(2)
        assert page.locator("button", has_text="Replay").count() == 0
