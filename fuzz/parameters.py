"""Every method with each of its parameters missing, null, of each wrong type, at and past bounds: over three ways.

python -m fuzz.parameters

No internal error, no closed connection; what is refused as -32602 says which parameter and why.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from deltawire.session.methods import Method
from deltawire.session.table import METHODS
from fuzz.inventing import ORDER
from fuzz.requests import answer, login
from fuzz.server import UNPAID, Served, serving

MISSING = object()
HANG_S = 120
AT_ONCE = 25
"""Requests of a connection before their answers are read."""
METHODS_AT_ONCE = 4
INTERNAL, INVALID = -32603, -32602
VALUES: tuple[Any, ...] = (
    MISSING,
    None,
    True,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    "",
    "no_such_word",
    "NaN",
    "Infinity",
    "1e400",
    "-1",
    "\0",
    "a" * 65,
    0,
    -1,
    0.5,
    1_000,
    1_001,
    1e300,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
)
ENDS = {"private/logout": "closes the connection, when it is right"}
"""Methods that are only asked what they must refuse."""
GOOD: dict[str, Any] = {
    "amount": 10,
    "cancel_type": "all",
    "channels": ["quote.BTC-PERPETUAL"],
    "client_id": "nobody",
    "client_name": "x",
    "client_secret": "x",
    "client_version": "1",
    "currency": "BTC",
    "currency_pair": "btc_usd",
    "destination": 500_000,
    "end_timestamp": 1,
    "frozen_time": 0,
    "grant_type": "client_credentials",
    "ids": ["1"],
    "index_name": "btc_usd",
    "instrument_id": 1,
    "instrument_name": "BTC-PERPETUAL",
    "interval": 60,
    "label": "no such label",
    "length": "8h",
    "margin_model": "segregated_sm",
    "mmp_group": "g",
    "mode": "reject_taker",
    "name": "hedge",
    "nonce": "n" * 16,
    "order_id": "1",
    "price": 50_000,
    "quotes": [],
    "range": "1d",
    "refresh_token": "x",
    "resolution": "1",
    "session_name": "s",
    "sid": 500_000,
    "source_uid": 1,
    "start_timestamp": 0,
    "state": "enable",
    "subaccount_id": 500_001,
    "subject_id": 1,
    "target_uid": 500_000,
    "trades": [{"instrument_name": "BTC-PERPETUAL", "amount": 10}],
    "type": "limit",
}
"""What the other parameters are meanwhile."""


def requests(method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parameter that is wrong, and all of them."""
    names, needed = parameters(METHODS[method])
    base = {name: GOOD[name] for name in names if name in needed and name in GOOD}
    for name in names:
        for value in VALUES:
            params = {each: good for each, good in base.items() if each != name}
            if value is not MISSING:
                params[name] = value
            if method not in ENDS or not fits(METHODS[method], params):
                yield name, params


def parameters(method: Method) -> tuple[list[str], set[str]]:
    """All names, and which must be there; of an order every name that one may have."""
    kind: Any = method.params
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return list(ORDER), {"instrument_name", "amount", "price", "order_id", "label", "type"}
    fields = msgspec.structs.fields(kind)
    return [field.encode_name for field in fields], {field.encode_name for field in fields if field.required}


def fits(method: Method, params: dict[str, Any]) -> bool:
    """Whether a method takes these."""
    try:
        msgspec.convert(params, method.params)
    except msgspec.ValidationError:
        return False
    return True


def complaint(answer: dict[str, Any]) -> str:
    """What is wrong with an answer; empty when nothing is."""
    error = answer.get("error")
    if error is None:
        return "" if "result" in answer else "neither a result nor an error"
    if error["code"] == INTERNAL:
        return "an internal error"
    data = error.get("data") or {}
    if error["code"] == INVALID and not (data.get("param") and data.get("reason")):
        return f"-32602 with {data}"
    return ""


def as_query(method: str, params: dict[str, Any]) -> str:
    """The path of a GET."""
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in params.items()
    }
    pairs = "&".join(f"{name}={quote(text, safe='')}" for name, text in texts.items())
    return f"/api/v2/{method}?{pairs}"


def as_body(method: str, params: dict[str, Any]) -> bytes:
    """A request as JSON."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


async def _over_websocket(socket: ClientConnection, method: str) -> list[str]:
    found = []
    for some in _parts(method):
        for _, params in some:
            await socket.send(as_body(method, params), text=True)
        for name, params in some:
            async with asyncio.timeout(HANG_S):
                while "id" not in (told := msgspec.json.decode(await socket.recv(decode=False))):
                    pass
            if why := complaint(told):
                found.append(f"{method} {name} {params}: {why}")
    return found


async def _over_http(served: Served, method: str, token: str, way: str) -> list[str]:
    """Requests are sent before the answers to the ones before have come, which the server answers in order."""
    found = []
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"Host: x\r\nAuthorization: Bearer {token}\r\n"
    for some in _parts(method):
        for _, params in some:
            if way == "GET":
                writer.write(f"GET {as_query(method, params)} HTTP/1.1\r\n{head}\r\n".encode())
            else:
                body = as_body(method, params)
                length = f"Content-Length: {len(body)}\r\n\r\n"
                writer.write(f"POST /api/v2 HTTP/1.1\r\n{head}{length}".encode() + body)
        for name, params in some:
            async with asyncio.timeout(HANG_S):
                told = msgspec.json.decode(await answer(reader))
            if why := complaint(told):
                found.append(f"{way} {method} {name} {params}: {why}")
    writer.close()
    return found


def _parts(method: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """A few requests each."""
    rest = requests(method)
    while some := list(islice(rest, AT_ONCE)):
        yield some


async def _over_all_ways(served: Served, method: str) -> list[str]:
    async with connect(served.address, max_size=None, ping_interval=None) as socket:
        await socket.send(login(served.bot))
        token = msgspec.json.decode(await socket.recv(decode=False))["result"]["access_token"]
        ways = await asyncio.gather(
            _over_websocket(socket, method),
            _over_http(served, method, token, "GET"),
            _over_http(served, method, token, "POST"),
        )
    wrong = [why for way in ways for why in way]
    print(f"{method}: {sum(1 for _ in requests(method)) * 3:,} requests, {len(wrong)} wrong", flush=True)
    return wrong


async def run(served: Served) -> list[str]:
    """All methods over all ways, a few methods at once; what was wrong.

    An answer to a private method waits for the disk, so one request after another would wait 35,000 times.
    """
    rest, found = sorted(METHODS, reverse=True), []

    async def work() -> None:
        while rest:
            found.extend(await _over_all_ways(served, rest.pop()))

    await asyncio.gather(*(work() for _ in range(METHODS_AT_ONCE)))
    return found


def main() -> None:
    """Exit code 1 when anything was wrong."""
    started = time.monotonic()
    with serving(UNPAID) as served:
        found = asyncio.run(run(served))
        tracebacks = served.tracebacks()
    total = sum(1 for method in METHODS for _ in requests(method)) * 3
    print(f"{total:,} requests in {time.monotonic() - started:.0f} s: {len(found)} wrong answers")
    if found or tracebacks:
        sys.exit("\n".join((*found[:20], f"failed: {len(found)} wrong answers, {tracebacks} tracebacks")))


if __name__ == "__main__":
    main()
