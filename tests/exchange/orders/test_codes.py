"""Deribit's codes as the wire has them."""

from deltawire.exchange.orders.codes import RETRYABLE, Code, Rejection


def test_a_member_is_its_code_and_says_its_message() -> None:
    assert Code(10009) is Code.NOT_ENOUGH_FUNDS
    assert Code.NOT_ENOUGH_FUNDS.message == "not_enough_funds"
    assert Code.INVALID_PARAMS.message == "Invalid params"


def test_a_limit_stands_behind_the_message() -> None:
    error = Rejection(Code.PRICE_TOO_HIGH, limit="64500.5").error()
    assert (error.code, error.message) == (10007, "price_too_high 64500.5")


def test_a_refusal_says_whether_trying_again_may_help() -> None:
    assert {code for code in Code if Rejection(code).error().retry} == RETRYABLE


def test_a_refusal_names_the_parameter_that_is_wrong() -> None:
    error = Rejection(Code.INVALID_PARAMS, reason="must be a number", param="amount").error()
    assert error.data == {"reason": "must be a number", "param": "amount"}
