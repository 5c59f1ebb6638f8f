"""`public/get_expirations`, which a client asks before it builds an option chain."""

from typing import Any

import pytest

from deltawire.market.market import Market
from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument, Kind
from deltawire.session.methods import Context
from deltawire.session.server import answer_http
from deltawire.wire.rpc import Request
from tests.support.conversations import nobodys_access

LISTED: list[tuple[str, Kind, int]] = [
    ("BTC-PERPETUAL", "future", FOREVER_NS),
    ("BTC-31DEC21", "future", 1_640_937_600_000_000_000),
    ("BTC-6AUG21-40000-P", "option", 1_628_236_800_000_000_000),
    ("BTC-6AUG21-40000-C", "option", 1_628_236_800_000_000_000),
    ("BTC_USDC", "spot", FOREVER_NS),
]


@pytest.fixture
def market() -> Market:
    market = Market(home="venue")
    for name, kind, expiration_ns in LISTED:
        market.state(
            Instrument(
                venue="venue",
                name=name,
                kind=kind,
                base="BTC",
                quote="USD",
                settlement="BTC",
                price_exponent=0,
                size_exponent=0,
                expiration_ns=expiration_ns,
            )
        )
    return market


@pytest.mark.parametrize(
    ("params", "expirations"),
    [
        ({}, {"option": ["6AUG21"], "future": ["31DEC21", "PERPETUAL"]}),
        ({"currency": "BTC", "kind": "option"}, {"btc": {"option": ["6AUG21"]}}),
        ({"currency": "ETH"}, {"eth": {}}),
        (
            {"currency": "grouped"},
            {"btc": {"option": ["6AUG21"], "future": ["31DEC21", "PERPETUAL"]}},
        ),
        ({"currency": "any", "currency_pair": "eth_usd"}, {}),
    ],
    ids=["all", "options of a coin", "a coin without any", "each coin", "a pair without any"],
)
def test_expiries_are_named_as_instruments_are(
    market: Market, params: dict[str, Any], expirations: dict[str, Any]
) -> None:
    asked = Request("public/get_expirations", params)
    context = Context(market, 0, "1", nobodys_access(), strict=False)
    assert answer_http(asked, context).result == expirations
