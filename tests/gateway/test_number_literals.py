"""A number in a request means the same over WebSocket, POST and GET: exactly what is written, or a refusal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deltawire.store.keys import KeyStore
from tests.gateway.test_access import basic
from tests.support.credentials import ALICE, secret_login
from tests.support.frames import TEXT, client_frame
from tests.support.gateway_server import GatewayServer, RawClient, Way, open_socket
from tests.support.trading import OWNER, TRADER, Exchange

NAME = "BTC-PERPETUAL"
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def server(way: Way, exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayServer]:
    store = KeyStore(Path(tmp_path_factory.mktemp("home")))
    store.add(ALICE)
    store.add(TRADER)
    store.add(OWNER)
    with GatewayServer(way=way, keys=store, trading=exchange.service) as server:
        server.go_live()
        yield server


@pytest.fixture(scope="module")
def alice(server: GatewayServer) -> Iterator[RawClient]:
    with open_socket(server) as client:
        client.answer("public/auth", **secret_login(ALICE))
        client.answer("private/enable_cancel_on_disconnect")
        yield client


def asked_in_every_way(
    server: GatewayServer, alice: RawClient, method: str, name: str, **numbers: str
) -> list[Answer]:
    """The answers to one request; `numbers` are JSON text."""
    members = "".join(f',"{key}":{text}' for key, text in numbers.items())
    frame = f'{{"id":1,"method":"{method}","params":{{"instrument_name":"{name}"{members}}}}}'.encode()
    alice.send(client_frame(frame, TEXT))
    answers = [alice.message()]
    who = {"Authorization": basic(ALICE)}
    answers.append(server.get(f"/api/v2/{method}", body=frame, **who)[1])
    query = "&".join(f"{key}={quote(text)}" for key, text in numbers.items())
    answers.append(server.get(f"/api/v2/{method}?instrument_name={name}&{query}", **who)[1])
    return answers


@pytest.mark.parametrize(
    ("price", "amount", "means"),
    [
        ("5e4", "1e1", (50_000, 10)),
        ("5E+4", "1.0E1", (50_000, 10)),
        ("57577.50", "100.0", (57_577.5, 100)),
        ("575775e-1", "1000e-1", (57_577.5, 100)),
        ("0.5e5", "0.001e4", (50_000, 10)),
    ],
)
def test_an_order_takes_numbers_as_json_writes_them(
    server: GatewayServer, alice: RawClient, price: str, amount: str, means: tuple[float, float]
) -> None:
    answers = asked_in_every_way(server, alice, "private/buy", NAME, price=price, amount=amount)
    orders = [answer["result"]["order"] for answer in answers]
    assert [(order["price"], order["amount"]) for order in orders] == [means] * 3
    alice.answer("private/cancel_all")


@pytest.mark.parametrize(
    ("price", "amount", "code"),
    [
        ("57577.0000000000000001", "10", 10043),
        ("57577.49999999999999999999", "10", 10043),
        ("57577", "10.0000000000000000001", 10021),
        ("5.00000000000000000000001e4", "10", 10043),
        ("1e-400", "10", 10043),
        ("50000", "1e-400", 10021),
        ("-0", "10", 10023),
        ("-0.0", "10", 10023),
        ("-0e5", "10", 10023),
        ("50000", "-0", 10021),
        ("9223372036854775807.0", "10", None),
        ("1e25", "10", None),
        ("50000", "1e25", None),
    ],
)
def test_an_order_never_takes_a_number_that_was_rounded(
    exchange: Exchange, server: GatewayServer, alice: RawClient, price: str, amount: str, code: int | None
) -> None:
    before = server.ask(exchange.journalled)
    answers = asked_in_every_way(server, alice, "private/buy", NAME, price=price, amount=amount)
    codes = [answer["error"]["code"] for answer in answers]
    assert codes == [code or codes[0]] * 3
    assert server.ask(exchange.journalled) == before


def test_a_text_in_json_is_read_like_one_in_a_url(server: GatewayServer, alice: RawClient) -> None:
    answer = alice.answer("private/buy", instrument_name=NAME, price="5e4", amount="1e1")
    order = answer["result"]["order"]
    assert (order["price"], order["amount"]) == (50_000, 10)
    assert alice.answer("private/edit", order_id=order["order_id"], amount="2e1", price="5.1e4")["result"]
    alice.answer("private/cancel_all")


@pytest.mark.parametrize(
    ("method", "param"),
    [("public/get_last_trades_by_instrument", "count"), ("public/get_last_trades_by_instrument", "end_seq")],
)
def test_whole_numbers_may_be_written_with_point_and_exponent(
    server: GatewayServer, alice: RawClient, method: str, param: str
) -> None:
    for text in ("1e1", "10.0", "100E-1"):
        answers = asked_in_every_way(server, alice, method, NAME, **{param: text})
        assert [answer["result"]["trades"] for answer in answers] == [[]] * 3, text
    for text in ("1.5", "1.00000000000000000001", "9007199254740993.1", "1e-1"):
        answers = asked_in_every_way(server, alice, method, NAME, **{param: text})
        assert [answer["error"]["code"] for answer in answers] == [-32602] * 3, text
        assert {answer["error"]["data"]["param"] for answer in answers} == {param}


def test_margins_are_asked_exactly(server: GatewayServer, alice: RawClient) -> None:
    good = asked_in_every_way(server, alice, "private/get_margins", NAME, amount="1e1", price="5e4")
    assert good[0]["result"] == good[1]["result"] == good[2]["result"]
    for amount, price in (("10.00000000000000000001", "5e4"), ("10", "50000.0000000000000001")):
        answers = asked_in_every_way(server, alice, "private/get_margins", NAME, amount=amount, price=price)
        assert all("error" in answer for answer in answers), (amount, price)


def test_a_mass_quote_takes_no_rounded_number(
    exchange: Exchange, server: GatewayServer, alice: RawClient
) -> None:
    before = server.ask(exchange.journalled)
    for side in (
        '{"amount":10,"price":50000.0000000000000001}',
        '{"amount":10.00000000000000000001,"price":50000}',
    ):
        quotes = f'[{{"instrument_name":"{NAME}","bid":{side}}}]'
        params = f'{{"mmp_group":"default","quotes":{quotes}}}'
        alice.send(client_frame(f'{{"id":1,"method":"private/mass_quote","params":{params}}}'.encode(), TEXT))
        assert alice.message()["error"]["code"] == -32602
    assert server.ask(exchange.journalled) == before


def test_an_id_is_no_number_that_was_rounded(alice: RawClient) -> None:
    alice.send(client_frame(b'{"id":1.00000000000000000001,"method":"public/test"}', TEXT))
    assert alice.message()["error"]["data"]["reason"] == "id must be an integer or a string"


def test_a_label_that_looks_like_a_number_stays_a_text(server: GatewayServer) -> None:
    query = f"instrument_name={NAME}&amount=1e1&price=5e4&label=1e1"
    _, answer = server.get(f"/api/v2/private/buy?{query}", Authorization=basic(ALICE))
    assert answer["result"]["order"]["label"] == "1e1"
    server.get("/api/v2/private/cancel_all", Authorization=basic(ALICE))


@pytest.mark.parametrize(
    ("method", "lists"),
    [
        ("private/get_order_margin_by_ids", {"ids": '["{order}","ETH-{order}"]'}),
        ("private/cancel_all_by_kind_or_type", {"currency": '["ETH","USDC"]'}),
        (
            "private/move_positions",
            {
                "source_uid": "1",
                "target_uid": "2",
                "trades": f'[{{"instrument_name":"{NAME}","amount":1e1}}]',
            },
        ),
    ],
)
def test_a_list_in_a_url_is_that_of_json(
    server: GatewayServer, alice: RawClient, method: str, lists: dict[str, str]
) -> None:
    order = alice.answer("private/buy", instrument_name=NAME, price=50_000, amount=10, label='["x"]')
    order_id = order["result"]["order"]["order_id"]
    assert order["result"]["order"]["label"] == '["x"]'
    asked = {name: text.replace("{order}", order_id) for name, text in lists.items()}
    answers = asked_in_every_way(server, alice, method, NAME, **asked)
    outcomes = [answer.get("result", answer.get("error")) for answer in answers]
    assert outcomes == [outcomes[0]] * 3
    assert isinstance(outcomes[0], list | int) or outcomes[0]["code"] == 13020
    alice.answer("private/cancel_all")


@pytest.mark.parametrize(
    "amount", ["1e-400", "1.000000000000000000000000000001", "0.1000000000000000055511151231257827"]
)
def test_an_amount_of_money_that_no_double_holds_is_refused_alike(server: GatewayServer, amount: str) -> None:
    path, who = "/api/v2/private/submit_transfer_to_subaccount", {"Authorization": basic(OWNER)}
    frame = f'{{"id":1,"params":{{"currency":"BTC","destination":2,"amount":{amount}}}}}'.encode()
    answers = [
        server.get(path, body=frame, **who)[1],
        server.get(f"{path}?currency=BTC&destination=2&amount={amount}", **who)[1],
    ]
    assert [answer["error"]["code"] for answer in answers] == [10021] * 2


def test_a_number_that_no_double_holds_is_named_so(server: GatewayServer, alice: RawClient) -> None:
    asked = {"source_uid": "1", "target_uid": "2"}
    moved = f'[{{"instrument_name":"{NAME}","amount":1e-400}}]'
    for answer in asked_in_every_way(server, alice, "private/move_positions", NAME, **asked, trades=moved):
        assert answer["error"]["data"]["reason"].endswith("got a number that no double holds exactly")
