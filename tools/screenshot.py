"""`make screenshot`: the picture of the dashboard that README.md begins with, of the built-in exchange.

It serves the exchange, leaves the page open until its heatmap is full, and writes docs/dashboard.webp.
"""

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from tests.support.served_exchange import serving_exchange

TARGET = Path(__file__).resolve().parents[1] / "docs" / "dashboard.webp"
WIDTH, HEIGHT = 1440, 780
QUALITY = 82
FULL = "() => / of 240 columns/.test(document.querySelector('dw-heatmap footer')?.textContent ?? '')"
PATIENCE_MS = 300_000


def main() -> None:
    """Write the picture."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.exit("screenshot: no Chromium; apt-get install chromium, or name it: CHROMIUM=program")
    with (
        tempfile.TemporaryDirectory() as home,
        serving_exchange(Path(home)) as exchange,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark")
        page.goto(f"{exchange.served.http}/#/market/BTC-PERPETUAL")
        page.wait_for_function(FULL, timeout=PATIENCE_MS)
        session = page.context.new_cdp_session(page)
        picture: Any = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        TARGET.write_bytes(base64.b64decode(picture["data"]))
        browser.close()
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
