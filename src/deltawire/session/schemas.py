"""Schemas of all that clients send and get, each under a name, from the types by which the server checks it."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from deltawire.dialect.families import FAMILIES, Family
from deltawire.dialect.glossary import describe_member, describe_parameter
from deltawire.dialect.results import RESULTS
from deltawire.session.methods import NoParams
from deltawire.session.table import METHODS

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
AVAILABLE = METHODS.keys() & RESULTS.keys()
"""The methods that have a result; every other is answered with an error that says why it is not available."""
NOTICES: dict[str, tuple[str, dict[str, Schema]]] = {
    "heartbeat": (
        "`type` is `heartbeat`, or `test_request`: call `public/test`.",
        {"type": {"enum": ["heartbeat", "test_request"]}},
    ),
    "unsubscribed": (
        "Channels that were left because the client may not hear them any more, and why.",
        {"channels": {"type": "array", "items": {"type": "string"}}, "reason": {"type": "string"}},
    ),
    "joined": (
        "Where a channel without image stands, for who subscribes with `resume`.",
        {"channel": {"type": "string"}, "epoch": {"type": "string"}, "seq": {"type": "integer"}},
    ),
    "mac": (
        "Attests every data frame up to `to` since `private/enable_mac`; those from `from` on are new.",
        {"from": {"type": "integer"}, "to": {"type": "integer"}, "mac": {"type": "string"}},
    ),
}
"""What the server says unasked that is no channel's: what it is, and its params."""
_ID = {"type": ["integer", "string"], "description": "As in the request."}
_ENVELOPE: dict[str, Schema] = {
    "jsonrpc": {"const": "2.0"},
    "id": _ID,
    "usIn": {"type": "integer"},
    "usOut": {"type": "integer"},
    "usDiff": {"type": "integer"},
    "testnet": {"type": "boolean"},
}
_ALWAYS = ["jsonrpc", "usIn", "usOut", "usDiff", "testnet"]


def schema_name(*parts: str) -> str:
    """The name of a schema: `private/buy`, `params` is `PrivateBuyParams`."""
    words = (word for part in parts for word in re.split(r"[^A-Za-z0-9]+", part))
    return "".join(word[:1].upper() + word[1:] for word in words)


def ref(*parts: str) -> Schema:
    """A reference to the schema of this name."""
    return {"$ref": PREFIX + schema_name(*parts)}


def make_schemas() -> dict[str, Schema]:
    """All schemas by name. No object is described inside another: it has a name of its own."""
    types = [
        *(METHODS[name].described for name in sorted(AVAILABLE)),
        *(RESULTS[name] for name in sorted(AVAILABLE)),
        *(family.data for family in FAMILIES.values()),
        NoParams,
    ]
    found, components = msgspec.json.schema_components(types, ref_template=PREFIX + "{name}")
    by_type = {repr(type_): _as_draft_7(schema) for type_, schema in zip(types, found, strict=True)}
    models = {name: _as_draft_7(schema) for name, schema in components.items()}
    made: dict[str, Schema] = {"NoParams": models["NoParams"], "Result": _answer({}), "Error": _failure()}
    made["ErrorBody"] = _object(
        {"code": {"type": "integer"}, "message": {"type": "string"}, "data": ref("ErrorData")},
        ["code", "message"],
    )
    made["ErrorData"] = _object({"reason": {"type": "string"}, "param": {"type": "string"}}, [])
    for name in METHODS:
        made |= _of_method(name, by_type, models)
    for family in FAMILIES.values():
        made |= _of_family(family, by_type[repr(family.data)])
    for name, (_, params) in NOTICES.items():
        made |= _notification(name, "notice", _object(params, list(params)), method=name)
    requests = _reached(models, [schema_name(name, "params") for name in AVAILABLE], made)
    for name in _reached(models, list(made), made):
        made[name] = models[name]
    for name, schema in made.items():
        _describe(schema, describe_parameter if name in requests else partial(describe_member, model=name))
    return {name: {"title": name} | schema for name, schema in sorted(made.items())}


def _of_method(name: str, by_type: Mapping[str, Schema], models: Mapping[str, Schema]) -> dict[str, Schema]:
    """Parameters, request, result and answer of a method; of one that is not available, the request."""
    params = ref(name, "params") if name in AVAILABLE else ref("NoParams")
    request = _object(
        {"jsonrpc": {"const": "2.0"}, "id": _ID, "method": {"const": name}, "params": params}, ["method"]
    )
    made = {schema_name(name, "request"): request}
    if name in AVAILABLE:
        described = by_type[repr(METHODS[name].described)]
        own = dict(models[described["$ref"].removeprefix(PREFIX)])
        own["properties"] = {
            member: dict(schema) | _text(describe_parameter(member, name))
            for member, schema in own["properties"].items()
        }
        made[schema_name(name, "params")] = own
        made[schema_name(name, "result")] = by_type[repr(RESULTS[name])]
        made[schema_name(name, "answer")] = _answer(ref(name, "result"))
    return made


def _of_family(family: Family, data: Schema) -> dict[str, Schema]:
    """The notification of a channel."""
    params = {
        "channel": {"type": "string"},
        "epoch": {"type": "string"},
        "seq": {"type": "integer"},
        "prev_seq": {"type": "integer"},
        "data": data,
    }
    return _notification(
        family.name,
        "notification",
        _object(params, ["channel", "epoch", "seq", "data"]),
        method="subscription",
    )


def _notification(name: str, kind: str, params: Schema, *, method: str) -> dict[str, Schema]:
    members = {"jsonrpc": {"const": "2.0"}, "method": {"const": method}, "params": ref(name, kind, "params")}
    return {
        schema_name(name, kind): _object(members, list(members)),
        schema_name(name, kind, "params"): params,
    }


def _answer(result: Schema) -> Schema:
    members = _ENVELOPE | {"result": result or {"description": "As the method says."}}
    return _object(members, [*_ALWAYS, "result"])


def _failure() -> Schema:
    return _object(_ENVELOPE | {"error": ref("ErrorBody")}, [*_ALWAYS, "error"])


def _object(members: Mapping[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in members.items()},
        "required": required,
    }


def _reached(models: Mapping[str, Schema], begin: list[str], made: Mapping[str, Schema]) -> set[str]:
    """The names of the models to which these schemas lead."""
    found: set[str] = set()
    waiting = [target for name in begin for target in references(made[name])]
    while waiting:
        name = waiting.pop()
        if name in models and name not in found and name not in made:
            found.add(name)
            waiting += references(models[name])
    return found


def references(schema: Any) -> Iterator[str]:
    """The names of all schemas to which one refers."""
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)
    elif isinstance(schema, dict):
        if isinstance(target := schema.get("$ref"), str):
            yield target.removeprefix(PREFIX)
        for each in schema.values():
            yield from references(each)


def _describe(schema: Schema, describe: Any) -> None:
    """Say what each member means, where that is known."""
    for name, member in schema.get("properties", {}).items():
        if "description" not in member:
            member |= _text(describe(name))


def _text(description: str) -> Schema:
    return {"description": description} if description else {}


def _as_draft_7(schema: Any) -> Any:
    """AsyncAPI's schemas are draft 7, where a tuple's types stand in `items`."""
    if isinstance(schema, list):
        return [_as_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: _as_draft_7(value) for name, value in schema.items() if name != "title"}
    if "prefixItems" in converted:
        converted["items"], converted["additionalItems"] = converted.pop("prefixItems"), False
    return converted
