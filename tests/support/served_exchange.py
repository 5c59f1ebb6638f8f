"""`deltawire serve` with nothing but the built-in exchange, and accounts on it, as an operator makes them."""

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.support.serving import Served, serving
from tests.support.waiting import HANG_S, wait_until

CREDITS = """
[credits]
refill = 1000000000
pool = 1000000000
"""


class Account(NamedTuple):
    """An account of the exchange, with its key."""

    name: str
    client_id: str
    client_secret: str


class ServedExchange(NamedTuple):
    """Where it answers, and the folder of its state."""

    served: Served
    home: Path

    @property
    def host(self) -> str:
        """Its address without a scheme."""
        return self.served.http.partition("://")[2]

    @property
    def certificate(self) -> Path:
        """The self-signed certificate, if it has one."""
        return self.home / "self-signed.pem"

    def add_account(self, name: str, *deposits: str) -> Account:
        """`deltawire account add`, while the server runs, and wait until the server knows the key."""
        command = [sys.executable, "-m", "deltawire", "account", "add", name, "--json"]
        for deposit in deposits:
            command += ["--deposit", deposit]
        environment = os.environ | {"DELTAWIRE_HOME": str(self.home)}
        done = subprocess.run(command, check=True, capture_output=True, env=environment)
        body = json.loads(done.stdout)
        account = Account(name, body["client_id"], body["client_secret"])
        secret = {"client_id": account.client_id, "client_secret": account.client_secret}
        wait_until(lambda: self.answers("public/auth", grant_type="client_credentials", **secret))
        return account

    def call(self, method: str, **params: object) -> Any:
        """The result of a public method, over GET."""
        context = (
            ssl.create_default_context(cafile=str(self.certificate)) if self.certificate.exists() else None
        )
        url = f"{self.served.http}/api/v2/{method}?{urlencode(params)}"
        with urllib.request.urlopen(url, context=context, timeout=HANG_S) as answer:
            return json.load(answer)["result"]

    def price(self, times: float, instrument: str = "BTC-PERPETUAL", tick: float = 0.5) -> float:
        """The mark price, so many times, on the tick."""
        mark = self.call("public/ticker", instrument_name=instrument)["mark_price"]
        return float(round(mark * times / tick) * tick)

    def answers(self, method: str, **params: object) -> bool:
        """Whether a public method has a result."""
        with suppress(urllib.error.HTTPError):
            return bool(self.call(method, **params))
        return False


@contextmanager
def serving_exchange(home: Path, *options: str) -> Iterator[ServedExchange]:
    """The exchange, as a user starts it, with more credits than any test needs."""
    config = home / "config.toml"
    config.write_text(CREDITS)
    with serving(config=config, environment={"DELTAWIRE_HOME": str(home)}, options=options) as served:
        exchange = ServedExchange(served, home)
        wait_until(lambda: exchange.answers("public/ticker", instrument_name="BTC-PERPETUAL"))
        yield exchange
