"""JSON-RPC 2.0 in Deribit's dialect: requests, results and errors.

Ids are returned unchanged (integer or string). Every answer carries `usIn`, `usOut`, `usDiff` (microseconds) and
`testnet`. Source: docs.deribit.com, JSON-RPC.
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
"""Maximum size of a request frame or POST body; Deribit's own limit."""

MOST_NESTED = 32
"""Maximum nesting of objects and lists; valid requests need at most five levels."""
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)

RequestId = int | str | None


class Request(msgspec.Struct, frozen=True):
    """One request; `params` is an object, `id` is absent only in requests without an answer.

    `method` has no slash at the beginning, which Deribit's documentation writes.
    """

    method: str
    params: dict[str, Any] = {}
    id: RequestId = None


class Reply(msgspec.Struct, frozen=True):
    """The answer to one request: either `result` or `error` is used."""

    id: RequestId
    result: Any = None
    error: RequestError | None = None
    us_in: int = 0
    more: dict[str, Any] = {}
    """Members besides the result."""


class _Loose(msgspec.Struct):
    """The parts of a request that can be decoded before it is validated."""

    jsonrpc: Any = None
    id: Any = None
    method: Any = None
    params: Any = None


_decode = msgspec.json.Decoder(_Loose, float_hook=read_number).decode
decode_exactly = msgspec.json.Decoder(float_hook=read_number).decode
"""Decodes any JSON, with numbers as `read_number` returns them."""
_encode = msgspec.json.Encoder().encode


class BadRequest(Exception):  # noqa: N818 (it carries an answer)
    """A frame that is not a request; `reply` is the answer."""

    def __init__(self, code: int, message: str, reason: str, request_id: RequestId = None) -> None:
        super().__init__(reason)
        self.reply = Reply(request_id, error=RequestError(code, message, reason=reason))


def parse_request(frame: bytes, method: str | None = None) -> Request:
    """Decode a request from a text frame or a POST body; `BadRequest` with the dialect's code if it is invalid.

    `method` is used if the request itself has none.
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
    """Whether later recursion over the request could exhaust the stack."""
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
    """The answer as JSON; `us_out` is the microsecond at which it is sent."""
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
    """The notification that channels were left because the client no longer has the right to them."""
    params = {"channels": channels, "reason": reason}
    return _encode({"jsonrpc": "2.0", "method": "unsubscribed", "params": params})


def format_heartbeat(kind: str) -> bytes:
    """A heartbeat notification: `heartbeat`, or `test_request`, which must be answered with `public/test`."""
    return _encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})
