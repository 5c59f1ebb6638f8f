"""Requests in, answers out: ids verbatim, the dialect's codes for what is no request."""

import json
from typing import Any

import pytest

from deltawire.errors import RequestError
from deltawire.wire.rpc import (
    LARGEST_REQUEST,
    MOST_NESTED,
    BadRequest,
    Reply,
    Request,
    format_heartbeat,
    format_reply,
    parse_request,
)


def refused(frame: bytes) -> tuple[Any, RequestError]:
    """The id and the error that a frame is answered with."""
    with pytest.raises(BadRequest) as caught:
        parse_request(frame)
    reply = caught.value.reply
    assert reply.error is not None
    return reply.id, reply.error


@pytest.mark.parametrize(
    "request_id", [0, 7, -1, 2**53, 2**64, -(2**63) - 1, 10**300, "", "7", "ü-\U0001f600"]
)
def test_ids_are_echoed_as_they_came(request_id: Any) -> None:
    frame = json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "public/test"}).encode()
    request = parse_request(frame)
    assert request == Request("public/test", {}, request_id)
    answer = json.loads(format_reply(Reply(request.id, "ok", us_in=1), 2))
    assert answer["id"] == request_id
    assert type(answer["id"]) is type(request_id)


def test_params_may_be_absent_or_null_and_unknown_members_are_ignored() -> None:
    assert parse_request(b'{"method":"m","params":null,"id":1,"extra":[1]}') == Request("m", {}, 1)
    assert parse_request(b'{"method":"m"}') == Request("m", {}, None)


def test_of_duplicate_keys_the_last_counts() -> None:
    assert parse_request(b'{"id":1,"method":"a","id":2,"method":"b"}') == Request("b", {}, 2)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b" ",
        b"{",
        b'{"method":"public/test"',
        b'{"id":1,"method":"public/test"}}',
        b"\xef\xbb\xbf{}",
        b'{"id":NaN,"method":"public/test"}',
        b'{"id":1,"method":"public/test","params":{"x":Infinity}}',
        b"{'id':1}",
        b'{"id":"\\ud800","method":"public/test"}',
        b'{"id":1,"method":"public/test","params":{"x":"\\udc00\\ud800"}}',
        b'{"id":1,"method":"\xff"}',
        b'{"params":{"a":' + b"[" * 16_000 + b"]" * 16_000 + b'},"method":"public/test"}',
    ],
)
def test_what_is_no_json_is_a_parse_error(frame: bytes) -> None:
    found_id, error = refused(frame)
    assert (found_id, error.code, error.message) == (None, -32700, "Parse error")


@pytest.mark.parametrize(
    ("frame", "request_id", "reason"),
    [
        (b"[]", None, "Expected `object`, got `array`"),
        (b'[{"id":1,"method":"public/test"}]', None, "Expected `object`, got `array`"),
        (b"1", None, "Expected `object`, got `int`"),
        (b'"public/test"', None, "Expected `object`, got `str`"),
        (b"null", None, "Expected `object`, got `null`"),
        (b"[" * 100_000, None, "more than 32768 bytes"),
        (b"{}", None, "method must be a string"),
        (b'{"id":3,"method":1}', 3, "method must be a string"),
        (b'{"id":"x","method":null}', "x", "method must be a string"),
        (b'{"id":3,"method":"m","params":[]}', 3, "params must be an object"),
        (b'{"id":3,"method":"m","params":"x"}', 3, "params must be an object"),
        (b'{"id":true,"method":"m"}', None, "id must be an integer or a string"),
        (b'{"id":1.5,"method":"m"}', None, "id must be an integer or a string"),
        (b'{"id":[1],"method":"m"}', None, "id must be an integer or a string"),
        (b'{"id":1e400,"method":"m"}', None, "Number out of range - at `$.id`"),
        (b'{"id":%b,"method":"m"}' % (b"9" * 5_000), None, "Integer value out of range - at `$.id`"),
        (b'{"id":1,"method":"m","params":{"x":1e400}}', None, "Number out of range - at `$.params[...]`"),
    ],
)
def test_json_that_is_no_request_is_an_invalid_request(frame: bytes, request_id: Any, reason: str) -> None:
    found_id, error = refused(frame)
    assert (found_id, error.code, error.reason) == (request_id, -32600, reason)


def test_a_frame_of_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    frame = b'{"method":"m"}'.ljust(LARGEST_REQUEST)
    assert parse_request(frame).method == "m"
    _, error = refused(frame + b" ")
    assert (error.code, error.message) == (-32600, "request entity too large")


def test_a_result_carries_its_times_and_testnet() -> None:
    assert json.loads(format_reply(Reply(5, {"a": 1.5}, us_in=1_000), 1_250)) == {
        "jsonrpc": "2.0",
        "id": 5,
        "result": {"a": 1.5},
        "usIn": 1_000,
        "usOut": 1_250,
        "usDiff": 250,
        "testnet": False,
    }


def test_an_error_carries_its_data_when_there_is_any() -> None:
    full = RequestError(-32602, "Invalid params", reason="too deep", param="depth")
    assert json.loads(format_reply(Reply("x", error=full, us_in=9), 9)) == {
        "jsonrpc": "2.0",
        "id": "x",
        "error": {
            "code": -32602,
            "message": "Invalid params",
            "data": {"reason": "too deep", "param": "depth"},
        },
        "usIn": 9,
        "usOut": 9,
        "usDiff": 0,
        "testnet": False,
    }
    bare = json.loads(format_reply(Reply(None, error=RequestError(10030, "must_be_websocket_request")), 9))
    assert bare["error"] == {"code": 10030, "message": "must_be_websocket_request"}
    assert "id" not in bare
    assert "result" not in bare


def test_a_null_result_is_a_result() -> None:
    assert json.loads(format_reply(Reply(1, None, us_in=1), 1))["result"] is None


@pytest.mark.parametrize("kind", ["heartbeat", "test_request"])
def test_a_heartbeat_is_a_notification_of_its_type(kind: str) -> None:
    assert json.loads(format_heartbeat(kind)) == {
        "jsonrpc": "2.0",
        "method": "heartbeat",
        "params": {"type": kind},
    }


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MOST_NESTED, 400, 12_000 // 5])
def test_what_is_nested_too_deeply_is_refused_unread(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    value = opening * depth + b"1" + closing * depth
    _, error = refused(b'{"id":1,"method":"m","params":{"x":' + value + b"}}")
    assert (error.code, error.reason) == (-32700, "nested too deeply")


def test_brackets_in_texts_and_many_side_by_side_nest_nothing() -> None:
    frame = json.dumps({"id": 1, "method": "m", "params": {"x": '["{\\"' * 500, "y": [[], {}] * 500}})
    assert parse_request(frame.encode()).params["y"] == [[], {}] * 500
