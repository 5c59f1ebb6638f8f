"""`/docs/plain`: the AsyncAPI document as a page without scripts and external resources."""

import json
from html import escape
from typing import Any

from deltawire.session.schemas import schema_name

STYLE = """body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px ui-monospace,monospace}pre{background:#8881;padding:.6rem;overflow:auto}
summary{cursor:pointer}"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>deltawire {version}</title>
<style>{style}</style>
<h1>deltawire {version}</h1><p>{about}</p>
<p><a href="/docs/asyncapi.json">AsyncAPI 3 document</a> · <code>{protocol}://{host}{path}</code></p>
<h2>Channels</h2>{channels}<h2>Methods</h2>{methods}</html>
"""


def format_page(document: dict[str, Any]) -> str:
    """The document as a page."""
    server, messages = document["servers"]["this"], document["components"]["messages"]
    schemas = document["components"]["schemas"]
    feeds = {name: channel for name, channel in document["channels"].items() if name != "rpc"}
    methods = [
        message
        for message in messages.values()
        if message["name"].startswith(("public/", "private/")) and "summary" in message
    ]
    return PAGE.format(
        style=STYLE,
        version=escape(document["info"]["version"]),
        about=escape(document["info"]["description"]),
        protocol=escape(server["protocol"]),
        host=escape(server["host"]),
        path=escape(server["pathname"]),
        channels="".join(
            _entry(
                channel["address"],
                f"{channel['summary']} {channel['description']}",
                schemas[schema_name(name, "notification", "params")]["properties"]["data"],
                document,
            )
            for name, channel in feeds.items()
        ),
        methods="".join(
            _entry(
                message["name"],
                f"{message['summary']} {message['description']}",
                schemas[schema_name(message["name"], "request")]["properties"]["params"],
                document,
            )
            for message in methods
        ),
    )


def _entry(name: str, about: str, schema: dict[str, Any], document: dict[str, Any]) -> str:
    shown = json.dumps(_resolved(schema, document), indent=1, ensure_ascii=False)
    return (
        f"<details><summary><code>{escape(name)}</code> {escape(about)}</summary>"
        f"<pre>{escape(shown)}</pre></details>"
    )


def _resolved(schema: Any, document: dict[str, Any]) -> Any:
    """A schema with its references resolved (none refers to itself)."""
    if isinstance(schema, list):
        return [_resolved(item, document) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    return {name: _resolved(value, document) for name, value in schema.items()}
