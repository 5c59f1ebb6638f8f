"""The dashboard: files that the build leaves beside this module, read once and served with strict headers."""

import mimetypes
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

FOLDER = Path(__file__).with_name("dashboard")
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings in the order of preference, and how the names of such files end."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"
"""Files under `assets` are named by their content."""
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>deltawire</title>
<h1>deltawire</h1><p>The dashboard is not built here. In the checkout run <code>make dashboard</code>, then reload.</p>
<p>The API is described at <a href="/docs">/docs</a>.</p></html>
"""


class File(NamedTuple):
    """A file in each coding that there is; the empty one is the file itself."""

    media_type: str
    tag: str
    bodies: Mapping[str, bytes]


@cache
def read_files(folder: Path = FOLDER) -> dict[str, File]:
    """The files by path below the folder; none if the dashboard is not built."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in ENCODINGS.values()]
    return {path.relative_to(folder).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> File:
    bodies = {"": path.read_bytes()}
    for coding, suffix in ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            bodies[coding] = compressed.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(media_type, sha256(bodies[""]).hexdigest()[:32], bodies)


def serve_page(request: Request, name: str) -> Response:
    """A page of the dashboard, or one that says how to build it."""
    file = read_files().get(name)
    return serve_file(request, file) if file else strict(HTMLResponse(MISSING, 503))


def serve_asset(request: Request) -> Response:
    """Any file by its path; pages have their own paths."""
    file = read_files().get(request.url.path.removeprefix("/"))
    return (
        serve_file(request, file)
        if file
        else strict(Response("no such file\n", 404, media_type="text/plain"))
    )


def serve_file(request: Request, file: File) -> Response:
    """A file in the coding that the client prefers, or 304 if it has it."""
    coding = choose_coding(request.headers.get("accept-encoding", ""), file.bodies)
    is_asset = request.url.path.startswith("/assets/")
    tag = f'"{file.tag}{coding and "-"}{coding}"'
    headers = {"etag": tag, "vary": "accept-encoding", "cache-control": FOR_EVER if is_asset else "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return strict(Response(status_code=304, headers=headers))
    if coding:
        headers["content-encoding"] = coding
    return strict(Response(file.bodies[coding], media_type=file.media_type, headers=headers))


def choose_coding(accepted: str, bodies: Mapping[str, bytes]) -> str:
    """The first of our codings that the client accepts; empty if it accepts none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        quality = parameter.strip().removeprefix("q=")
        weights[name.strip()] = 0.0 if quality.strip("0.") == "" and parameter else 1.0
    return next((each for each in ENCODINGS if each in bodies and weights.get(each)), "")


def strict(response: Response, *styles: str) -> Response:
    """With the headers of every page: nothing is loaded from elsewhere, and no inline script or style runs.

    `styles` are the texts of style elements that may stand in the page.
    """
    sources = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in styles]
    policy = POLICY.format(styles=" ".join(["'self'", *sources]))
    response.headers.update(HEADERS | {"content-security-policy": policy})
    return response
