"""Panes of figures: imbalance, liquidity, flow prediction, volume profile, CVD, liquidations, and the surface."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, axe, keep
from tests.support.gateway_server import GatewayServer
from tests.support.market_events import MS_NS, SECOND_NS, START_NS, make_trade
from tests.support.served_exchange import ServedExchange
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
PIXELS = "canvas => canvas.toDataURL()"
TURNED = "() => { const { yaw, pitch } = document.querySelector('dw-surface').view; return [yaw, pitch]; }"
"""From where the surface is seen; it is drawn again for news as well."""
INTERVAL = re.compile(r"^-?\d\.\d\d \(-?\d\.\d\d to -?\d\.\d\d\)$")


def open_order_flow(address: str, open_page: OpenPage, **more: Any) -> Page:
    page = open_page(f"{address}/#/market/BTC-PERPETUAL", **more)
    page.keyboard.press("l")
    page.select_option("#layout", "Order flow")
    page.locator("h1").click()
    page.keyboard.press("l")
    return page


def test_imbalance_and_liquidity_are_shown_with_what_they_are_of(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    page = open_order_flow(exchange.served.http, open_page)
    rows = page.locator("dw-imbalance table.figures tbody tr")
    expect(rows.first).to_be_visible()
    names = page.locator("dw-imbalance tbody th").all_inner_texts()
    assert names[:6] == ["touch", "5 levels", "10 levels", "5 bp", "10 bp", "by distance"]
    shares = [
        float(text) for text in page.locator("dw-imbalance tbody td:nth-child(2)").all_inner_texts()[:6]
    ]
    assert all(-1 <= share <= 1 for share in shares)
    expect(page.locator("dw-imbalance")).to_contain_text("from the mid")
    whole = page.locator("dw-imbalance tr", has_text="of all levels")
    expect(whole).to_contain_text(re.compile(r"not yet: \d+ of 30|mean sizes of a level, \d+ levels"))
    expect(page.locator("dw-imbalance tr", has_text="VPIN")).to_contain_text(
        re.compile(r"learned from 500 trades|\d of \d+ of 50 buckets of")
    )
    expect(page.locator("dw-liquidity p.message")).to_contain_text(
        re.compile(r"λ\): (not yet|-?[\d.e+-]+ bp per unit bought or sold, R²)")
    )
    expect(page.locator("dw-liquidity")).to_contain_text("25 bp")
    expect(page.locator("dw-liquidity")).to_contain_text("1,000,000")
    expect(page.locator("dw-liquidity footer")).to_contain_text(re.compile(r"spread \d"))
    page.select_option("dw-imbalance select", "100ms")
    expect(page.locator("dw-liquidity select")).to_have_value("100ms")
    expect(page.locator("dw-imbalance canvas")).to_have_attribute(
        "aria-label", re.compile(r"last [2-9]\d* intervals")
    )


def test_a_prediction_is_shown_with_its_interval_and_whether_it_has_skill(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    page = open_order_flow(exchange.served.http, open_page)
    row = page.locator("dw-flow table.flow tbody tr").first
    expect(row.locator("th")).to_have_text("100 ms")
    expect(row.locator("td").nth(0)).to_have_text(re.compile(r"^↓\d+ · \d+ · ↑\d+ %$"))
    expect(row.locator("td.skill")).to_have_text(re.compile("^(positive|none)$"))
    expect(row.locator("td").nth(2)).to_have_text(INTERVAL)
    expect(row.locator("td").nth(3)).to_have_text(INTERVAL)
    low = float(re.findall(r"-?\d\.\d\d", row.locator("td").nth(3).inner_text())[1])
    assert (row.locator("td.skill").inner_text() == "positive") == (low > 0) or abs(low) <= 0.005
    page.locator("dw-flow details summary").first.click()
    expect(page.locator("dw-flow details").first).to_contain_text("calibrated imbalance")
    axe(page)
    keep(page, f"order-flow-{exchange.served.http.partition(':')[0]}")


def test_trades_are_summed_by_price_and_over_time_and_liquidations_told(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        instrument = server.book.instrument
        trades = [
            make_trade(instrument, 1001, 40, START_NS, side="buy"),
            make_trade(instrument, 1001, 30, START_NS + MS_NS, side="buy", trade_id="second"),
            make_trade(instrument, 1000, 20, START_NS + SECOND_NS, side="sell", liquidation="T"),
        ]
        server.feed(trades)
        page = open_order_flow(f"http://127.0.0.1:{server.port}", open_page)
        expect(page.locator("dw-delta .message")).to_have_text("+50, last second with a trade −20")
        expect(page.locator("dw-liquidations tbody tr")).to_have_count(1)
        expect(page.locator("dw-liquidations footer")).to_contain_text("longs 20, shorts 0 · 3 trades since")
        later = START_NS + 3 * SECOND_NS
        server.feed([make_trade(instrument, 1001, 100, later, side="buy", liquidation="MT", trade_id="T4")])
        expect(page.locator("dw-delta .message")).to_have_text("+150, last second with a trade +100")
        expect(page.locator("dw-liquidations tbody tr").first).to_contain_text("short and long")
        expect(page.locator("dw-liquidations footer")).to_contain_text("longs 120, shorts 100 · 4 trades")
        # 170 of 190 were traded in the row of 100.1.
        expect(page.locator("dw-profile .message")).to_have_text(
            "point of control 100.0, value area 100.0 to 100.5"
        )
        expect(page.locator("dw-profile footer")).to_contain_text("0.5 a row")
        keep(page, "order-flow")


def test_figures_of_a_book_that_is_not_live_are_grey_and_read_well(open_page: OpenPage) -> None:
    with GatewayServer() as server:
        server.go_live()
        page = open_order_flow(f"http://127.0.0.1:{server.port}", open_page)
        server.wait_until(lambda: server.app.hub.directory.get("imbalance.BTC-PERPETUAL.1s") is not None)
        for _ in range(3):
            server.book.now_ns += SECOND_NS
            server.change()
        expect(page.locator("dw-imbalance tbody tr").first).to_be_visible()
        server.feed([server.book.stale()])
        for pane in ("imbalance", "liquidity", "profile", "delta", "liquidations", "heatmap", "ladder"):
            expect(page.locator(f"dw-{pane} section.pane")).to_have_attribute("data-stale", "")
        expect(page.locator("dw-imbalance .why")).to_contain_text(
            re.compile("stale: gap · last known .* old")
        )
        for theme in ("light", "dark"):
            page.keyboard.press("t")
            expect(page.locator("button", has_text=f"Theme: {theme}")).to_be_visible()
            axe(page)
            keep(page, f"stale-figures-{theme}")
        server.feed(server.book.image({1000: 10, 999: 20}, {1001: 30}))
        expect(page.locator("dw-ladder section.pane")).not_to_have_attribute("data-stale", "")


def test_the_surface_is_drawn_and_turned(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_page(f"{exchange.served.http}/#/options/BTC-PERPETUAL")
    canvas = page.locator("canvas.surface")
    expect(canvas).to_have_attribute("aria-label", re.compile(r"at the money \d+\.\d percent"))
    expect(page.locator("section.surface footer")).to_contain_text(
        re.compile(r"eSSVI .* \d+ expiries.* 0 breaches")
    )
    for label in ("left", "up"):
        before, pixels = page.evaluate(TURNED), canvas.evaluate(PIXELS)
        page.click(f"button[aria-label='Turn {label}']")
        assert page.evaluate(TURNED) != before
        page.wait_for_function(
            "before => document.querySelector('canvas.surface').toDataURL() !== before", arg=pixels
        )
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate(TURNED)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 30, steps=5)
    page.mouse.up()
    page.mouse.move(x - 90, y - 60)
    yaw, pitch = page.evaluate(TURNED)
    assert (before[0] - yaw, pitch - before[1]) == pytest.approx((90 / 150, 30 / 150))
