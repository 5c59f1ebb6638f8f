"""Methods that ask for facts of instruments and indices."""

import pytest

from tests.session.test_queries import error, result
from tests.support.market_events import make_index
from tests.support.worlds import World, live_world


@pytest.fixture
def world() -> World:
    world = live_world()
    world.tell(make_index(100.5))
    return world


def test_a_contract_has_a_size(world: World) -> None:
    size = world.instrument.contract_size
    assert result(world, "public/get_contract_size", instrument_name="BTC-PERPETUAL") == {
        "contract_size": size
    }
    assert error(world, "public/get_contract_size", instrument_name="X")[2]["param"] == "instrument_name"


def test_indices_are_named_by_what_is_priced_by_them(world: World) -> None:
    for kind in ("all", "derivative"):
        (found,) = result(world, "public/get_supported_index_names", type=kind)
        assert found["name"] == "btc_usd"
    assert result(world, "public/get_supported_index_names", type="spot") == []


def test_an_index_has_an_older_name(world: World) -> None:
    assert result(world, "public/get_index", currency="BTC") == {"BTC": 100.5, "edp": 100.5}
    assert error(world, "public/get_index", currency="ETH")[2]["param"] == "currency"


def test_nobody_announces_anything(world: World) -> None:
    assert result(world, "public/get_announcements", count=3) == []
