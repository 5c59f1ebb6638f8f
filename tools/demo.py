"""`make demo`: the built-in exchange, or a recording, served and watched until Ctrl-C.

RECORDING=file VENUE=name serve a recording instead; RECORDING=all those beside this checkout.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ROOT.parent / "shared" / "recordings"
SETS = {
    "binance_usdm": ("binance_usdm/btcusdt_20240808.gz", "BTCUSDT"),
    "deribit": ("deribit/DERIBIT.ws.1.0", "BTC-24SEP21-8000-P"),
    "okx": ("okx/OKX.ws.1.0", "BTC-USDT"),
    "kraken": ("kraken/kraken_btcusd_sample.cbcap", "BTC/USD"),
    "binance_spot": ("binance_spot/btcusdt_20240808.gz", "BTCUSDT"),
}
PORT = os.environ.get("PORT", "8080")
START_WITHIN_S = 20


def main() -> int:
    """Serve and watch."""
    chosen = pick()
    if not chosen:
        print(
            "the built-in exchange; for an account on it: .venv/bin/deltawire account add NAME --deposit BTC=10\n"
            "for a recording: make demo RECORDING=FILE VENUE=NAME (binance_spot, binance_usdm, deribit, kraken, okx)"
        )
    return serve_and_watch(chosen)


def serve_and_watch(chosen: list[tuple[str, Path]]) -> int:
    """Until Ctrl-C; the exit code."""
    command = [sys.executable, "-m", "deltawire", "serve", "--port", PORT, *["--loop"] * bool(chosen)]
    for venue, file in chosen:
        command += ["--replay", str(file), "--venue", venue]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = subprocess.Popen(command)
    try:
        channels = wait_for_channels(server)
        if channels is None:
            return server.wait()
        watch = [sys.executable, "-m", "deltawire", "watch", f"127.0.0.1:{PORT}", *channels]
        return subprocess.run(watch, check=False).returncode
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def pick() -> list[tuple[str, Path]]:
    """(venue, file) of what to serve, the first is home; nothing is the exchange."""
    file, venue = os.environ.get("RECORDING"), os.environ.get("VENUE")
    if file == "all":
        return [(venue, BESIDE / file) for venue, (file, _) in SETS.items() if (BESIDE / file).is_file()]
    return [(venue or guess(Path(file)), Path(file))] if file else []


def guess(file: Path) -> str:
    """The venue that the path names."""
    found = [venue for venue in SETS if venue.split("_")[0] in str(file).lower()]
    named = [venue for venue in found if venue in str(file).lower()] or found
    if not named:
        sys.exit(f"whose recording is {file}? make demo RECORDING={file} VENUE=NAME")
    return named[0]


def wait_for_channels(server: "subprocess.Popen[bytes]") -> list[str] | None:
    """The channels of some instrument that has a live book; None when the server has ended."""
    base = f"http://127.0.0.1:{PORT}/api/v2/public"
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.2)
        try:
            with urllib.request.urlopen(f"{base}/get_book_summary_by_currency") as answer:
                summaries = json.load(answer)["result"]
        except OSError:
            continue
        if name := pick_book(summaries):
            return [f"book.{name}.100ms", f"trades.{name}.100ms"]
    if server.poll() is None:
        print(f"no book came to life within {START_WITHIN_S} s", file=sys.stderr)
    return None


def pick_book(summaries: list[dict[str, Any]]) -> str | None:
    """The first perpetual of home, where it lists any; None while the one chosen has no two sides yet."""
    names = [each["instrument_name"] for each in summaries]
    home = [name for name in names if ":" not in name]
    perpetuals = [name for name in home if name.endswith("-PERPETUAL")]
    live = {each["instrument_name"] for each in summaries if each["bid_price"] and each["ask_price"]}
    return next((name for name in perpetuals or home or names if name in live), None)


if __name__ == "__main__":
    sys.exit(main())
