"""The API console at `/docs`: it describes everything, tries it over its own connection, and its programs run."""

import json
import os
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deltawire.dialect.error_codes import ERROR_CODES
from deltawire.dialect.families import FAMILIES
from deltawire.session.schemas import AVAILABLE
from deltawire.session.table import METHODS
from tests.browser.conftest import OpenPage, axe, keep
from tests.support.served_exchange import ServedExchange
from tests.support.waiting import HANG_S

expect.set_options(timeout=1000 * HANG_S)
TICKER = "method/public/ticker?instrument_name=BTC-PERPETUAL"


def scheme(exchange: ServedExchange) -> str:
    return exchange.served.http.partition(":")[0]


def open_console(exchange: ServedExchange, open_page: OpenPage, place: str = TICKER, **more: Any) -> Page:
    page = open_page(f"{exchange.served.http}/docs#/{place}", **more)
    expect(page.locator(".light")).to_have_text("live")
    expect(page.locator("main h2.title")).to_be_visible()
    return page


def test_every_method_channel_and_code_is_described(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_console(exchange, open_page)
    wanted = [f"#/method/{name}" for name in METHODS] + [f"#/channel/{name}" for name in FAMILIES]
    links = page.locator("nav.list li a")
    assert sorted(links.evaluate_all("each => each.map(one => one.getAttribute('href'))")) == sorted(wanted)
    for place in wanted:
        page.evaluate("place => { location.hash = place }", place)
        title = place.removeprefix("#/method/")
        title = (
            FAMILIES[place.removeprefix("#/channel/")].names[-1] if place.startswith("#/channel") else title
        )
        expect(page.locator("main h2.title")).to_have_text(title)
        if title in AVAILABLE:
            assert page.locator("main h3").all_inner_texts() == ["Parameters", "Result"]
            assert all(page.locator(".parameters tbody td:last-child").all_inner_texts())
    page.click("text=Error codes")
    expect(page.locator("table.errors tbody tr")).to_have_count(len(ERROR_CODES))
    codes = page.locator("table.errors tbody th").all_inner_texts()
    assert codes == [str(code.code) for code in ERROR_CODES]


def test_a_method_is_called_and_its_frames_are_seen(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_console(exchange, open_page)
    frames = page.locator("dw-frames li")
    page.click("button.go")
    expect(page.locator("pre.result")).to_contain_text('"best_bid_price": 6')
    expect(page.locator("main [role=status]").first).to_contain_text(re.compile(r"result after [0-9.]+ ms"))
    expect(frames).to_have_count(2)
    expect(frames.nth(1)).to_contain_text('"method":"public/ticker"')
    expect(frames.nth(0)).to_contain_text('"best_bid_price"')
    frames.nth(0).locator("summary").click()
    expect(frames.nth(0).locator("pre")).to_contain_text("result")
    shown = json.loads(frames.nth(0).locator("pre").inner_text())
    assert shown["result"]["instrument_name"] == "BTC-PERPETUAL"
    keep(page, f"console-{scheme(exchange)}")
    page.fill("#param-instrument_name", "NOTHING")
    page.click("button.go")
    expect(page.locator("main [data-bad]")).to_contain_text("error after")
    expect(page.locator("pre.result")).to_contain_text('"param": "instrument_name"')
    assert page.url.endswith("#/method/public/ticker?instrument_name=NOTHING")
    page.fill("dw-frames input[type=search]", "no instrument")
    expect(frames).to_have_count(1)


def test_a_channel_is_subscribed_to_and_left(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_console(exchange, open_page, "channel/book?instrument=BTC-PERPETUAL&interval=100ms&depth=5")
    page.click("button.go")
    joined = page.locator("section.joined")
    expect(joined).to_contain_text("book.BTC-PERPETUAL.100ms")
    expect(joined).to_contain_text(re.compile(r"([3-9]|\d\d+) so far"))
    expect(joined.locator("pre")).to_contain_text('"prev_change_id"')
    expect(page.locator("dw-frames li[data-sent=true]").first).to_contain_text('"depth":5')
    keep(page, f"console-channel-{scheme(exchange)}")
    page.click("section.joined button")
    expect(joined).to_have_count(0)
    expect(page.locator("dw-frames")).to_contain_text('"method":"public/unsubscribe"')
    page.select_option("#param-interval", "raw")
    page.fill("#param-instrument", "NOTHING")
    page.click("button.go")
    expect(page.locator("main [data-bad]")).to_contain_text("does not know this channel")


def test_an_order_is_placed_after_signing_in_and_no_secret_is_shown(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    account = exchange.add_account("console", "BTC=10")
    page = open_console(exchange, open_page, "method/private/buy?instrument_name=BTC-PERPETUAL&amount=50")
    page.fill("#param-price", str(exchange.price(0.99)))
    page.click("button.go")
    expect(page.locator("pre.result")).to_contain_text("13009")
    page.click(".sign-in summary")
    page.fill(".sign-in [name=client]", account.client_id)
    page.fill(".sign-in [name=secret]", account.client_secret)
    page.click(".sign-in button")
    expect(page.locator(".signed-in")).to_contain_text(account.client_id)
    page.select_option("#param-post_only", "true")
    page.click("button.go")
    expect(page.locator("pre.result")).to_contain_text('"order_state": "open"')
    expect(page.locator("pre.result")).to_contain_text('"post_only": true')
    order = json.loads(page.locator("pre.result").inner_text())["order"]
    page.evaluate(
        "place => { location.hash = place }",
        f"#/method/public/auth?grant_type=client_credentials&client_id={account.client_id}",
    )
    page.fill("#param-client_secret", account.client_secret)
    page.click("button.go")
    expect(page.locator("pre.result")).to_contain_text("access_token")
    assert account.client_secret not in page.url
    frames = page.locator("dw-frames")
    expect(frames).to_contain_text('"client_secret":"…"')
    assert account.client_secret not in frames.inner_text()
    page.evaluate(
        "place => { location.hash = place }", f"#/method/private/cancel?order_id={order['order_id']}"
    )
    page.click("button.go")
    expect(page.locator("pre.result")).to_contain_text('"order_state": "cancelled"')


def programs(page: Page) -> dict[str, str]:
    """The snippets of what is shown, by language."""
    found = {}
    for language in ("Python", "JavaScript", "curl"):
        page.click(f".snippet button:text-is('{language}')")
        found[language] = page.locator("pre.code").inner_text()
    return found


def test_the_programs_that_it_shows_run(exchange: ServedExchange, open_page: OpenPage) -> None:
    account = exchange.add_account("programs", "BTC=10")
    secrets = {"CLIENT_ID": account.client_id, "CLIENT_SECRET": account.client_secret}
    for place, expected in (
        (TICKER, "best_bid_price"),
        ("method/private/get_account_summary?currency=BTC", "equity"),
    ):
        page = open_console(exchange, open_page, place)
        shown = programs(page)
        assert not any(secret in text for secret in secrets.values() for text in shown.values())
        said = page.evaluate(in_page(shown["JavaScript"]), secrets)
        assert expected in said[0]
        environment = os.environ | secrets | trusting(exchange)
        for command in (
            [sys.executable, "-c", shown["Python"]],
            shlex.split(expanded(shown["curl"], secrets)),
        ):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=HANG_S, check=False
            )
            assert expected in done.stdout, done.stderr
        page.close()


def in_page(program: str) -> str:
    """A program for Node as a function of its environment, that returns what it prints."""
    return (
        "async (env) => { const process = { env }, said = [], console = { log: (each) => said.push(each) };"
        f"{program}; return said; }}"
    )


def expanded(command: str, secrets: dict[str, str]) -> str:
    for name, value in secrets.items():
        command = command.replace(f"${name}", value)
    return command


def trusting(exchange: ServedExchange) -> dict[str, str]:
    """Where programs find the certificate of a server with its own."""
    if scheme(exchange) == "http":
        return {}
    return dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(exchange.certificate))


def test_a_program_for_a_channel_runs(exchange: ServedExchange, open_page: OpenPage) -> None:
    page = open_console(exchange, open_page, "channel/ticker?instrument=BTC-PERPETUAL&interval=100ms")
    shown = programs(page)
    assert 'dw.subscribe("ticker.BTC-PERPETUAL.100ms")' in shown["Python"]
    assert "deltawire watch" in shown["curl"]
    program = shown["Python"].replace("print(item)", "print(item); break")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | trusting(exchange),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert "Ticker" in done.stdout, done.stderr


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_in_the_console(
    exchange: ServedExchange, open_page: OpenPage, colours: str
) -> None:
    for place in (
        TICKER,
        "channel/book?instrument=BTC-PERPETUAL&interval=100ms",
        "errors",
        "method/private/buy",
    ):
        page = open_console(exchange, open_page, place, scheme=colours)
        if place != "errors" and "private" not in place:
            page.click("button.go")
            expect(page.locator("pre.result").first).to_be_visible()
        axe(page)
        page.close()


def test_the_console_is_worked_by_keys_and_fits_a_phone(
    exchange: ServedExchange, open_page: OpenPage
) -> None:
    page = open_console(exchange, open_page)
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("order_book id")
    expect(page.locator("nav.list li a")).to_have_count(1)
    page.locator("nav.list li a").press("Enter")
    expect(page.locator("main h2.title")).to_have_text("public/get_order_book_by_instrument_id")
    page.fill("#param-instrument_id", "1")
    page.press("#param-instrument_id", "Enter")
    expect(page.locator("pre.result")).to_contain_text('"bids"')
    phone = open_console(exchange, open_page, "method/private/buy", width=390, height=844)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    keep(phone, f"console-phone-{scheme(exchange)}")
