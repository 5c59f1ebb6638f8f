"""The tree keeps its shape: imports go left to right, the pure rooms stay pure, venues keep to their own files."""

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

import deltawire
from deltawire.venues import REGISTRY

ROOT = Path(deltawire.__file__).parent
ROOMS = [
    {"errors"},
    {"model"},
    {"access", "book", "wire", "options", "ports"},
    {"analytics"},
    {"market", "tables"},
    {"venues", "exchange"},
    {"agents"},
    {"dialect"},
    {"session"},
    {"fanout"},
    {"bus", "store", "recording", "journal"},
    {"gateway", "client", "sources"},
    {"roles"},
    {"sync"},
    {"config"},
    {"testing"},
    {"cli"},
    {"__main__"},
]
"""From left to right; a room imports from rooms further left only."""
INNER = [
    {"orders", "ports"},
    {"instruments"},
    {"pricing"},
    {"matching", "accounts"},
    {"exchange", "codec", "market_past", "network_conditions"},
    {"snapshots"},
    {"limits"},
]
"""The rooms of `exchange`, likewise; orders and ports are one, matching and accounts know nothing of each other."""
INNER_LEVELS = {room: level for level, rooms in enumerate(INNER) for room in rooms}
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
PURE = LEVELS["fanout"]
IMPURE = {
    "asyncio",
    "os",
    "random",
    "secrets",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
READS_ENVIRONMENT = {"book/kernel.py"}  # DELTAWIRE_PURE chooses the kernel when it is imported
VENUES = {name.partition("_")[0] for name in REGISTRY}
NAMED = {
    "book/checksums.py": {"kraken", "okx"},  # rules known by the venue that defined them
    "fanout/channels/books.py": {"deribit"},  # how the dialect groups prices
    "roles/recording.py": {"deribit"},  # as which a server of the dialect is recorded
    "dialect/families.py": {"deribit"},  # the dialect's channel names
}
"""Where a venue's name may stand in code outside its own file, and why."""
FILES = sorted(ROOT.rglob("*.py"))
TOP = Path(__file__).parents[1]
OUTSIDE = sorted(path for folder in ("bench", "fuzz", "tools") for path in (TOP / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    return name_of(path).partition("/")[0].removesuffix(".py")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a file is made of."""
    return [*ast.walk(ast.parse(path.read_text()))]


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Some millions of nodes, which every later collection of garbage would walk through, go with this file."""
    yield
    for kept in (nodes, words, written, fields):
        kept.cache_clear()


def imports(path: Path) -> Iterator[str]:
    """The full name of every module that a file imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)} imports relatively"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" if module == "deltawire" else module for alias in node.names)


@cache
def words(path: Path) -> frozenset[str]:
    """The words in a file's identifiers and strings; docstrings and comments may name whom they like."""
    return frozenset(_words(path))


def _words(path: Path) -> Iterator[str]:
    prose = {
        id(node.value)
        for node in nodes(path)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes(path):
        for field in ("id", "attr", "arg", "name", "module", "value"):
            text = getattr(node, field, None)
            if isinstance(text, str) and id(node) not in prose:
                yield from re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", text).lower())


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_stands_beside_the_package_imports_what_is_there(path: Path) -> None:
    """Fuzzers and benchmarks need what the tests' environment has not, so nothing else would tell."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "deltawire":
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                named = hasattr(module, alias.name) or find_spec(f"{node.module}.{alias.name}")
                assert named, f"{path.name} imports {alias.name} from {node.module}"


def test_every_room_has_its_place() -> None:
    assert {room_of(path) for path in FILES} - {"__init__"} <= {*LEVELS}


def test_imports_go_from_left_to_right() -> None:
    wrong = [
        f"{name_of(path)} imports {module}"
        for path in FILES
        if (room := room_of(path)) in LEVELS
        for module in imports(path)
        if (other := module.removeprefix("deltawire.").partition(".")[0]) in LEVELS
        and module.startswith("deltawire.")
        and other != room
        and LEVELS[other] >= LEVELS[room]
    ]
    assert wrong == []


EXCHANGE = [path for path in FILES if room_of(path) == "exchange" and path.parent != ROOT]


def inner_room_of(module: str) -> str:
    """Of `deltawire.exchange.matching.books`: matching."""
    return module.removeprefix("deltawire.exchange.").partition(".")[0]


@pytest.mark.parametrize("path", EXCHANGE, ids=name_of)
def test_imports_within_the_exchange_go_from_left_to_right(path: Path) -> None:
    room = inner_room_of("deltawire." + name_of(path).removesuffix(".py").replace("/", "."))
    if room == "__init__":
        return
    assert room in INNER_LEVELS
    for module in imports(path):
        other = inner_room_of(module)
        if not module.startswith("deltawire.exchange.") or other == room:
            continue
        together = {room, other} == {"orders", "ports"}
        assert together or INNER_LEVELS[other] < INNER_LEVELS[room], f"{name_of(path)} imports {module}"


TESTS = Path(__file__).parent


def test_no_folder_has_more_files_than_a_reader_can_look_through() -> None:
    folders = Counter(path.parent for path in (*FILES, *OUTSIDE, *TESTS.rglob("*.py")))
    assert {folder: count for folder, count in folders.items() if count >= 40} == {}


SHORT = 40
"""Lines; a shorter file that one other imports joins it."""
APART = {
    "exchange/accounts/what_if.py": "asked from outside the room, for what nothing inside needs",
    "options/variance.py": "a formula",
    "session/echo.py": "a protocol of its own",
    "session/rates.py": "methods of one subject",
    "wire/deltawire_pb2.py": "generated",
}
"""Short files with one importer that stay apart, and why."""


def test_short_files_with_one_importer_join_it() -> None:
    importers: dict[str, set[str]] = {}
    for path in FILES:
        for module in {*imports(path), *submodules(path)}:
            importers.setdefault(module, set()).add(name_of(path))
    short = {
        name_of(path)
        for path in FILES
        if len(path.read_text().splitlines()) < SHORT
        and path.name != "__init__.py"
        and len(importers.get(f"deltawire.{name_of(path)[:-3].replace('/', '.')}", ())) == 1
    }
    assert short == {*APART}


def submodules(path: Path) -> Iterator[str]:
    """Of `from deltawire.cli import config` deltawire.cli.config."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


NO_ROOMS = {"browser", "cases", "interop", "support"}
"""Folders of tests that mirror none of the source."""


def test_folders_of_tests_mirror_those_of_the_source() -> None:
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert {each for each in folders if each.partition("/")[0] not in NO_ROOMS} <= {
        path.parent.relative_to(ROOT).as_posix() for path in FILES
    }


def test_no_two_classes_of_the_tests_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("Test"):
                places.setdefault(node.name, []).append(f"{path.relative_to(TESTS)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_pure_rooms_know_no_clock_no_chance_and_no_wire() -> None:
    wrong = {}
    for path in FILES:
        if LEVELS.get(room_of(path), 0) <= PURE:
            allowed = {"os"} if name_of(path) in READS_ENVIRONMENT else set()
            wrong[name_of(path)] = {module.partition(".")[0] for module in imports(path)} & (IMPURE - allowed)
    assert {name: modules for name, modules in wrong.items() if modules} == {}


def reached_from(start: str) -> set[str]:
    """Every module of the package that the files whose names so begin import, and what those import, and so on."""
    by_module = {f"deltawire.{name_of(path)[:-3].replace('/', '.')}": path for path in FILES}
    reached: set[str] = set()
    waiting = [path for path in FILES if name_of(path).startswith(start)]
    while waiting:
        new = {module for module in imports(waiting.pop()) if module in by_module} - reached
        reached |= new
        waiting += [by_module[module] for module in new]
    return reached


def test_fanout_knows_no_exchange() -> None:
    """What channels say of accounts comes with events; nobody there could ask, not even by way of another room."""
    assert not {module for module in reached_from("fanout/") if module.split(".")[1] == "exchange"}
    assert not {
        module for module in reached_from("fanout/") if module.startswith("deltawire.session.private")
    }


def test_a_channels_name_is_read_without_exchange_session_or_fanout() -> None:
    """So whoever only parses names, as the Python client does, loads neither."""
    rooms = {module.split(".")[1] for module in reached_from("dialect/grammar")}
    assert rooms <= {"dialect", "wire", "model", "book", "errors", "analytics"}


@pytest.mark.parametrize("path", [p for p in FILES if "fanout/channels/" in name_of(p)], ids=name_of)
def test_channels_know_nothing_of_what_runs_them(path: Path) -> None:
    inside = {module.split(".")[2] for module in imports(path) if module.startswith("deltawire.fanout.")}
    assert inside <= {"channel", "channels", "subscribers"}


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) == "fanout"], ids=name_of)
def test_fanout_holds_no_exchange(path: Path) -> None:
    """Not under another name either: nothing there is called so, or typed as one."""
    assert not words(path) & {"exchange", "trading", "floor", "ledger"}


def test_a_venue_is_named_only_in_its_own_file_and_the_registry() -> None:
    wrong = {}
    for path in FILES:
        name = name_of(path)
        if room_of(path) != "testing" and name != "venues/__init__.py":
            own = {path.stem.partition("_")[0]} if name.startswith("venues/") else NAMED.get(name, set())
            wrong[name] = (words(path) & VENUES) - own
    assert {name: venues for name, venues in wrong.items() if venues} == {}


def test_the_exceptions_are_still_needed() -> None:
    for name, venues in NAMED.items():
        assert venues <= words(ROOT / name), f"{name} names {venues} no more"


class Owned(NamedTuple):
    """A class whose attributes another file may set: which, where, and why."""

    name: str
    writers: str
    why: str
    attributes: frozenset[str] = frozenset()
    """All that the class has, where none is named."""


def owned(name: str, writers: str, why: str, attributes: str = "") -> Owned:
    return Owned(name, writers, why, frozenset(attributes.split()))


OWNED = [
    owned(
        "sources/live/lane.py:_Link",
        "sources/live/lane.py",
        "what its lane knows of a socket",
        "heard_ns pinged_ns socket sending",
    ),
    owned("venues/live/joining.py:_Joint", "venues/live/joining.py", "one book of a joining", "joined"),
    owned(
        "venues/live/ledger.py:Entry",
        "venues/live/ledger.py",
        "a row of the ledger",
        "state since_ns attempts progress quiet",
    ),
    owned(
        "book/merging.py:ReaderCheckpoint", "book/merging.py", "counted by the list that it is in", "readers"
    ),
    owned(
        "book/sequencers.py:Sequencer", "book/book.py", "the compiled path has gone on to this number", "last"
    ),
    owned(
        "book/book.py:BookCounts", "venues/", "a connection refuses some messages before the book sees them"
    ),
    owned(
        "book/pure.py:Router",
        "venues/binance.py",
        "a call per frame from the first top to compare on",
        "took",
    ),
    owned("cli/verification.py:FaultReport", "cli/verification.py", "a row that is counted", "count"),
    owned("exchange/orders/orders.py:Order", "exchange/matching/", "slots that matching alone changes"),
    owned(
        "exchange/matching/levels.py:Level", "exchange/matching/levels.py", "slots of the side that it is in"
    ),
    owned(
        "exchange/matching/books.py:OrderBook",
        "exchange/matching/",
        "last prices and numbers; open or closed",
    ),
    owned("exchange/matching/matching_state.py:MatchingState", "exchange/matching/", "what its parts share"),
    owned(
        "exchange/matching/matching_state.py:MatchingState",
        "exchange/exchange.py",
        "begins and ends a record",
    ),
    owned(
        "exchange/matching/matching_state.py:MatchingState", "exchange/snapshots.py", "fills a new exchange"
    ),
    owned(
        "exchange/accounts/ledger.py:Account",
        "exchange/accounts/",
        "positions that closed; a model; a deposit",
    ),
    owned(
        "exchange/accounts/ledger.py:Wallet",
        "exchange/accounts/",
        "an amount, in every way in which it moves",
    ),
    owned("exchange/accounts/ledger.py:House", "exchange/accounts/", "the other side of these amounts"),
    owned(
        "exchange/accounts/ledger.py:Ledger", "exchange/accounts/subaccounts.py", "undoes a move", "houses"
    ),
    owned(
        "exchange/accounts/margining.py:Exposure", "exchange/accounts/margining.py", "a margin kept", "bought"
    ),
    owned("fanout/subscribers.py:Subscriber", "fanout/hub.py", "a record of the hub"),
    owned("fanout/subscribers.py:Subscriber", "fanout/subscribers.py", "which group it is in", "group"),
    owned(
        "market/state.py:InstrumentState",
        "market/market.py",
        "counted with every event, without a call",
        "events",
    ),
    owned("testing/replica.py:ReplicaBook", "testing/replica.py", "a row of the replica", "book known"),
    owned(
        "testing/simulators/market.py:Walk",
        "testing/simulators/",
        "numbers of messages and trades",
        "id trades",
    ),
]
"""Records that their owner changes; listeners and settings go into constructors."""
MESSAGE_FIELDS = """
timestamp_ms change_id image behind price_exponent size_exponent exponents_are_news checksum state reason detail
price_zeros size_zeros venue_ns seen_ns sent_ns complete_levels range_is_news bids_complete_to asks_complete_to
"""
FOREIGN = {
    "gateway/server.py": ({"_receive_buffer"}, "h11 has no other way to replace the reader of headers"),
    "testing/kernels.py": ({"COMPILED"}, "which kernel a module has chosen"),
    "wire/protobuf.py": (
        set(MESSAGE_FIELDS.split()),
        "a message of a generated class is filled in",
    ),
}
"""The same of what is no class of this package."""


@cache
def fields(name: str) -> frozenset[str]:
    """The attributes that a class declares, by `file:Class`: annotated, in slots, or set by its own methods."""
    file, _, named = name.partition(":")
    (definition,) = (
        node for node in nodes(ROOT / file) if isinstance(node, ast.ClassDef) and node.name == named
    )
    declared: set[str] = set()
    for node in ast.walk(definition):
        for target in targets(node):
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                declared.add(target.attr)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            declared.add(node.target.id)
    return frozenset(declared)


def excused(path: Path, attribute: str) -> list[str]:
    """Which exceptions allow a file to set an attribute."""
    name = name_of(path)
    records = [
        f"{record.name} in {record.writers}"
        for record in OWNED
        if name.startswith(record.writers) and attribute in (record.attributes or fields(record.name))
    ]
    return records + ([name] if attribute in FOREIGN.get(name, ((), ""))[0] else [])


@cache
def written(path: Path) -> list[tuple[str, str]]:
    """The attributes that a file sets on what it has not made: neither self, nor made by a call in that function or
    into that attribute of self. (Attribute, where.)"""
    return [*_written(path)]


def _written(path: Path) -> Iterator[tuple[str, str]]:
    own = {name for node in nodes(path) for name in made(node) if name.startswith("self.")}
    for function in nodes(path):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [*ast.walk(function)]
            set_here = [target for node in inside for target in targets(node)]
            known = {"self", "cls"} | own | {name for node in inside for name in made(node)}
            for target in set_here:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) not in known:
                    yield target.attr, f"line {target.lineno}: {ast.unparse(target)}"


def made(node: ast.AST) -> Iterator[str]:
    """What an assignment of a call's value names."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
        yield from map(ast.unparse, targets(node))


def targets(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement sets or deletes: of `a.b[0], c = …` a.b and c."""
    found: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    while found:
        target = found.pop()
        if isinstance(target, ast.Tuple | ast.List):
            found += target.elts
        elif isinstance(target, ast.Subscript | ast.Starred):
            found.append(target.value)
        else:
            yield target


def test_nobody_writes_into_the_fields_of_somebody_else() -> None:
    wrong = [
        f"{name_of(path)}, {where}"
        for path in FILES
        for attribute, where in written(path)
        if not excused(path, attribute)
    ]
    assert wrong == []


def test_the_exceptions_of_that_are_still_needed() -> None:
    used = {each for path in FILES for attribute, _ in written(path) for each in excused(path, attribute)}
    assert used == {f"{record.name} in {record.writers}" for record in OWNED} | {*FOREIGN}
    for record in OWNED:
        assert record.attributes <= fields(record.name), f"{record.name} has no such attribute"


MOST_POSITIONAL = 3
WIRED = {
    "book/pure.py:Router": "the compiled twin has the same",
    "exchange/accounts/liquidation.py:Liquidation": "a part of the accounts",
    "exchange/accounts/listing.py:Listings": "a part of the accounts",
    "exchange/accounts/margin_state.py:MarginState": "a part of the accounts",
    "exchange/accounts/subaccounts.py:Subaccounts": "a part of the accounts",
    "exchange/matching/quoting.py:Quoting": "a part of matching",
    "fanout/channel.py:Channel": "made in one place, of any class",
    "fanout/channel.py:InstrumentChannel": "made in one place, of any class",
    "fanout/channel_encoding.py:ChannelEncoding": "one per channel and encoding",
    "fanout/channels/trades.py:CandlesChannel": "made in one place, of any class",
    "fanout/channels/trades.py:KindTradesChannel": "made in one place, of any class",
    "market/state.py:InstrumentState": "one per instrument",
    "wire/notifications.py:JsonEncoder": "made in one place, of any class",
    "wire/protobuf.py:ProtoEncoder": "made in one place, of any class",
    "wire/rpc.py:BadRequest": "a record",
}
"""Constructors with more positional parameters, and why: parts that one place puts together."""


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def public_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions that the package exports, and the methods of the classes that it exports, with their names."""
    for name in deltawire.__all__:
        module = importlib.import_module(getattr(deltawire, name).__module__)
        for node in ast.iter_child_nodes(nodes(Path(module.__file__ or ""))[0]):
            if getattr(node, "name", "") != name:
                continue
            for part in [node, *node.body] if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{name}.{part.name}", part


def test_parameters_beyond_three_are_keyword_only_in_public_functions() -> None:
    functions = dict(public_functions())
    assert len(functions) > 50
    assert {"open.open", "replay.replay", "Subscription.collect"} <= {*functions}
    assert {name for name, function in functions.items() if positional(function) > MOST_POSITIONAL} == set()


def test_so_they_are_in_constructors() -> None:
    constructors = {
        f"{name_of(path)}:{node.name}": part
        for path in FILES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name == "__init__"
    }
    many = {name for name, function in constructors.items() if positional(function) > MOST_POSITIONAL}
    assert many == {*WIRED}


def test_every_place_that_contributing_names_is_there() -> None:
    text = (TOP / "CONTRIBUTING.md").read_text()
    table = text.partition("## Where things live")[2].partition("## ")[0]
    named = [place for place in re.findall(r"`([\w/.]+)`", table) if "/" in place]
    places = [place for place in named if not place.startswith(("docs/", "src/", "tests/"))]
    assert len(places) > 12
    assert [place for place in places if not (ROOT / place).exists()] == []
