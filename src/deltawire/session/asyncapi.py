"""The AsyncAPI 3 document of this server, made from the table of methods, the grammar of channels and the types."""

from typing import Any

from deltawire.dialect.error_codes import ERROR_CODES
from deltawire.dialect.families import FAMILIES, Family
from deltawire.dialect.glossary import CHANNEL_PARTS, CHANNELS
from deltawire.dialect.grammar import choices
from deltawire.session.schemas import AVAILABLE, NOTICES, make_schemas, ref
from deltawire.session.table import METHODS

MESSAGES = "#/components/messages/"
RESULT_OF = "_result"
"""How the name of the message that answers a method ends."""
ABOUT = (
    "JSON-RPC 2.0. All traffic goes over one WebSocket at `/ws/api/v2`; the methods are also "
    "`GET` and `POST` under `/api/v2`. `rpc` are the requests and answers; every other channel is a name for "
    "`public/subscribe` or `private/subscribe`. `x-error-codes` are the codes of errors."
)


def describe(version: str, host: str, *, secure: bool) -> dict[str, Any]:
    """The whole document, as JSON values."""
    requests = {_id(name): _request(name) for name in sorted(METHODS)}
    notifications = {f"{name}_notification": _notification(family) for name, family in FAMILIES.items()}
    answers = {_id(name) + RESULT_OF: _result(name) for name in sorted(AVAILABLE)}
    answers["error"] = {"name": "error", "payload": ref("Error")}
    notices = {name: _notice(name, about) for name, (about, _) in NOTICES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "deltawire",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": servers(host, secure=secure),
        "channels": {"rpc": _rpc_channel([*requests, *answers, *notices])} | _feed_channels(),
        "operations": _method_operations() | _notice_operations() | _feed_operations(),
        "components": {"messages": requests | answers | notices | notifications, "schemas": make_schemas()},
        "x-error-codes": [code._asdict() for code in ERROR_CODES],
    }


def servers(host: str, *, secure: bool) -> dict[str, Any]:
    """The document's servers: this one."""
    return {"this": {"host": host, "pathname": "/ws/api/v2", "protocol": "wss" if secure else "ws"}}


def _id(name: str) -> str:
    return name.replace("/", "_")


def _request(name: str) -> dict[str, Any]:
    method = METHODS[name]
    rules = [f"Needs `{method.right}`."] if method.right else []
    rules += ["WebSocket only."] if method.websocket_only else []
    rules += [] if name in AVAILABLE else ["Answers with error 13503."]
    return {
        "name": name,
        "summary": (method.call.__doc__ or name).strip().splitlines()[0],
        "description": " ".join(rules) or "Over WebSocket and HTTP.",
        "payload": ref(name, "request"),
    }


def _notification(family: Family) -> dict[str, Any]:
    return {
        "name": f"subscription: {family.names[-1]}",
        "summary": CHANNELS[family.name],
        "payload": ref(family.name, "notification"),
    }


def _notice(name: str, about: str) -> dict[str, Any]:
    return {"name": name, "summary": about, "payload": ref(name, "notice")}


def _result(method: str) -> dict[str, Any]:
    """The answer to a method that succeeds."""
    return {"name": f"{method} result", "payload": ref(method, "answer")}


def _rpc_channel(messages: list[str]) -> dict[str, Any]:
    return {
        "address": "/ws/api/v2",
        "title": "Requests and answers",
        "messages": {name: {"$ref": MESSAGES + name} for name in messages},
    }


def _feed_channels() -> dict[str, Any]:
    return {name: _feed_channel(family) for name, family in FAMILIES.items()}


def _feed_channel(family: Family) -> dict[str, Any]:
    address = family.names[-1]
    values = choices(address)
    names = [part.partition("}")[0] for part in address.split("{")[1:]]
    message = f"{family.name}_notification"
    return {
        "address": address,
        "title": family.name,
        "summary": CHANNELS[family.name],
        "description": " ".join(_rules(family)),
        "parameters": {
            name: {"description": CHANNEL_PARTS[name]} | ({"enum": values[name]} if name in values else {})
            for name in names
        },
        "messages": {message: {"$ref": MESSAGES + message}},
    }


def _rules(family: Family) -> list[str]:
    """Who may subscribe, and what else a subscription may say."""
    takes = {"max_rate": family.paced, "depth": family.limited, "beyond": family.ranged}
    options = " and ".join(f"`{name}`" for name, applies in takes.items() if applies)
    return [
        f"Needs `{family.right}`." if family.right else "For everyone.",
        *([f"Takes {options}."] if options else []),
        *([f"Needs the extra `{family.extra}` at the server."] if family.extra else []),
        *(["Also " + ", ".join(f"`{name}`" for name in family.names[:-1]) + "."] if family.names[1:] else []),
    ]


def _method_operations() -> dict[str, Any]:
    rpc = {"$ref": "#/channels/rpc"}
    return {
        _id(name): {
            "action": "receive",
            "channel": rpc,
            "messages": [{"$ref": f"#/channels/rpc/messages/{_id(name)}"}],
            "reply": {
                "channel": rpc,
                "messages": [
                    {"$ref": f"#/channels/rpc/messages/{message}"}
                    for message in (*([_id(name) + RESULT_OF] if name in AVAILABLE else []), "error")
                ],
            },
        }
        for name in sorted(METHODS)
    }


def _notice_operations() -> dict[str, Any]:
    return {
        f"send_{name}": {
            "action": "send",
            "channel": {"$ref": "#/channels/rpc"},
            "messages": [{"$ref": f"#/channels/rpc/messages/{name}"}],
        }
        for name in NOTICES
    }


def _feed_operations() -> dict[str, Any]:
    return {
        f"send_{family}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{family}"},
            "messages": [{"$ref": f"#/channels/{family}/messages/{family}_notification"}],
        }
        for family in FAMILIES
    }
