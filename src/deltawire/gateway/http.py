"""HTTP on the same port: the dialect over GET and POST, and the WebSocket handshake."""

import gzip
from functools import cache
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deltawire.access.access import FORBIDDEN, TOO_MANY_REQUESTS, HttpRequest
from deltawire.access.keys import is_within
from deltawire.errors import RequestError
from deltawire.gateway.docs import STYLE, format_page
from deltawire.gateway.gateway import Gateway
from deltawire.gateway.metrics import format_metrics
from deltawire.gateway.pages import choose_coding, read_files, serve_asset, serve_page, strict
from deltawire.session.asyncapi import describe, servers
from deltawire.session.methods import rests_on_journal
from deltawire.session.server import answer_http
from deltawire.wire import rpc

STATUS = {FORBIDDEN: 403, TOO_MANY_REQUESTS: 429}
"""HTTP statuses by the dialect's codes; any other error is 400."""
LAST_TRADES = "public/get_last_trades_by_instrument"
INDEX = """deltawire {version}
Dashboard  http{s}://{host}/ (in a browser)
WebSocket  ws{s}://{host}/ws/api/v2
HTTP       http{s}://{host}/api/v2/public/get_instruments
Docs       http{s}://{host}/docs
Arrow      http{s}://{host}/trades.arrow?venue=…&market=…&symbol=…&from=…&to=…&limit=…
"""


def make_app(gateway: Gateway) -> Starlette:
    """The HTTP application."""

    async def answer(request: Request, asked: rpc.Request, body: bytes, *, strict: bool) -> Response:
        """Answer a request; with simulated latency, after the delays in both directions."""
        far = gateway.make_network() if gateway.make_network else None
        if far is not None and not await far.await_request():
            return Response("lost on the way", 504)
        address, now = request.client.host if request.client else "", gateway.clock.now()
        try:
            headers = request.headers.getlist("authorization")
            signed = HttpRequest(request.method, _uri(request), body)
            identity = gateway.access.by_headers(headers, signed, address, now)
            payer = identity or gateway.access.speaks_for(asked.params, now)
            if not gateway.may_pay(address, payer, asked.method):
                raise RequestError(TOO_MANY_REQUESTS, "too_many_requests", retry=True)
        except RequestError as error:
            return reply(rpc.Reply(asked.id, error=error, us_in=now // 1000))
        context = gateway.make_context(address, identity, strict=strict)
        answered = answer_http(asked, context)
        gateway.enforce_ended_grants()
        private = rests_on_journal(asked.method)
        if private:
            await gateway.durable()
        if far is not None and not await far.await_answer():
            return Response("lost on the way", 504)
        if private and context.identity is not None:
            now = gateway.clock.now()
            withheld = gateway.access.withheld(context.identity, context.address, now)
            answered = rpc.Reply(asked.id, error=withheld, us_in=answered.us_in) if withheld else answered
        return reply(answered)

    def reply(answer: rpc.Reply) -> Response:
        body = rpc.format_reply(answer, gateway.clock.now() // 1000)
        return Response(body, _status(answer.error), media_type="application/json")

    async def get(request: Request) -> Response:
        """GET: parameters are in the query; everything is text, lists are JSON or repeated parameters."""
        asked = rpc.Request(_method(request), _params(request))
        return await answer(request, asked, b"", strict=False)

    async def post(request: Request) -> Response:
        """POST: the body is JSON-RPC; the path may name the method if the body does not."""
        try:
            body = await _limited(request)
        except ClientDisconnect:
            return Response(status_code=400)  # the rest is not read
        try:
            asked = rpc.parse_request(body, _method(request) or None)
        except rpc.BadRequest as bad:
            return reply(bad.reply)
        return await answer(request, asked, body, strict=True)

    async def index(request: Request) -> Response:
        """The dashboard for browsers; for programs the paths of the server."""
        if _wants_page(request):
            return serve_page(request, "index.html")
        host = request.headers.get("host", "")
        secure = "s" if request.url.scheme == "https" else ""
        return PlainTextResponse(INDEX.format(version=gateway.version, host=host, s=secure))

    async def healthy(request: Request) -> Response:
        """200: the process answers."""
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        """Whether the server is ready; venues that have ended are named in either case.

        Of a server that is, it also says what audits have found, and which book of a venue is known least far.
        """
        reason = gateway.unready()
        if reason:
            return PlainTextResponse(f"{reason}\n", 503)
        lines = "ready", *gateway.closed().values(), *gateway.healths()
        return PlainTextResponse("".join(f"{line}\n" for line in lines))

    async def metrics(request: Request) -> Response:
        """The metrics, for permitted addresses."""
        if not is_within(request.client.host if request.client else "", gateway.policy.metrics):
            return PlainTextResponse("not from this address\n", 403)
        gather = gateway.gather_metrics
        text = format_metrics(gateway) if gather is None else await gather()
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def trades(request: Request) -> Response:
        """Trades as an Arrow stream, for who may ask for them as JSON."""
        from deltawire.gateway.arrow import MEDIA_TYPE, find_state, format_trades  # seldom asked for

        now = gateway.clock.now()
        try:
            state = find_state(gateway.market, request.query_params)
            asked = rpc.Request(LAST_TRADES, {"instrument_name": state.name, "count": "1"})
            allowed = await answer(request, asked, b"", strict=False)
            if allowed.status_code != 200:
                return allowed
            at_ns = gateway.market.time(state)
            query, stores = request.query_params, gateway.past_trades
            found = await run_in_threadpool(format_trades, state, query, stores, at_ns)
            return Response(found, media_type=MEDIA_TYPE)
        except RequestError as error:
            return reply(rpc.Reply(None, error=error, us_in=now // 1000))

    @cache
    def described() -> dict[str, Any]:
        return describe(gateway.version, "", secure=False)

    async def docs(request: Request) -> Response:
        """The AsyncAPI document: the console for browsers, a page without scripts, else JSON."""
        path = request.url.path
        if path == "/docs" and _wants_page(request) and "docs.html" in read_files():
            return serve_page(request, "docs.html")
        host, secure = request.headers.get("host", "localhost"), request.url.scheme == "https"
        document = described() | {"servers": servers(host, secure=secure)}
        accepted = request.headers.get("accept-encoding", "")
        if path == "/docs/plain" or (path == "/docs" and _wants_page(request)):
            return strict(HTMLResponse(format_page(document)), STYLE)
        response = JSONResponse(document, headers={"vary": "accept, accept-encoding"})
        if choose_coding(accepted, {"gzip": b""}):
            response.body = gzip.compress(bytes(response.body), compresslevel=4)
            response.headers.update({"content-encoding": "gzip", "content-length": str(len(response.body))})
        return response

    async def asset(request: Request) -> Response:
        """A file of the dashboard."""
        return serve_asset(request)

    one = "/api/v2/{method:path}"
    return Starlette(
        routes=[
            Route("/", index),
            Route("/docs", docs),
            Route("/docs/asyncapi.json", docs),
            Route("/docs/plain", docs),
            Route("/assets/{file}", asset),
            Route("/licences.txt", asset),
            Route("/healthz", healthy),
            Route("/readyz", ready),
            Route("/metrics", metrics),
            Route("/trades.arrow", trades),
            Route("/api/v2", post, methods=["POST"]),
            Route(one, get, methods=["GET"]),
            Route(one, post, methods=["POST"]),
        ]
    )


def _params(request: Request) -> dict[str, Any]:
    """The parameters in the query; one that is repeated is a list, and refused where one value is expected."""
    params: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        params.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in params.items()}


def _method(request: Request) -> str:
    """The method that the path names; empty if there is none."""
    named: str = request.path_params.get("method", "")
    return named.removeprefix("/")


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _uri(request: Request) -> str:
    """Path and query as received."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _status(error: RequestError | None) -> int:
    return 200 if error is None else STATUS.get(error.code, 400)


async def _limited(request: Request) -> bytes:
    """The body; reading stops when it is known to be too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > rpc.LARGEST_REQUEST:
            break
    return body
