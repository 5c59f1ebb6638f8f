"""wss and https by the real command: an unmodified ccxt, our own client, and a browser's checks."""

import asyncio
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from deltawire.errors import UsageError
from deltawire.store.certificates import load_tls, self_signed
from tests.support.ccxt_client import close, is_compressed, uncompressed
from tests.support.commands import Command, run
from tests.support.waiting import HANG_S

NAME = "BTC-PERPETUAL"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


async def until_listed(client: Any) -> None:
    """The replay has begun."""
    while "BTC/USD:BTC" not in await client.load_markets(True):  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("compress", [True, False], ids=["deflate", "plain"])
async def test_ccxt_works_over_tls(home: Path, long_recording: Path, *, compress: bool) -> None:
    options = ["--replay", long_recording, "--venue", "deribit", "--speed", 20, "--port", 0, "--self-signed"]
    with Command("serve", *options) as server:
        match = re.search(r"wss://127\.0\.0\.1:(\d+)/ws/api/v2", server.out.until("WebSocket"))
        assert match is not None
        trusting = {"enableRateLimit": False, "cafile": str(home / "self-signed.pem")}
        client = ccxt.pro.deribit(trusting | uncompressed(not compress))
        base = f"127.0.0.1:{match[1]}"
        client.urls["api"] = {"rest": f"https://{base}", "ws": f"wss://{base}/ws/api/v2"}
        try:
            await until_listed(client)
            book = await client.watch_order_book("BTC/USD:BTC")
            assert book["bids"][0][0] < book["asks"][0][0]
            assert is_compressed(client) is compress
            assert (await client.fetch_ticker("BTC/USD:BTC"))["last"]
        finally:
            await close(client)


def test_our_own_client_trusts_what_it_is_told_to_and_nothing_else(home: Path, long_recording: Path) -> None:
    options = [
        "--replay",
        long_recording,
        "--venue",
        "deribit",
        "--speed",
        "max",
        "--port",
        0,
        "--self-signed",
    ]
    with Command("serve", *options) as server:
        server.err.until("source ended")
        match = re.search(r"(wss://\S+)", server.out.until("WebSocket"))
        assert match is not None
        watch = [sys.executable, "-m", "deltawire", "watch", match[1], f"quote.{NAME}", "--count", "1"]
        trusting = os.environ | {"SSL_CERT_FILE": str(home / "self-signed.pem")}
        outcome = subprocess.run(watch, env=trusting, capture_output=True, text=True, timeout=HANG_S)
        assert (outcome.returncode, f"quote.{NAME}" in outcome.stdout) == (0, True), outcome.stderr
        outcome = subprocess.run(watch, capture_output=True, text=True, timeout=HANG_S)
        assert (outcome.returncode, outcome.stderr.count("\n")) == (2, 1)
        assert "certificate" in outcome.stderr.lower()


def test_a_certificate_of_our_own_stays_from_run_to_run_and_fits_the_host(tmp_path: Path) -> None:
    first = self_signed(tmp_path, "127.0.0.1").read_bytes()
    assert self_signed(tmp_path, "localhost").read_bytes() == first
    assert self_signed(tmp_path, "desk.example.com").read_bytes() != first
    assert (tmp_path / "self-signed.pem").stat().st_mode & 0o777 == 0o600
    assert load_tls(tmp_path / "self-signed.pem", None).minimum_version is ssl.TLSVersion.TLSv1_2


def test_certificates_that_are_none_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, noise = self_signed(tmp_path, "x"), tmp_path / "noise.pem"
    noise.write_text("noise")
    noise.chmod(0o600)
    for arguments in ([tmp_path / "no.pem"], [noise], [good, "--key", noise], [good, "--self-signed"]):
        outcome = run(capsys, "serve", "--echo", "--port", 0, "--certificate", *arguments)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert "needs --certificate" in run(capsys, "serve", "--echo", "--key", good).err
    with pytest.raises(UsageError, match="not a certificate and its key"):
        load_tls(noise, None)
