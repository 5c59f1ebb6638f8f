"""The AsyncAPI 3 document of this server, made from the table of methods, the grammar of channels and the types."""

from typing import Any

import msgspec

from deltawire.dialect.families import FAMILIES, Family
from deltawire.dialect.grammar import choices
from deltawire.dialect.order_requests import REQUESTS
from deltawire.dialect.results import RESULTS
from deltawire.session.table import METHODS

SCHEMAS = "#/components/schemas/{name}"
MESSAGES = "#/components/messages/"
PARAMS, RESULT_OF = "_params", "_result"
"""How the names of schemas of a method's parameters and result end."""
ABOUT = (
    "JSON-RPC 2.0. All traffic goes over one WebSocket at `/ws/api/v2`; the methods are also "
    "`GET` and `POST` under `/api/v2`. `rpc` are the requests and answers; every other channel is a name for "
    "`public/subscribe` or `private/subscribe`."
)


def describe(version: str, host: str, *, secure: bool) -> dict[str, Any]:
    """The whole document, as JSON values."""
    schemas, refs = _schemas()
    requests = {_id(name): _request(name) for name in sorted(METHODS)}
    notifications = {f"{name}_notification": _notification(family, refs) for name, family in FAMILIES.items()}
    answers = {_id(name) + RESULT_OF: _result(name) for name in sorted(METHODS)} | {"error": _answer("Error")}
    notices = {name: _notice(name, *about) for name, about in NOTICES.items()}
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
        "components": {
            "messages": requests | answers | notices | notifications,
            "schemas": schemas | {"Result": RESULT, "Error": ERROR},
        },
    }


def servers(host: str, *, secure: bool) -> dict[str, Any]:
    """The document's servers: this one."""
    return {"this": {"host": host, "pathname": "/ws/api/v2", "protocol": "wss" if secure else "ws"}}


_ENVELOPE = {
    "jsonrpc": {"const": "2.0"},
    "id": {"type": ["integer", "string"], "description": "As in the request."},
    "usIn": {"type": "integer", "description": "When the request came, in microseconds."},
    "usOut": {"type": "integer", "description": "When the answer left, in microseconds."},
    "usDiff": {"type": "integer"},
    "testnet": {"type": "boolean"},
}
RESULT: dict[str, Any] = {
    "type": "object",
    "properties": _ENVELOPE | {"result": {"description": "As the method says."}},
    "required": ["jsonrpc", "result", "usIn", "usOut", "usDiff", "testnet"],
}
ERROR: dict[str, Any] = {
    "type": "object",
    "properties": _ENVELOPE
    | {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "data": {
                    "type": "object",
                    "properties": {"reason": {"type": "string"}, "param": {"type": "string"}},
                },
            },
            "required": ["code", "message"],
        }
    },
    "required": ["jsonrpc", "error", "usIn", "usOut", "usDiff", "testnet"],
}

NOTICES: dict[str, tuple[str, dict[str, str]]] = {
    "heartbeat": ("`type` is `heartbeat`, or `test_request`: call `public/test`.", {"type": "string"}),
    "unsubscribed": (
        "Channels that were left because the client may not hear them any more, and why.",
        {"channels": "array", "reason": "string"},
    ),
    "joined": (
        "Where a channel without image stands, for who subscribes with `resume`.",
        {"channel": "string", "epoch": "string", "seq": "integer"},
    ),
    "mac": (
        "Attests every data frame up to `to` since `private/enable_mac`; those from `from` on are new.",
        {"from": "integer", "to": "integer", "mac": "string"},
    ),
}
"""What the server says unasked that is no channel's: what it is, and the types of its params."""


def _schemas() -> tuple[dict[str, Any], dict[Any, Any]]:
    """Schemas of all types by name, and what stands for each type."""
    types = [
        *(_params(name) for name in METHODS),
        *(RESULTS.get(name) for name in METHODS),
        *(family.data for family in FAMILIES.values()),
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMAS)
    refs = {_key(type_): _as_draft_7(schema) for type_, schema in zip(types, schemas, strict=True)}
    named = {name: _as_draft_7(schema) for name, schema in components.items()}
    for method in METHODS:
        named[_id(method) + PARAMS] = _resolved(refs[_key(_params(method))], named)
        named[_id(method) + RESULT_OF] = refs[_key(RESULTS.get(method))]
    return named, refs


def _params(method: str) -> Any:
    """The type of a method's parameters; orders are parsed against their instrument, and have one for documents."""
    return REQUESTS.get(method, METHODS[method].params)


def _resolved(schema: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """A type's own schema, without the name that it has in the code."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found = dict(named[name]) if name else schema
    found.pop("title", None)
    return found


def _key(type_: Any) -> str:
    return repr(type_)


def _as_draft_7(schema: Any) -> Any:
    """AsyncAPI's schemas are draft 7, where a tuple's types stand in `items`."""
    if isinstance(schema, list):
        return [_as_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: _as_draft_7(value) for name, value in schema.items()}
    if "prefixItems" in converted:
        converted["items"], converted["additionalItems"] = converted.pop("prefixItems"), False
    return converted


def _id(name: str) -> str:
    return name.replace("/", "_")


def _request(name: str) -> dict[str, Any]:
    method = METHODS[name]
    rules = [f"Needs `{method.right}`."] if method.right else []
    rules += ["WebSocket only."] if method.websocket_only else []
    return {
        "name": name,
        "summary": (method.call.__doc__ or name).strip().splitlines()[0],
        "description": " ".join(rules) or "Over WebSocket and HTTP.",
        "payload": {
            "type": "object",
            "properties": {
                "jsonrpc": {"const": "2.0"},
                "id": {"type": ["integer", "string"]},
                "method": {"const": name},
                "params": {"$ref": SCHEMAS.format(name=_id(name) + PARAMS)},
            },
            "required": ["method"],
        },
    }


def _notification(family: Family, refs: dict[Any, Any]) -> dict[str, Any]:
    return {
        "name": f"subscription: {family.names[-1]}",
        "payload": {
            "type": "object",
            "properties": {
                "jsonrpc": {"const": "2.0"},
                "method": {"const": "subscription"},
                "params": {
                    "type": "object",
                    "properties": {
                        "channel": {"type": "string"},
                        "epoch": {"type": "string", "description": "One past of the publisher."},
                        "seq": {
                            "type": "integer",
                            "description": "The number of the newest event told; rises.",
                        },
                        "prev_seq": {
                            "type": "integer",
                            "description": "`seq` of the notification before; an image has none.",
                        },
                        "data": refs[_key(family.data)],
                    },
                    "required": ["channel", "epoch", "seq", "data"],
                },
            },
            "required": ["jsonrpc", "method", "params"],
        },
    }


def _notice(name: str, about: str, params: dict[str, str]) -> dict[str, Any]:
    types = {param: {"type": type_} for param, type_ in params.items()}
    return {
        "name": name,
        "summary": about,
        "payload": {
            "type": "object",
            "properties": {
                "jsonrpc": {"const": "2.0"},
                "method": {"const": name},
                "params": {"type": "object", "properties": types, "required": list(types)},
            },
            "required": ["jsonrpc", "method", "params"],
        },
    }


def _result(method: str) -> dict[str, Any]:
    """The answer to a method that succeeds."""
    result = {"properties": {"result": {"$ref": SCHEMAS.format(name=_id(method) + RESULT_OF)}}}
    return {
        "name": f"{method} result",
        "payload": {"allOf": [{"$ref": SCHEMAS.format(name="Result")}, result]},
    }


def _answer(schema: str) -> dict[str, Any]:
    return {"name": schema.lower(), "payload": {"$ref": SCHEMAS.format(name=schema)}}


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
        "title": address,
        "description": f"Needs `{family.right}`." if family.right else "For everyone.",
        "parameters": {name: {"enum": values[name]} if name in values else {} for name in names},
        "messages": {message: {"$ref": MESSAGES + message}},
    }


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
                    for message in (_id(name) + RESULT_OF, "error")
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
