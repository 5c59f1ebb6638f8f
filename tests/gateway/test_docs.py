"""The AsyncAPI document: valid by its own schema, complete, and true of what the server really sends."""

import copy
import gzip
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from deltawire.dialect.error_codes import ERROR_CODES
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.glossary import CHANNELS as SAID_OF_CHANNELS
from deltawire.dialect.glossary import MEMBERS, PARAMETERS
from deltawire.dialect.grammar import choices, parse_channel
from deltawire.dialect.results import RESULTS
from deltawire.exchange.orders.codes import RETRYABLE, Code
from deltawire.model.events import Constituent, Greeks, VenueStatus, VolatilityIndex
from deltawire.session import unavailable
from deltawire.session.asyncapi import describe
from deltawire.session.methods import collect
from deltawire.session.schemas import AVAILABLE, NOTICES, references, schema_name
from deltawire.session.table import METHODS
from deltawire.wire.mac import MacNote, mac_frame
from deltawire.wire.rpc import format_heartbeat, format_unsubscribed
from tests.support.definitions import TABLE
from tests.support.gateway_server import GatewayServer, open_socket
from tests.support.market_events import (
    START_NS,
    VENUE,
    make_index,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)
from tests.support.waiting import HANG_S

SOURCES = [
    path.read_text()
    for path in (Path(__file__).parents[2] / "src" / "deltawire").rglob("*.py")
    if path.name not in ("codes.py", "error_codes.py") and not {"testing", "bus"} & {*path.parts}
]
"""The bus has error codes of its own, those of JetStream."""
SPECIFICATION = Path(__file__).parent.parent / "data" / "asyncapi-3.0.0.json.gz"
OPTION = make_option()


@pytest.fixture(scope="module")
def judge() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(SPECIFICATION.read_bytes())))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe("1.2.3", "localhost:8080", secure=False)


def test_the_document_is_valid_asyncapi_3(
    judge: jsonschema.Draft7Validator, document: dict[str, Any]
) -> None:
    assert [error.message for error in judge.iter_errors(document)] == []


@pytest.mark.parametrize("place", ["info", "channels", "asyncapi", "operations"])
def test_the_judge_sees_what_is_wrong(
    judge: jsonschema.Draft7Validator, document: dict[str, Any], place: str
) -> None:
    wrong = copy.deepcopy(document)
    wrong[place] = 17
    assert not judge.is_valid(wrong)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def look(value: Any) -> None:
        if isinstance(value, dict) and "$ref" in value:
            found = document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(each)

    look(document)


def unnamed(value: Any, place: str = "") -> Iterator[str]:
    """Where a schema says that there is an object, or anything, and not which: objects are described by name only."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from unnamed(each, f"{place}/{number}")
    if not isinstance(value, dict):
        return
    of_one_type = isinstance(value.get("additionalProperties"), dict)
    if value.get("type") == "object" and not of_one_type:
        yield place
    for name, each in value.items():
        if name == "properties":
            for member, schema in each.items():
                yield from unnamed(schema or {"type": "object"}, f"{place}/{member}")
        elif name in ("items", "additionalProperties") and each == {}:
            yield f"{place}/{name}"
        elif name not in ("const", "default", "enum"):
            yield from unnamed(each, f"{place}/{name}")


def within(schema: dict[str, Any]) -> dict[str, Any]:
    """What a named schema says of its members."""
    return {name: each for name, each in schema.items() if name != "type"}


def test_every_object_has_a_name(document: dict[str, Any]) -> None:
    schemas, messages = document["components"]["schemas"], document["components"]["messages"]
    assert len(schemas) > 600
    assert [place for name, schema in schemas.items() for place in unnamed(within(schema), name)] == []
    assert all(
        re.fullmatch("[A-Z][A-Za-z0-9]*", name) and schema["title"] == name
        for name, schema in schemas.items()
    )
    assert all([*message["payload"]] == ["$ref"] for message in messages.values())
    assert {*references(messages), *references(schemas)} == schemas.keys() - {"Result"}


def test_only_what_has_no_members_is_empty(document: dict[str, Any]) -> None:
    empty = {
        name for name, schema in document["components"]["schemas"].items() if schema.get("properties") == {}
    }
    without = {name for name in AVAILABLE if not msgspec.structs.fields(METHODS[name].described)}
    assert empty == {schema_name(name, "params") for name in without} | {"NoParams", "Unsaid"}


def test_an_object_without_a_name_is_found() -> None:
    for schema in (
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"items": {}},
        {"properties": {"a": {}}},
        {"additionalProperties": {}},
    ):
        assert len(list(unnamed({"anyOf": [schema]}))) == 1
    assert not list(unnamed({"type": "object", "additionalProperties": {"type": "number"}}))


def test_every_parameter_says_what_it_means(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    names = [schema_name(method, "params") for method in AVAILABLE]
    names += [name for name in names for name in references(schemas[name])]
    silent = [
        (name, member)
        for name in names
        for member, schema in schemas[name].get("properties", {}).items()
        if not schema.get("description")
    ]
    assert silent == []
    parts = [part for name in FAMILIES for part in document["channels"][name]["parameters"].values()]
    assert all(part["description"] for part in parts)


def test_the_glossary_has_no_name_that_nothing_has(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    members = {member for schema in schemas.values() for member in schema.get("properties", {})}
    of_models = {f"{model}.{name}" for model, each in schemas.items() for name in each.get("properties", {})}
    assert MEMBERS.keys() <= members | of_models
    assert {name for name in PARAMETERS if "." not in name} <= members
    special = {tuple(name.rpartition(".")[::2]) for name in PARAMETERS if "." in name}
    assert all(name in schemas[schema_name(method, "params")]["properties"] for method, name in special)
    assert SAID_OF_CHANNELS.keys() == FAMILIES.keys()


def test_the_error_codes_are_those_that_the_source_can_answer_with() -> None:
    names = {name for text in SOURCES for name in re.findall(r"(?<!WSClose)\bCode\.([A-Z_0-9]+)", text)}
    used = {int(Code[name]) for name in names & Code.__members__.keys()}
    used |= {
        int(number)
        for text in SOURCES
        for number in re.findall(r"^[A-Z_]+ = (-32\d{3}|1[0-3]\d{3})$", text, re.MULTILINE)
    }
    assert {code.code for code in ERROR_CODES} == used
    assert len({code.code for code in ERROR_CODES}) == len(ERROR_CODES)
    retried = {int(code) for code in RETRYABLE} | {13028}
    assert all(code.retry == (code.code in retried) for code in ERROR_CODES)


def test_every_method_and_every_family_of_channels_is_there(document: dict[str, Any]) -> None:
    assert {message["name"] for message in document["components"]["messages"].values()} >= METHODS.keys()
    assert document["channels"].keys() == {"rpc", *FAMILIES}


def test_a_templates_names_are_channels_of_their_family() -> None:
    filled = {"instrument": "X", "index": "btc_usd", "currency": "BTC", "threshold": "2.5"}
    filled |= {"venue": VENUE, "underlying": "BTC", "expiry": "29DEC23", "other": "okx:Y"}
    for family in FAMILIES.values():
        for template in family.names:
            values = {part: values[0] for part, values in choices(template).items()}
            key = parse_channel(template.format(**filled | values))
            assert key is not None
            assert key.family == family.name


CHANNELS = [
    "book.BTC-PERPETUAL.raw",
    "book.BTC-PERPETUAL.none.10.100ms",
    f"ticker.{OPTION.name}.raw",
    "ticker.BTC-PERPETUAL.100ms",
    f"incremental_ticker.{OPTION.name}",
    "quote.BTC-PERPETUAL",
    "trades.BTC-PERPETUAL.raw",
    "trades.option.BTC.raw",
    "perpetual.BTC-PERPETUAL.raw",
    "deribit_price_index.btc_usd",
    "deribit_price_statistics.btc_usd",
    "deribit_price_ranking.btc_usd",
    "deribit_volatility_index.btc_usd",
    "estimated_expiration_price.btc_usd",
    "chart.trades.BTC-PERPETUAL.1",
    "markprice.options.btc_usd",
    "instrument.state.any.any",
    "status.BTC-PERPETUAL",
    "book.BTC-PERPETUAL.health",
    f"venue_status.{VENUE}",
    "platform_state",
    "imbalance.BTC-PERPETUAL.100ms",
    "depth.BTC-PERPETUAL.100ms",
    "prices.BTC-PERPETUAL.100ms",
    "chain.BTC.29DEC23.100ms",
    "surface.BTC.100ms",
    "skew.BTC.100ms",
    "gex.BTC.100ms",
    "flow.BTC-PERPETUAL.100ms",
    "alert.BTC-PERPETUAL.wide.5.100ms",
    "alert.BTC-PERPETUAL.crossed.BTC-PERPETUAL.5.100ms",
]


def test_what_the_server_sends_is_what_the_document_says(document: dict[str, Any]) -> None:
    missing = {key.family for name in CHANNELS if (key := parse_channel(name))}
    assert missing == {
        name for name, family in FAMILIES.items() if not (family.right or family.silent)
    }  # see fanout/channels/test_private.py
    with GatewayServer() as server, open_socket(server) as client:
        server.go_live()
        book = server.book
        mark: dict[str, Any] = {
            "mark_price": 0.05,
            "mark_iv": 55.5,
            "greeks": Greeks(0.5, 1e-5, 1.0, -1.0),
            "index_price": 40000.0,
            "estimated_delivery_price": 40000.0,
            "underlying_price": 40000.0,
        }
        server.feed([make_listing(OPTION), make_ticker(OPTION, **mark)])
        server.wait_until(lambda: len(server.app.market) == 2)
        assert set(client.answer("public/subscribe", channels=CHANNELS)["result"]) == set(CHANNELS)
        made_of = (Constituent("one", 40001.0, 40001.0, 1.0, enabled=True),)
        server.feed([VenueStatus(VENUE, "down", START_NS, "locked", 1, 2, subject="btc_usd")])
        server.feed([VolatilityIndex(VENUE, "btc_usd", 60.0, START_NS, START_NS)])
        server.feed(
            [make_index(40001.0, constituents=made_of), make_ticker(OPTION, **mark | {"mark_price": 0.06})]
        )
        server.feed([make_ticker(book.instrument, current_funding=1e-5, index_price=40000.0)])
        server.feed([make_trade(book.instrument, 1000, 3), make_trade(OPTION, 500, 1, iv=60.0)])
        server.feed([make_listing(make_option("BTC-29DEC23-50000-C"))])
        book.now_ns += 100_000_000
        server.feed([book.change(bids={1000: 0, 998: 5}), book.stale()])
        server.change(12)
        server.feed(book.image({1000: 7}, {1001: 8}))
        server.change(12)
        while missing:
            message = client.message()
            if "method" not in message:
                continue
            key = parse_channel(message["params"]["channel"])
            assert key is not None
            check(message, f"{key.family}_notification", document)
            missing.discard(key.family)


def check(message: dict[str, Any], name: str, document: dict[str, Any]) -> None:
    """A message is what the document says, and has nothing of which it does not tell."""
    schema = document["components"]["messages"][name]["payload"] | {"components": document["components"]}
    jsonschema.Draft7Validator(schema).validate(message)
    data, family = message["params"]["data"], name.removesuffix("_notification")
    if family != "incremental_ticker":
        told = msgspec.to_builtins(msgspec.convert(data, FAMILIES[family].data))
        for ours, theirs in zip(told, data, strict=True) if isinstance(data, list) else [(told, data)]:
            assert theirs.keys() - ours.keys() <= {member for member, value in theirs.items() if not value}


def test_answers_are_what_the_document_says(document: dict[str, Any]) -> None:
    with GatewayServer() as server, open_socket(server) as client:
        for method, name in (("public/test", "Result"), ("nonsense", "Error")):
            schema = document["components"]["schemas"][name] | {"components": document["components"]}
            jsonschema.Draft7Validator(schema).validate(client.answer(method))
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.Draft7Validator(schema).validate({"jsonrpc": "2.0"})


def test_what_the_server_says_unasked_is_what_the_document_says(document: dict[str, Any]) -> None:
    joined = b'{"method": "joined", "params": {"channel": "quote.X", "epoch": "e", "seq": 1}}'
    said = {
        "heartbeat": format_heartbeat("test_request"),
        "unsubscribed": format_unsubscribed(["user.lock"], "why"),
        "joined": joined,
        "mac": mac_frame(MacNote(1, 2, "ab"))[2:],
    }
    assert said.keys() == NOTICES.keys()
    for name, payload in said.items():
        schema = document["components"]["messages"][name]["payload"] | {"components": document["components"]}
        jsonschema.Draft7Validator(schema).validate({"jsonrpc": "2.0"} | json.loads(payload))


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/docs/plain", "text/html,*/*", "text/html"),
        ("/docs", "application/json", "application/json"),
        ("/docs/asyncapi.json", "text/html", "application/json"),
    ],
)
def test_the_document_is_served_for_people_and_for_programs(path: str, accept: str, kind: str) -> None:
    with GatewayServer() as server:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{path}", headers={"Accept": accept, "Host": "<b>:1"}
        )
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            text = answer.read().decode()
            assert answer.headers["content-type"].startswith(kind)
    assert "public/subscribe" in text
    if kind == "text/html":
        assert "<b>" not in text
        assert "http-equiv" not in text
        assert "<script" not in text
    else:
        assert json.loads(text)["servers"]["this"]["protocol"] == "ws"


def test_every_method_describes_its_parameters_and_its_result_by_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert RESULTS.keys() == METHODS.keys() - collect(unavailable).keys() == AVAILABLE
    for method in METHODS:
        name = method.replace("/", "_")
        request = schemas[schema_name(method, "request")]
        [*answers, error] = document["operations"][name]["reply"]["messages"]
        assert error["$ref"].endswith("/error")
        assert len(answers) == (method in AVAILABLE)
        params = schema_name(method, "params") if method in AVAILABLE else "NoParams"
        assert request["properties"]["params"]["$ref"].endswith(f"/{params}")
        assert schemas[params]["type"] == "object"
        if method in AVAILABLE:
            answer = schemas[schema_name(method, "answer")]
            assert answer["properties"]["result"]["$ref"].endswith(f"/{schema_name(method, 'result')}")


@pytest.mark.parametrize(
    "method", sorted(name for name, method in METHODS.items() if method.described is not method.params)
)
def test_what_an_order_may_have_is_what_the_definitions_have(method: str) -> None:
    described = {field.name for field in msgspec.structs.fields(METHODS[method].described)}
    assert {name.removesuffix("?") for name in definition_of(method)} <= described


def definition_of(method: str) -> dict[str, Any]:
    params = TABLE["methods"][method]["params"]
    found: dict[str, Any] = TABLE["types"][params[1:]] if isinstance(params, str) else params
    return found
