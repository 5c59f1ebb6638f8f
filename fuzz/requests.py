"""Requests by the hundred thousand, over WebSocket, POST and GET: no internal error, no traceback, no growth.

python -m fuzz.requests [--requests 400000] [--seed 1]
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deltawire.access.keys import Key
from fuzz.inventing import Inventor
from fuzz.server import UNPAID, Served, serving

INTERNAL = -32603
MAY_GROW = 64 * 1024 * 1024
AT_ONCE = 20
PART = 1_000
"""Requests between two looks at the connection: one that has been closed is opened anew."""


class Tally:
    """What came back."""

    def __init__(self) -> None:
        self.sent = 0
        self.codes: Counter[object] = Counter()
        self.internal: list[bytes] = []
        self.closes: Counter[int] = Counter()
        self.unanswered = 0

    def note(self, answer: bytes | str, request: bytes) -> None:
        """An answer to this request, or to one near it."""
        found = msgspec.json.decode(answer)
        if "method" in found:
            return
        code = found.get("error", {}).get("code")
        self.codes[code] += 1
        if code == INTERNAL:
            self.internal.append(request)


async def over_websocket(served: Served, inventor: Inventor, count: int, tally: Tally) -> None:
    """Signed in and not, in turn."""
    done = 0
    while done < count:
        try:
            async with connect(served.address, max_size=None, ping_interval=None) as socket:
                if inventor.random.random() < 0.7:
                    await socket.send(login(served.bot))
                done += await talk(socket, inventor, min(PART, count - done), tally)
        except ConnectionClosed as closed:
            tally.closes[closed.rcvd.code if closed.rcvd else 1006] += 1
            done += AT_ONCE
            if closed.rcvd and closed.rcvd.code == 1011:
                tally.internal.append(b"close 1011")


async def talk(socket: ClientConnection, inventor: Inventor, count: int, tally: Tally) -> int:
    """Requests a few at a time; each packet ends with one whose answer is waited for."""
    for start in range(0, count, AT_ONCE):
        requests = [inventor.request(number) for number in range(AT_ONCE)]
        for request in requests:
            tally.sent += 1
            await socket.send(request.decode("utf-8", "surrogatepass").encode("utf-8", "replace"), text=True)
        mark = f"mark-{start}"
        await socket.send(msgspec.json.encode({"id": mark, "method": "public/test"}).decode())
        async with asyncio.timeout(60):
            while True:
                answer = await socket.recv(decode=False)
                if b'"id":"' + mark.encode() in answer:
                    break
                tally.note(answer, requests[-1])
    return count


def login(bot: Key) -> str:
    """The bot signs in."""
    params = {"grant_type": "client_credentials", "client_id": bot.client_id, "client_secret": bot.secret}
    return msgspec.json.encode({"id": "login", "method": "public/auth", "params": params}).decode()


async def over_http(served: Served, inventor: Inventor, count: int, tally: Tally, *, post: bool) -> None:
    """Over connections that are kept while the server keeps them."""
    reader = writer = None
    for _ in range(count):
        if writer is None or writer.is_closing():
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        assert reader is not None
        head, body = posted(inventor) if post else asked(inventor)
        tally.sent += 1
        writer.write(head + body)
        try:
            async with asyncio.timeout(60):
                tally.note(await answer(reader), head)
        except (ConnectionError, asyncio.IncompleteReadError, msgspec.DecodeError):
            tally.unanswered += 1
            writer.close()
            writer = None
    if writer is not None:
        writer.close()


def posted(inventor: Inventor) -> tuple[bytes, bytes]:
    """A POST."""
    body = inventor.request(1, may_end=True)
    return f"POST /api/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body


def asked(inventor: Inventor) -> tuple[bytes, bytes]:
    """A GET."""
    method, params = inventor.call(may_end=True)
    pairs = [
        f"{name}={quote(value if isinstance(value, str) else msgspec.json.encode(value).decode(), safe='')}"
        for name, value in params.items()
    ]
    return f"GET /api/v2/{method}?{'&'.join(pairs)[:6000]} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b""


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of a response."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


async def run(served: Served, count: int, seed: int) -> tuple[Tally, list[int]]:
    """All of them, in ten parts; what the memory was after each."""
    tally, memory, shares = Tally(), list[int](), (0.8, 0.1, 0.1)
    for part in range(10):
        whole = count // 10
        inventor = Inventor(seed + part)
        before, started = tally.sent, time.perf_counter()
        await over_websocket(served, inventor, int(whole * shares[0]), tally)
        await over_http(served, inventor, int(whole * shares[1]), tally, post=True)
        await over_http(served, inventor, int(whole * shares[2]), tally, post=False)
        memory.append(served.memory())
        rate = (tally.sent - before) / (time.perf_counter() - started)
        print(
            f"{tally.sent:>9,} requests, {rate:,.0f}/s, {memory[-1] >> 20} MiB, {served.descriptors()} descriptors,"
            f" {len(tally.internal)} internal errors, {served.tracebacks()} tracebacks",
            flush=True,
        )
    return tally, memory


def main() -> None:
    """Exit code 1 when anything of that happened."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("build") / "fuzz-requests.log", help="of the server")
    options = parser.parse_args()
    options.log.parent.mkdir(exist_ok=True)
    with serving(UNPAID, log=options.log) as served:
        tally, memory = asyncio.run(run(served, options.requests, options.seed))
        tracebacks = served.tracebacks()
    print(f"answers by code: {dict(tally.codes.most_common())}")
    print(f"closed by code: {dict(tally.closes)}; HTTP without an answer: {tally.unanswered}")
    grown = memory[-1] - memory[1]
    print(
        f"memory grew by {grown / (1 << 20):.1f} MiB from the second tenth to the last (allowed {MAY_GROW >> 20})"
    )
    for request in tally.internal[:5]:
        print(f"internal error near {request[:300]!r}")
    if tally.internal or tracebacks or grown > MAY_GROW:
        sys.exit(
            f"failed: {len(tally.internal)} internal errors, {tracebacks} tracebacks (see {options.log})"
        )


if __name__ == "__main__":
    main()
