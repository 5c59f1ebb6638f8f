"""Orders placed and changed over the dialect."""

import json

import pytest

from deltawire.wire.rpc import Reply
from tests.support.conversations import read
from tests.support.trading import ALICE, READER, Client, Exchange, changed

NAME = "BTC-PERPETUAL"


def test_a_limit_order_is_answered_with_the_order_as_it_rests(alice: Client) -> None:
    answer = alice.buy(100, 59_000.0, label="mine", time_in_force="good_til_cancelled")
    order = answer["order"]
    assert answer["trades"] == []
    assert {name: order[name] for name in ("order_state", "price", "amount", "filled_amount", "label")} == {
        "order_state": "open",
        "price": 59_000.0,
        "amount": 100.0,
        "filled_amount": 0.0,
        "label": "mine",
    }
    assert (order["direction"], order["order_type"], order["contracts"]) == ("buy", "limit", 10.0)
    assert order["order_id"].isdigit()


def test_a_market_order_is_answered_with_its_trades_and_fees(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    answer = alice.buy(100)
    (trade,) = answer["trades"]
    assert (answer["order"]["order_state"], answer["order"]["average_price"]) == ("filled", 60_000.0)
    assert (trade["price"], trade["amount"], trade["liquidity"], trade["direction"]) == (
        60_000.0,
        100.0,
        "T",
        "buy",
    )
    assert trade["fee"] == pytest.approx(100 / 60_000 * 0.0005, abs=1e-8)
    assert trade["fee_currency"] == "BTC"
    assert trade["order_id"] == answer["order"]["order_id"]


def test_contracts_say_the_same_as_the_amount(alice: Client) -> None:
    answer = alice.result("private/buy", instrument_name=NAME, contracts=10, price=59_000.0)
    assert answer["order"]["amount"] == 100.0


def test_an_order_of_a_linear_instrument_has_its_currency_in_its_id(
    exchange: Exchange, alice: Client
) -> None:
    exchange.harness.deposit(1, 100_000.0, "USDC")
    answer = alice.result("private/buy", instrument_name="BTC_USDC-PERPETUAL", amount=0.01, price=59_000.0)
    assert answer["order"]["order_id"].startswith("USDC-")
    gone = alice.result("private/cancel", order_id=answer["order"]["order_id"])
    assert gone["order_state"] == "cancelled"


def test_a_post_only_order_that_would_take_is_moved_or_refused(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    assert alice.buy(100, 60_010.0, post_only=True)["order"]["price"] == 59_999.5
    error = alice.error(
        "private/buy",
        instrument_name=NAME,
        amount=100,
        price=60_010.0,
        post_only=True,
        reject_post_only=True,
    )
    assert (error["code"], error["message"]) == (11054, "post_only_reject")


def test_a_reduce_only_order_needs_something_to_reduce(alice: Client, bob: Client) -> None:
    asked = {"instrument_name": NAME, "amount": 200, "price": 61_000.0, "reduce_only": True}
    assert alice.error("private/sell", **asked)["code"] == 11030
    bob.sell(100, 60_000.0)
    alice.buy(100)
    assert alice.result("private/sell", **asked)["order"]["amount"] == 100.0


def test_a_stop_waits_for_its_trigger_and_then_trades(exchange: Exchange, alice: Client, bob: Client) -> None:
    stop = alice.sell(100, type="stop_market", trigger="index_price", trigger_price=59_000.0)["order"]
    assert (stop["order_state"], stop["price"], stop["trigger_price"]) == (
        "untriggered",
        "market_price",
        59_000.0,
    )
    bob.buy(100, 58_990.0)
    exchange.passes(1.0, 58_980.0)
    assert alice.result("private/get_order_state", order_id=stop["order_id"])["order_state"] == "triggered"
    (trade,) = alice.result("private/get_user_trades_by_instrument", instrument_name=NAME)["trades"]
    assert (trade["direction"], trade["price"]) == ("sell", 58_990.0)


def test_an_order_with_a_unique_label_can_be_sent_again(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    bob.sell(100, 60_000.0)
    first = alice.buy(100, label="once", unique_label=True)["order"]
    before = exchange.journalled()
    again = alice.buy(100, label="once", unique_label=True)
    assert (again["order"], again["trades"], exchange.journalled()) == (first, [], before)
    assert (
        alice.error("private/buy", instrument_name=NAME, amount=100, price=1.0, unique_label=True)["code"]
        == -32602
    )


def test_an_iceberg_says_what_it_shows(alice: Client) -> None:
    assert alice.buy(5_000, 59_000.0, max_show=1_000)["order"]["display_amount"] == 1_000.0


def test_an_order_cancels_its_other(alice: Client) -> None:
    answer = alice.sell(
        100,
        61_000.0,
        linked_order_type="one_cancels_other",
        otoco_config=[
            {"direction": "sell", "type": "stop_market", "trigger": "index_price", "trigger_price": 58_000.0}
        ],
    )
    assert answer["order"]["oco_ref"]
    assert len(alice.result("private/get_open_orders")) == 2
    alice.result("private/cancel", order_id=answer["order"]["order_id"])
    assert alice.result("private/get_open_orders") == []


def test_an_edit_changes_price_and_amount(alice: Client) -> None:
    order = alice.buy(100, 59_000.0)["order"]
    answer = alice.result("private/edit", order_id=order["order_id"], amount=200, price=58_000.0)["order"]
    assert (answer["order_id"], answer["amount"], answer["price"], answer["replaced"]) == (
        order["order_id"],
        200.0,
        58_000.0,
        True,
    )


def test_an_edit_that_crosses_trades(alice: Client, bob: Client) -> None:
    bob.sell(100, 60_000.0)
    order = alice.buy(100, 59_000.0)["order"]
    answer = alice.result("private/edit", order_id=order["order_id"], amount=100, price=60_000.0)
    assert (answer["order"]["order_state"], len(answer["trades"])) == ("filled", 1)


def test_an_edit_by_label_needs_one_order_of_that_label(alice: Client) -> None:
    asked = {"instrument_name": NAME, "label": "twin", "amount": 100, "price": 58_000.0}
    assert alice.error("private/edit_by_label", **asked)["code"] == 10004
    alice.buy(100, 59_000.0, label="twin")
    assert alice.result("private/edit_by_label", **asked)["order"]["price"] == 58_000.0
    alice.buy(100, 59_000.0, label="twin")
    assert alice.error("private/edit_by_label", **asked)["code"] == 13032


def test_a_position_is_closed_by_one_order(alice: Client, bob: Client) -> None:
    asked = {"instrument_name": NAME, "type": "market"}
    assert alice.error("private/close_position", **asked)["code"] == 10010
    bob.sell(100, 60_000.0)
    alice.buy(100)
    bob.buy(100, 59_990.0)
    answer = alice.result("private/close_position", **asked)
    assert (answer["order"]["order_state"], answer["order"]["direction"]) == ("filled", "sell")
    assert alice.result("private/get_position", instrument_name=NAME)["direction"] == "zero"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": 59_000.3}, 10043),
        ({"price": 59_000.123456}, 10043),
        ({"price": -0.0}, 10023),
        ({"price": 0}, 10023),
        ({"price": -5.0}, 10023),
        ({"price": None}, 10023),
        ({"price": "59000"}, None),
        ({"price": True}, -32602),
        ({"price": [1]}, -32602),
        ({"amount": 15}, 10027),
        ({"amount": 5}, 10002),
        ({"amount": -0.0}, 10021),
        ({"amount": -100}, 10021),
        ({"amount": 2**63}, 10021),
        ({"amount": 1e300}, 10021),
        ({"amount": None}, -32602),
        ({"instrument_name": "BTC-NEVER"}, 10020),
        ({"instrument_name": 7}, -32602),
        ({"amount": 100_000_000}, 10009),
        ({"type": "wish"}, -32602),
        ({"time_in_force": "for_ever"}, -32602),
        ({"label": "x" * 65}, -32602),
        ({"label": "\ud800"}, -32700),
        ({"advanced": "usd"}, 10031),
        ({"valid_until": 1}, 13888),
        ({"trigger_price": 1.0}, 11047),
        ({"mmp": True}, 13040),
    ],
)
def test_a_bad_order_gets_its_code_and_never_reaches_the_journal(
    exchange: Exchange, alice: Client, changes: dict[str, object], code: int | None
) -> None:
    alice.result("private/enable_cancel_on_disconnect")  # the connection has its number
    before = exchange.journalled()
    asked = {"instrument_name": NAME, "amount": 100, "price": 59_000.0} | changes
    answer = alice.answer("private/buy", **asked)
    if code is None:
        assert exchange.journalled() - before == ("error" not in answer)
        return
    assert answer["error"]["code"] == code, answer
    assert exchange.journalled() == before


@pytest.mark.parametrize("number", ["NaN", "1e400", "Infinity", "-Infinity", "1" * 400, "0x10"])
def test_a_number_that_is_none_never_reaches_the_journal(
    exchange: Exchange, alice: Client, number: str
) -> None:
    frame = (
        '{"jsonrpc":"2.0","id":1,"method":"private/buy","params":'
        f'{{"instrument_name":"{NAME}","amount":100,"price":{number}}}}}'
    )
    alice.result("private/enable_cancel_on_disconnect")
    before = exchange.journalled()
    (reply,) = [
        each for each in alice.session.received(frame.encode(), alice.now_ns) if isinstance(each, Reply)
    ]
    assert read(reply, alice.now_ns)["error"]["code"] in (-32700, -32600, 10023), json.dumps(number)
    assert exchange.journalled() == before


def test_anothers_order_is_not_found(exchange: Exchange, alice: Client, bob: Client) -> None:
    order_id = bob.buy(100, 59_000.0)["order"]["order_id"]
    before = exchange.journalled()
    for method in ("private/cancel", "private/get_order_state", "private/edit"):
        assert alice.error(method, order_id=order_id, amount=50, price=1.0)["code"] == 10004
    assert exchange.journalled() == before


@pytest.mark.parametrize("order_id", ["", "x", "12x", "-1", "9" * 30, "１２"])
def test_an_order_id_that_is_none_is_refused(alice: Client, order_id: str) -> None:
    assert alice.error("private/cancel", order_id=order_id)["code"] == 10025


def test_a_reader_may_look_but_not_trade(exchange: Exchange) -> None:
    reader = exchange.client(READER)
    assert reader.result("private/get_open_orders") == []
    for method in ("buy", "sell", "edit", "cancel", "cancel_all", "close_position", "set_mmp_config"):
        assert reader.error(f"private/{method}")["code"] == 13021


def test_nobody_trades_without_signing_in(exchange: Exchange) -> None:
    asked = {"instrument_name": NAME, "amount": 100, "price": 59_000.0}
    assert exchange.stranger().error("private/buy", **asked)["code"] == 13009


def test_an_account_that_was_never_made_is_told_how(exchange: Exchange) -> None:
    carol = changed(ALICE, client_id="carol-id", account="carol")
    exchange.access.replace([carol])
    error = exchange.client(carol).error("private/get_open_orders")
    assert (error["code"], error["data"]["reason"]) == (
        13021,
        "no account 'carol': deltawire account add carol",
    )


def test_under_maintenance_every_private_request_is_told_so(exchange: Exchange, alice: Client) -> None:
    exchange.maintained = True
    for method in ("get_open_orders", "get_positions", "cancel_all"):
        error = alice.error(f"private/{method}")
        assert (error["code"], error["message"]) == (11051, "system_maintenance")
    assert alice.error("private/buy", instrument_name=NAME, amount=100, price=59_000.0)["code"] == 11051
