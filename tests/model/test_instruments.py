"""Instruments: units, and what an amount is worth."""

import msgspec
import pytest

from deltawire.model.expiries import FOREVER_NS
from deltawire.model.instruments import Instrument

SPOT = Instrument(
    venue="v",
    name="BTC/USD",
    kind="spot",
    base="BTC",
    quote="USD",
    settlement="USD",
    price_exponent=-1,
    size_exponent=-8,
    expiration_ns=FOREVER_NS,
)
INVERSE = msgspec.structs.replace(
    SPOT, kind="future", size_unit="contracts", contract_size=100.0, inverse=True, size_exponent=0
)
LINEAR = msgspec.structs.replace(INVERSE, contract_size=0.01, inverse=False)


def test_the_key_names_venue_and_instrument() -> None:
    assert SPOT.key == "v:BTC/USD"


def test_ticks_and_lots_become_the_nearest_doubles() -> None:
    assert SPOT.price(618_376) == 61_837.6
    assert SPOT.size(1) == 1e-08


@pytest.mark.parametrize(("tick_size", "ticks"), [("", 1), ("0.1", 1), ("0.50", 5), ("10", 100), ("0", 1)])
def test_the_tick_is_counted_in_mantissas(tick_size: str, ticks: int) -> None:
    assert msgspec.structs.replace(SPOT, tick_size=tick_size).tick == ticks


def test_finer_exponents_say_what_ticks_and_lots_are_multiplied_by() -> None:
    finer = msgspec.structs.replace(SPOT, price_exponent=-4)
    assert finer.factors_from(SPOT) == (1000, 1)
    assert SPOT.factors_from(SPOT) == (1, 1)


@pytest.mark.parametrize("coarser", [{"price_exponent": 0}, {"size_exponent": -7, "price_exponent": -3}])
def test_coarser_exponents_are_refused(coarser: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot replace the finer"):
        msgspec.structs.replace(SPOT, **coarser).factors_from(SPOT)


def test_a_future_without_expiry_is_perpetual() -> None:
    assert INVERSE.perpetual
    assert not SPOT.perpetual
    assert not msgspec.structs.replace(INVERSE, expiration_ns=FOREVER_NS - 1).perpetual
    assert INVERSE.expiration_ms == 32_503_708_800_000


def test_every_time_of_an_instrument_fits_64_bits() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(INVERSE), type=Instrument) == INVERSE


def test_amounts_in_base_are_worth_their_price() -> None:
    assert SPOT.amounts(60_000.0, 150_000_000) == (1.5, 90_000.0)


def test_inverse_contracts_are_worth_quote_currency() -> None:
    assert INVERSE.amounts(50_000.0, 5) == (0.01, 500.0)
    assert INVERSE.amounts(0.0, 5) == (0.0, 500.0)


def test_linear_contracts_are_worth_base_coin() -> None:
    assert LINEAR.amounts(50_000.0, 5) == (0.05, 2_500.0)


def test_amounts_in_quote_are_worth_themselves() -> None:
    assert msgspec.structs.replace(INVERSE, size_unit="quote").amounts(50_000.0, 10) == (0.0002, 10.0)


def test_an_instrument_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(INVERSE), type=Instrument) == INVERSE
