"""The dashboard's files: served compressed, kept by browsers as long as they are valid, under a strict policy."""

import gzip
import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from deltawire.gateway.pages import FOLDER, choose_coding, read_files, serve_page
from tests.support.gateway_server import GatewayServer
from tests.support.waiting import HANG_S

MOST_AT_FIRST = 120 * 1024
"""Bytes of the first load, compressed."""
PAGE = {"accept": "text/html,*/*"}
built = pytest.mark.skipif(not FOLDER.is_dir(), reason="the dashboard is not built: make dashboard")


@pytest.fixture(scope="module")
def server() -> Iterator[GatewayServer]:
    with GatewayServer() as server:
        yield server


def get(server: GatewayServer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HANG_S)
    connection.request(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def assets(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)


@built
def test_a_browser_gets_the_dashboard_and_a_program_the_paths(server: GatewayServer) -> None:
    status, headers, page = get(server, "/", **PAGE)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<dw-app>" in page
    status, headers, text = get(server, "/")
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert b"/ws/api/v2" in text


@built
def test_every_file_that_the_page_names_is_there_with_its_type(server: GatewayServer) -> None:
    types = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    names = assets(get(server, "/", **PAGE)[2].decode())
    assert {name.rpartition(".")[2] for name in names} == {*types}
    for name in names:
        status, headers, body = get(server, name)
        assert (status, headers["content-type"]) == (200, types[name.rpartition(".")[2]])
        assert "immutable" in headers["cache-control"]
        assert body == (FOLDER / name.removeprefix("/")).read_bytes()


@built
@pytest.mark.parametrize("path", ["/", "/docs", "/docs/plain"])
def test_no_page_may_run_what_stands_in_it(server: GatewayServer, path: str) -> None:
    _, headers, page = get(server, path, **PAGE)
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert not re.search(rb"<script(?![^>]* src=)|\son\w+=|\sstyle=", page)


@built
@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0", None)]
)
def test_files_are_sent_as_they_were_compressed(
    server: GatewayServer, accepted: str, coding: str | None
) -> None:
    name = next(name for name in assets(get(server, "/", **PAGE)[2].decode()) if name.endswith(".js"))
    file = FOLDER / name.removeprefix("/")
    _, headers, body = get(server, name, accept_encoding=accepted)
    assert headers.get("content-encoding") == coding
    assert headers["vary"] == "accept-encoding"
    if coding == "br":
        assert body == Path(f"{file}.br").read_bytes()
        assert len(body) < file.stat().st_size / 2
    else:
        assert (gzip.decompress(body) if coding else body) == file.read_bytes()


@built
def test_a_page_that_has_not_changed_is_not_sent_again(server: GatewayServer) -> None:
    _, headers, page = get(server, "/", **PAGE)
    assert page
    assert headers["cache-control"] == "no-cache"
    status, _, body = get(server, "/", **PAGE, if_none_match=headers["etag"])
    assert (status, body) == (304, b"")
    assert get(server, "/", **PAGE, if_none_match='"other"')[0] == 200


@built
def test_the_first_load_is_small() -> None:
    page = (FOLDER / "index.html").read_text()
    first = ["index.html", *(name.removeprefix("/") for name in assets(page))]
    worker = [path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("assets/worker-*.js")]
    assert len(worker) == 1
    assert sum((FOLDER / f"{name}.br").stat().st_size for name in first + worker) <= MOST_AT_FIRST


@built
def test_the_console_is_a_page_of_its_own_and_small(server: GatewayServer) -> None:
    status, _, page = get(server, "/docs", **PAGE)
    assert status == 200
    assert b"<dw-console>" in page
    own = [name.removeprefix("/") for name in assets(page.decode())]
    assert sum((FOLDER / f"{name}.br").stat().st_size for name in own) <= MOST_AT_FIRST / 4


def test_the_document_is_sent_compressed_to_who_accepts_it(server: GatewayServer) -> None:
    _, plain, document = get(server, "/docs/asyncapi.json")
    _, headers, packed = get(server, "/docs/asyncapi.json", accept_encoding="gzip")
    assert "content-encoding" not in plain
    assert headers["content-encoding"] == "gzip"
    assert len(packed) == int(headers["content-length"]) < len(document) / 5
    assert gzip.decompress(packed) == document


@built
def test_the_notices_of_the_libraries_are_served(server: GatewayServer) -> None:
    status, _, body = get(server, "/licences.txt")
    assert status == 200
    for library in (b"lightweight-charts", b"lit-html", b"TradingView"):
        assert library in body


@pytest.mark.parametrize(
    "path",
    ["/assets/none.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/..%2f..%2fpages.py"],
)
def test_no_other_file_is_served(server: GatewayServer, path: str) -> None:
    assert get(server, path)[0] == 404


def test_where_nothing_is_built_the_page_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read_files(tmp_path) == {}
    monkeypatch.setattr("deltawire.gateway.pages.read_files", dict)
    answer = serve_page(Request({"type": "http", "method": "GET", "path": "/", "headers": []}), "index.html")
    assert answer.status_code == 503
    assert b"make dashboard" in answer.body


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("", ""), ("br", "br"), ("GZIP;q=1.0", "gzip"), ("br;q=0.0, gzip;q=0.5", "gzip"), ("x", "")],
)
def test_the_coding_is_one_that_the_client_accepts(accepted: str, coding: str) -> None:
    assert choose_coding(accepted, {"": b"", "br": b"", "gzip": b""}) == coding
