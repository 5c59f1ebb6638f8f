"""Parameters become exact terms or a code; nothing between."""

import math
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.exchange.orders.codes import Code, Rejection
from deltawire.exchange.orders.orders import Terms
from deltawire.exchange.orders.request_types import LinkedOrder, OrderRequest
from deltawire.exchange.orders.requests import parse_amount, parse_price, parse_terms
from tests.support.contracts import CALL
from tests.support.matching_harness import NAME, PERPETUAL

GOOD = {"instrument_name": NAME, "amount": 10, "price": 100.5}


def parse(**params: Any) -> Terms | Rejection:
    return parse_terms(GOOD | params, "buy", PERPETUAL)


def code(**params: Any) -> Code:
    terms = parse(**params)
    assert isinstance(terms, Rejection)
    return terms.code


def test_numbers_become_ticks_and_lots() -> None:
    assert parse() == Terms(instrument=NAME, side="buy", size_lots=10, price_ticks=1005)


def test_texts_of_a_url_mean_the_same() -> None:
    assert parse(amount="10", price="100.5", post_only="true") == parse(post_only=True)


def test_contracts_count_contract_sizes() -> None:
    params = {"contracts": 3, "price": 100}
    terms = parse_terms(params, "sell", PERPETUAL)
    assert isinstance(terms, Terms)
    assert terms.size_lots == 30
    assert code(contracts=2) == Code.INVALID_PARAMS
    assert code(contracts=1.5) == Code.NON_INTEGER_CONTRACT_AMOUNT


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (-0.0, Code.INVALID_PRICE),
        (0, Code.INVALID_PRICE),
        (-5, Code.INVALID_PRICE),
        ("-0", Code.INVALID_PRICE),
        ("-5", Code.INVALID_PRICE),
        (100.55, Code.PRICE_WRONG_TICK),
        ("100.55", Code.PRICE_WRONG_TICK),
        (math.nan, Code.INVALID_PARAMS),
        (math.inf, Code.INVALID_PARAMS),
        ("NaN", Code.INVALID_PARAMS),
        ("1e400", Code.INVALID_PARAMS),
        ("١٢", Code.INVALID_PARAMS),
        ("", Code.INVALID_PARAMS),
        (True, Code.INVALID_PARAMS),
        ([1], Code.INVALID_PARAMS),
        (1 << 63, Code.INVALID_PRICE),
        (10**400, Code.INVALID_PRICE),
    ],
)
def test_a_price_that_is_none_gets_its_code(price: Any, expected: Code) -> None:
    assert code(price=price) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (1 << 63, Code.INVALID_AMOUNT),
        (str(1 << 63), Code.INVALID_AMOUNT),
        (0, Code.INVALID_AMOUNT),
        (-0.0, Code.INVALID_AMOUNT),
        (-10, Code.INVALID_AMOUNT),
        (10.5, Code.INVALID_AMOUNT),
        (1e300, Code.INVALID_AMOUNT),
        (math.inf, Code.INVALID_PARAMS),
        (math.nan, Code.INVALID_PARAMS),
        ("many", Code.INVALID_PARAMS),
        ({}, Code.INVALID_PARAMS),
    ],
)
def test_an_amount_that_is_none_gets_its_code(amount: Any, expected: Code) -> None:
    assert code(amount=amount) == expected


def test_an_amount_is_required() -> None:
    terms = parse_terms({"price": 1}, "buy", PERPETUAL)
    assert terms == Rejection(Code.INVALID_PARAMS, reason="value required", param="amount")


@pytest.mark.parametrize(
    "params",
    [
        {"type": "best"},
        {"type": 5},
        {"type": []},
        {"time_in_force": "forever"},
        {"trigger": "price"},
        {"label": 5},
        {"label": "\ud800"},
        {"post_only": "yes"},
        {"post_only": 1},
        {"valid_until": 1 << 62},
        {"valid_until": -1},
        {"otoco_config": {}},
        {"otoco_config": [5]},
        {"otoco_config": [{"direction": "buy", "amount": 10, "price": 1}] * 3},
        {"otoco_config": [{"direction": "buy", "amount": 10, "otoco_config": []}]},
        {"otoco_config": [{"amount": 10}]},
    ],
)
def test_what_is_no_such_option_is_an_invalid_parameter(params: dict[str, Any]) -> None:
    assert code(**params) == Code.INVALID_PARAMS


def test_advanced_prices_are_for_options_and_not_there_yet() -> None:
    assert code(advanced="implv") == Code.INVALID_ARGS_FOR_INSTRUMENT
    option = parse_terms({"amount": 1, "price": 0.01, "advanced": "implv"}, "buy", CALL)
    assert isinstance(option, Rejection)
    assert option.code == Code.NOT_IMPLEMENTED


@pytest.mark.parametrize("kind", ["market", "market_limit", "stop_market", "take_market", "trailing_stop"])
@pytest.mark.parametrize("price", [100.5, "nonsense", -1])
def test_a_price_is_ignored_where_the_type_of_order_has_none(kind: str, price: Any) -> None:
    assert parse(type=kind, price=price) == parse(type=kind, price=None)
    assert isinstance(parse(type=kind, price=price), Terms)


def test_linked_orders_are_terms_of_their_own_with_the_first_ones_size() -> None:
    config = [
        {
            "direction": "sell",
            "type": "take_limit",
            "price": 110,
            "trigger_price": 109,
            "trigger": "last_price",
        }
    ]
    terms = parse(linked_order_type="one_triggers_other", otoco_config=config)
    assert isinstance(terms, Terms)
    assert terms.others == (
        Terms(
            instrument=NAME, side="sell", size_lots=10, type="take_limit", price_ticks=1100,
            trigger="last_price", trigger_ticks=1090,
        ),
    )  # fmt: skip


def test_an_edit_reads_single_parameters() -> None:
    assert parse_amount({"amount": 20}, PERPETUAL) == 20
    assert parse_amount({}, PERPETUAL) is None
    assert parse_price({"price": 99.5}, "price", PERPETUAL) == 995
    assert parse_price({"price": 99.55}, "price", PERPETUAL) == Rejection(
        Code.PRICE_WRONG_TICK, param="price"
    )


NUMBERS = ["amount", "contracts", "price", "trigger_price", "trigger_offset", "display_amount", "valid_until"]
CHOICES = ["type", "time_in_force", "trigger", "linked_order_type", "otoco_config", "label", "post_only"]
NAMES = st.sampled_from([*NUMBERS, *CHOICES])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
NESTED = st.one_of(st.lists(PLAIN, max_size=2), st.dictionaries(st.text(max_size=3), PLAIN, max_size=2))


@given(st.dictionaries(NAMES, st.one_of(PLAIN, NESTED)))
def test_no_parameters_make_it_fall_over(params: dict[str, Any]) -> None:
    terms = parse_terms(params, "sell", PERPETUAL)
    assert isinstance(terms, Terms | Rejection)
    if isinstance(terms, Terms):
        assert 0 < terms.size_lots < 1 << 63
        assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms


FIELDS = {field.name: field for field in msgspec.structs.fields(OrderRequest)}
OUTSIDE = {"instrument_name", "unique_label"}
"""Parameters of a request that are not about the order's terms."""


def test_the_parameters_that_are_declared_are_read_and_no_others() -> None:
    read: set[str] = set()

    class Spy(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            read.add(name)
            return super().get(name, default)

    leg = Spy(direction="sell", amount=10, price=60000)
    terms = parse_terms(
        Spy(amount=10, price=50000, linked_order_type="one_triggers_other", otoco_config=[leg]),
        "buy",
        PERPETUAL,
    )
    assert isinstance(terms, Terms)
    assert read == (FIELDS.keys() | {"direction"}) - OUTSIDE
    assert {field.name for field in msgspec.structs.fields(LinkedOrder)} <= read


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - OUTSIDE))
@pytest.mark.parametrize("value", [True, "nonsense", 17, 0.5, [], {}, [17]])
def test_what_is_not_of_the_declared_type_is_refused(name: str, value: Any) -> None:
    try:
        msgspec.convert(value, FIELDS[name].type)
    except msgspec.ValidationError:
        refusal = parse(**{"amount": 10, "price": 50000} | {name: value})
        assert isinstance(refusal, Rejection)
        assert refusal.param == name


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - OUTSIDE - {"advanced"}))
def test_every_declared_value_and_default_is_accepted(name: str) -> None:
    declared = FIELDS[name].type
    values = [
        value
        for part in (declared, *get_args(declared))
        for value in get_args(part)
        if isinstance(value, str)
    ]
    for value in [*values, FIELDS[name].default]:
        given = {"amount": 10, "price": 50000} | {name: value}
        if name != "amount" or value is not None:
            assert isinstance(parse(**given), Terms), (name, value)
