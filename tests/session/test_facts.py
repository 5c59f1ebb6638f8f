"""Methods that ask for facts of instruments and indices."""

import pytest

from tests.session.test_queries import error, result
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import make_index


@pytest.fixture
def harness() -> HubHarness:
    harness = live_hub_harness()
    harness.publish(make_index(100.5))
    return harness


def test_a_contract_has_a_size(harness: HubHarness) -> None:
    size = harness.instrument.contract_size
    assert result(harness, "public/get_contract_size", instrument_name="BTC-PERPETUAL") == {
        "contract_size": size
    }
    assert error(harness, "public/get_contract_size", instrument_name="X")[2]["param"] == "instrument_name"


def test_indices_are_named_by_what_is_priced_by_them(harness: HubHarness) -> None:
    for kind in ("all", "derivative"):
        (found,) = result(harness, "public/get_supported_index_names", type=kind)
        assert found["name"] == "btc_usd"
    assert result(harness, "public/get_supported_index_names", type="spot") == []


def test_an_index_has_an_older_name(harness: HubHarness) -> None:
    assert result(harness, "public/get_index", currency="BTC") == {"BTC": 100.5, "edp": 100.5}
    assert error(harness, "public/get_index", currency="ETH")[2]["param"] == "currency"


def test_nobody_announces_anything(harness: HubHarness) -> None:
    assert result(harness, "public/get_announcements", count=3) == []
