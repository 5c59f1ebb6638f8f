"""`make demo`: the built-in exchange, or a recording, served and watched until Ctrl-C.

PORT=number is where it listens (8080 if not given). RECORDING=file VENUE=name serve a recording instead;
RECORDING=all those beside this checkout.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
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
HOST = "127.0.0.1"
PORT = os.environ.get("PORT") or "8080"
OTHERS = "9000", "9001"
"""Ports to propose."""
START_WITHIN_S = 20


def main() -> int:
    """Serve and watch."""
    check_port()
    chosen = pick()
    if not chosen:
        print(
            "the built-in exchange; for an account on it: .venv/bin/deltawire account add NAME --deposit BTC=10\n"
            "for a recording: make demo RECORDING=FILE VENUE=NAME (binance_spot, binance_usdm, deribit, kraken, okx)"
        )
    return serve_and_watch(chosen)


def check_port() -> None:
    """End with one line if nobody could listen on the port."""
    if not re.fullmatch("[0-9]{1,5}", PORT) or not 0 < int(PORT) < 65536:
        sys.exit(f"PORT is a number from 1 to 65535, not {PORT!r}: make demo PORT={OTHERS[0]}")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, int(PORT)))
        except OSError as error:
            other = next(port for port in OTHERS if port != PORT)
            sys.exit(f"cannot listen on port {PORT}: {error.strerror}; take another: make demo PORT={other}")


def serve_and_watch(chosen: list[tuple[str, Path]]) -> int:
    """Until Ctrl-C; the exit code."""
    command = [sys.executable, "-m", "deltawire", "serve", "--host", HOST, "--port", PORT]
    command += ["--loop"] * bool(chosen)
    for venue, file in chosen:
        command += ["--replay", str(file), "--venue", venue]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if not listens(server):
            code = server.wait()
            check_port()  # somebody may have been faster
            return code or 1
        channels = wait_for_channels(server)
        if channels is None:
            return server.poll() or 1
        show_page()
        watch = [sys.executable, "-m", "deltawire", "watch", f"{HOST}:{PORT}", *channels]
        return subprocess.run(watch, check=False).returncode
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def show_page() -> None:
    """Say where the dashboard is, and open it where there is a display."""
    address = f"http://{HOST}:{PORT}/"
    print(f"the dashboard: {address}", flush=True)
    displays = "DISPLAY", "WAYLAND_DISPLAY"
    if sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in displays):
        webbrowser.open(address)


def listens(server: "subprocess.Popen[str]") -> bool:
    """Pass on what the server prints; whether it came to say where it listens.

    Only then is it the one that answers there.
    """
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="", flush=True)
        if line.lstrip().startswith("HTTP"):
            threading.Thread(target=pass_on, args=(server,), daemon=True).start()
            return True
    return False


def pass_on(server: "subprocess.Popen[str]") -> None:
    """What the server prints later."""
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="", flush=True)


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


def wait_for_channels(server: "subprocess.Popen[str]") -> list[str] | None:
    """The channels of some instrument that has a live book; None when the server has ended."""
    base = f"http://{HOST}:{PORT}/api/v2/public"
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.2)
        try:
            with urllib.request.urlopen(
                f"{base}/get_book_summary_by_currency", timeout=START_WITHIN_S
            ) as answer:
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
