"""Write the TypeScript types of the dashboard, from the document in which the server describes its API.

python tools/web_types.py           # writes web/src/api.ts
python tools/web_types.py --check   # fails if that file is not what would be written
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deltawire.dialect.families import FAMILIES
from deltawire.session.schemas import AVAILABLE, PREFIX, make_schemas, references, schema_name

FILE = Path(__file__).resolve().parent.parent / "web" / "src" / "api.ts"
HEAD = "/** The API as the server describes it in /docs/asyncapi.json. Written by tools/web_types.py. */\n"
SIMPLE = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}


def format_types() -> str:
    """The whole file."""
    schemas = make_schemas()
    named = _wanted(schemas)
    lines = [HEAD]
    for name in sorted(named):
        lines += [*_declaration(name, schemas[name]), ""]
    lines += ["/** Parameters and result of every method. */", "export interface Methods {"]
    for method in sorted(AVAILABLE):
        params, result = schema_name(method, "params"), schema_name(method, "result")
        lines.append(f"  {json.dumps(method)}: {{ params: {params}; result: {result} }};")
    lines += ["}", "", "/** What each family of channels says. */", "export interface Channels {"]
    for family in FAMILIES:
        data = schemas[schema_name(family, "notification", "params")]["properties"]["data"]
        lines.append(f"  {family}: {_type(data)};")
    return "\n".join([*lines, "}", ""])


def _wanted(schemas: dict[str, Any]) -> set[str]:
    """The names of parameters, results and data of channels, and of all that they lead to."""
    waiting = [schema_name(method, part) for method in AVAILABLE for part in ("params", "result")]
    for family in FAMILIES:
        data = schemas[schema_name(family, "notification", "params")]["properties"]["data"]
        waiting += references(data)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def _declaration(name: str, schema: dict[str, Any]) -> Iterator[str]:
    if text := schema.get("description"):
        yield f"/** {_comment(text)} */"
    if "properties" not in schema:
        yield f"export type {name} = {_type(schema)};"
        return
    if not schema["properties"]:
        yield f"export type {name} = Record<string, never>;"
        return
    yield f"export interface {name} {{"
    required = set(schema.get("required", []))
    for member, of in schema["properties"].items():
        if text := of.get("description"):
            yield f"  /** {_comment(text)} */"
        yield f"  {_key(member)}{'' if member in required else '?'}: {_type(of)};"
    yield "}"


def _type(schema: dict[str, Any]) -> str:
    """A schema as a type of TypeScript."""
    if "$ref" in schema:
        name: str = schema["$ref"].removeprefix(PREFIX)
        return name
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(_type(part) for part in parts))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(SIMPLE[each] for each in kind))
    if kind == "array":
        return _array(schema.get("items", {}))
    if kind == "object":
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    return SIMPLE[kind] if kind else "unknown"


def _array(items: Any) -> str:
    if isinstance(items, list):
        return f"[{', '.join(_type(item) for item in items)}]"
    inner = _type(items)
    return f"({inner})[]" if "|" in inner else f"{inner}[]"


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _comment(text: str) -> str:
    return " ".join(text.split()).replace("*/", "* /")


def main() -> None:
    """Write the file, or compare it."""
    text = format_types()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != text:
        sys.exit("web/src/api.ts is not what the server describes: run python tools/web_types.py")


if __name__ == "__main__":
    main()
