"""JSON-RPC 2.0 as Deribit speaks it: requests in, results and errors out.

Ids are echoed as they came (integer or string). Every answer carries `usIn`, `usOut`, `usDiff` (microseconds)
and `testnet`. Source: docs.deribit.com, JSON-RPC.
"""

import re
from typing import Any

import msgspec

from deltawire.errors import RequestError
from deltawire.model.literals import read_number

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
LARGEST_REQUEST = 32 * 1024
"""Bytes of a request frame or POST body; Deribit's own bound."""

MOST_NESTED = 32
"""Objects and lists inside each other; nothing that can be asked for needs more than five."""
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)

RequestId = int | str | None


class Request(msgspec.Struct, frozen=True):
    """One request; `params` is an object, `id` is absent only in what needs no answer.

    `method` is without the slash that Deribit's own texts write before it.
    """

    method: str
    params: dict[str, Any] = {}
    id: RequestId = None


class Reply(msgspec.Struct, frozen=True):
    """The answer to one request: exactly one of `result` and `error` counts."""

    id: RequestId
    result: Any = None
    error: RequestError | None = None
    us_in: int = 0
    more: dict[str, Any] = {}
    """Members beside the result."""


class _Loose(msgspec.Struct):
    """As much of a request as can be had before it is judged."""

    jsonrpc: Any = None
    id: Any = None
    method: Any = None
    params: Any = None


_decode = msgspec.json.Decoder(_Loose, float_hook=read_number).decode
decode_exactly = msgspec.json.Decoder(float_hook=read_number).decode
"""Any JSON, its numbers as `read_number` takes them."""
_encode = msgspec.json.Encoder().encode


class BadRequest(Exception):  # noqa: N818 (it carries an answer)
    """A frame that is no request; `reply` is what its sender gets."""

    def __init__(self, code: int, message: str, reason: str, request_id: RequestId = None) -> None:
        super().__init__(reason)
        self.reply = Reply(request_id, error=RequestError(code, message, reason=reason))


def parse_request(frame: bytes, method: str | None = None) -> Request:
    """A request from a text frame or a POST body; `BadRequest` with the dialect's code when it is none.

    `method` is whose name counts where the request itself has none.
    """
    if len(frame) > LARGEST_REQUEST:
        raise BadRequest(INVALID_REQUEST, "request entity too large", f"more than {LARGEST_REQUEST} bytes")
    try:
        loose = _decode(frame)
    except msgspec.ValidationError as error:
        raise BadRequest(INVALID_REQUEST, "Invalid Request", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(PARSE_ERROR, "Parse error", str(error)) from None
    except RecursionError:
        raise BadRequest(PARSE_ERROR, "Parse error", "nested too deeply") from None
    if _is_nested_too_deeply(frame):
        raise BadRequest(PARSE_ERROR, "Parse error", "nested too deeply")
    if loose.method is None:
        loose.method = method
    return _judge(loose)


def _is_nested_too_deeply(frame: bytes) -> bool:
    """Whether anything that walks through the request later could run out of stack."""
    if frame.count(b"[") + frame.count(b"{") <= MOST_NESTED:
        return False
    depth = 0
    for match in _BRACKETS.finditer(frame):
        depth += (match[1] is not None) - (match[2] is not None)
        if depth > MOST_NESTED:
            return True
    return False


def _judge(loose: _Loose) -> Request:
    request_id = loose.id
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
        raise BadRequest(INVALID_REQUEST, "Invalid Request", "id must be an integer or a string")
    if not isinstance(loose.method, str):
        raise BadRequest(INVALID_REQUEST, "Invalid Request", "method must be a string", request_id)
    if loose.params is not None and not isinstance(loose.params, dict):
        raise BadRequest(INVALID_REQUEST, "Invalid Request", "params must be an object", request_id)
    return Request(loose.method.removeprefix("/"), loose.params or {}, request_id)


def format_reply(reply: Reply, us_out: int) -> bytes:
    """The answer as JSON; `us_out` is the microsecond it leaves."""
    body: dict[str, Any] = {"jsonrpc": "2.0"}
    if reply.id is not None:
        body["id"] = reply.id
    if reply.error is not None:
        error = {"code": reply.error.code, "message": reply.error.message}
        body["error"] = error if reply.error.data is None else error | {"data": reply.error.data}
    else:
        body |= {"result": reply.result} | reply.more
    us_in = reply.us_in or us_out
    return _encode(body | {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": False})


def format_unsubscribed(channels: list[str], reason: str) -> bytes:
    """The notification that channels were left without the client's asking, because it may not hear them any more."""
    params = {"channels": channels, "reason": reason}
    return _encode({"jsonrpc": "2.0", "method": "unsubscribed", "params": params})


def format_heartbeat(kind: str) -> bytes:
    """A heartbeat notification: `heartbeat`, or `test_request`, which wants `public/test` in return."""
    return _encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})
