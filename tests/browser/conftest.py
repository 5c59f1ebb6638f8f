"""Chromium, and pages in it that nobody may complain in. Without playwright (`make browser`) nothing here is run."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.served_exchange import ServedExchange, serving_exchange
from tests.support.waiting import HANG_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = ROOT / "build" / "screenshots"
REFUSED = re.compile(
    "WebSocket connection to .* failed|Failed to load resource: net::ERR_(FAILED|CONNECTION_REFUSED)"
)
"""What Chromium itself says of a server that is away; the page cannot keep it from doing so."""

OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: "Browser") -> Iterator[OpenPage]:
    """Opens an address; at the end of the test no page may have said anything on its console."""
    said: list[str] = []
    contexts = []

    def open_one(address: str, *, scheme: str = "dark", width: int = 1440, height: int = 860) -> "Page":
        size = {"width": width, "height": height}
        context = chromium.new_context(ignore_https_errors=True, color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(1000 * HANG_S)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [text for text in said if not REFUSED.match(text)] == []


def keep(page: "Page", name: str) -> None:
    """A screenshot, as an artefact of the run."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png")


@pytest.fixture(scope="module", params=["ws", "wss"])
def exchange(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedExchange]:
    """`deltawire serve` with the built-in exchange."""
    options = ["--self-signed"] if request.param == "wss" else []
    with serving_exchange(tmp_path_factory.mktemp(request.param), *options) as exchange:
        yield exchange


def axe(page: "Page") -> None:
    """Nothing that hinders people who read or work the page by other means."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
    )
    assert found == []
