"""HTTP on the same port: the dialect over GET and POST, and the way into WebSocket."""

import asyncio
from typing import Any, cast

import h11
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from deltawire.access.access import FORBIDDEN, HttpRequest
from deltawire.errors import RequestError
from deltawire.gateway.gateway import Gateway, Limits
from deltawire.session.server import answer_http
from deltawire.wire import rpc

INDEX = """deltawire {version}
WebSocket  ws://{host}/ws/api/v2
HTTP       http://{host}/api/v2/public/get_instruments
"""


class UpgradingProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which loses what a hasty client sends right behind its upgrade request.

    It would also wait for ever for a client to end its request; here there is a deadline.
    """

    def __init__(self, *args: Any, request_within_s: float = Limits().request_within_s, **more: Any) -> None:
        super().__init__(*args, **more)
        self._request_within_s = request_within_s
        self._deadline: asyncio.TimerHandle | None = None
        self._upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """A piece of a request: its deadline is that of its first piece."""
        super().data_received(data)
        if self._upgraded or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()
        elif self._deadline is None:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._deadline = self.loop.call_later(self._request_within_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Refuse HTTP/1.0, hand over the transport, and then the bytes that were behind the request."""
        self._upgraded = True
        if event.http_version != b"1.1":
            self.transport.write(b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n\r\n")
            self.transport.close()
            return
        super().handle_websocket_upgrade(event)
        behind, _ = self.conn.trailing_data
        if behind:
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(behind)


def make_app(gateway: Gateway) -> Starlette:
    """The HTTP application."""

    async def answer(request: Request, asked: rpc.Request, body: bytes, *, strict: bool) -> Response:
        """What the one who asks may know."""
        context = gateway.make_context(request.client.host if request.client else "", None)
        try:
            if header := request.headers.get("authorization"):
                signed = HttpRequest(request.method, _uri(request), body)
                context.identity = gateway.access.by_header(header, signed, context.address, context.now)
        except RequestError as error:
            return reply(rpc.Reply(asked.id, error=error, us_in=context.now // 1000))
        found = answer_http(asked, context, strict=strict)
        if asked.method.startswith("private/"):
            await gateway.durable()
        return reply(found)

    def reply(answer: rpc.Reply) -> Response:
        body = rpc.format_reply(answer, gateway.clock.now() // 1000)
        return Response(body, _status(answer.error), media_type="application/json")

    async def get(request: Request) -> Response:
        """Parameters in the query; everything is text, lists are JSON."""
        method = f"{request.path_params['scope']}/{request.path_params['method']}"
        return await answer(request, rpc.Request(method, dict(request.query_params)), b"", strict=False)

    async def post(request: Request) -> Response:
        """A JSON-RPC body; the path may name the method, the body's own wins."""
        body = await _limited(request)
        try:
            asked = rpc.parse_request(body)
        except rpc.BadRequest as bad:
            return reply(bad.reply)
        return await answer(request, asked, body, strict=True)

    async def index(request: Request) -> Response:
        """Where everything is."""
        host = request.headers.get("host", "")
        return PlainTextResponse(INDEX.format(version=gateway.version, host=host))

    one = "/api/v2/{scope:str}/{method:str}"
    return Starlette(
        routes=[
            Route("/", index),
            Route("/api/v2", post, methods=["POST"]),
            Route(one, get, methods=["GET"]),
            Route(one, post, methods=["POST"]),
        ]
    )


def _uri(request: Request) -> str:
    """Path and query as they came."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _status(error: RequestError | None) -> int:
    return 200 if error is None else 403 if error.code == FORBIDDEN else 400


async def _limited(request: Request) -> bytes:
    """The body, but not more of it than shows that it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > rpc.LARGEST_REQUEST:
            break
    return body


def silent_settings() -> dict[str, Any]:
    """What uvicorn is told beside the application: no access log, its own words only from warnings on."""
    return {"log_level": "warning", "access_log": False, "server_header": False, "proxy_headers": False}
