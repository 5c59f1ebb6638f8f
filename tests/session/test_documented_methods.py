"""Every documented method is answered: by its result, by why these parameters are none, or by why nobody has it."""

from pathlib import Path

import pytest

from deltawire.session import unavailable
from deltawire.session.methods import collect
from deltawire.session.table import METHODS
from tests.support.trading import Client, Exchange

DOCUMENTED = (Path(__file__).parents[1] / "data" / "documented_methods.txt").read_text().split()
UNAVAILABLE = collect(unavailable)
ENDS = ("private/logout", "private/disable_cancel_on_disconnect")


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def client(exchange: Exchange) -> Client:
    return exchange.client()


def test_all_of_them_are_listed() -> None:
    assert len(set(DOCUMENTED)) == 173
    assert set(DOCUMENTED) <= METHODS.keys()
    assert UNAVAILABLE.keys() <= set(DOCUMENTED)


@pytest.mark.parametrize("method", [name for name in DOCUMENTED if name != "private/logout"])
def test_a_documented_method_is_never_unknown(client: Client, method: str) -> None:
    answer = client.answer(method)
    if method in UNAVAILABLE:
        assert (answer["error"]["code"], answer["error"]["message"]) == (13503, "unavailable")
        assert answer["error"]["data"]["reason"]
    elif "error" in answer:
        assert answer["error"]["code"] not in (-32601, -32603, 10033, 13503)


@pytest.mark.parametrize("method", sorted(name for name in UNAVAILABLE if name.startswith("private/")))
def test_what_is_private_says_why_only_to_those_who_have_signed_in(exchange: Exchange, method: str) -> None:
    assert exchange.stranger().error(method)["code"] == 13009
