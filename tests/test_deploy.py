"""What `deploy/` has is held to the programs that it names: commands, units, configuration, rules, metrics."""

import ast
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

from deltawire.cli.main import make_app
from tests.support.bus.nats_server import PROGRAM
from tests.support.serving import serving

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/deltawire.json").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FAMILIES = {
    "GaugeMetricFamily": ("",),
    "_gauge": ("",),
    "CounterMetricFamily": ("_total",),
    "_counter": ("_total",),
    "HistogramMetricFamily": ("_bucket", "_sum", "_count"),
}
"""What makes metrics, and how their names end then."""


def program(name: str) -> str:
    """A program of another package; without it the test is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} here")
    return path


def parse(arguments: list[str]) -> None:
    """Our command line takes these arguments."""
    command: Any = typer.main.get_command(make_app())
    name, *rest = arguments
    assert name in command.commands, f"no command {name}"
    command.commands[name].make_context(name, rest)


@cache
def metrics() -> frozenset[str]:
    """The names of all series that the code can make."""
    names: set[str] = set()
    for file in (ROOT / "src/deltawire").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            first = node.args[0]
            if node.func.id in FAMILIES and isinstance(first, ast.Constant):
                stem = f"deltawire_{str(first.value).removeprefix('deltawire_')}"
                names |= {stem + end for end in FAMILIES[node.func.id]}
    return frozenset(names)


def named(expression: str) -> set[str]:
    """The metrics of ours that an expression names."""
    return set(re.findall(r"\bdeltawire_\w+", expression))


def expressions() -> list[str]:
    found = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
    found += [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return found + [each["query"] for each in DASHBOARD["templating"]["list"] if "(" in each["query"]]


def test_a_server_has_exactly_metrics_that_the_code_names() -> None:
    with (
        serving(command=["serve"]) as served,
        urllib.request.urlopen(f"{served.http}/metrics") as answer,
    ):
        text = answer.read().decode()
    found = {match[1] for match in re.finditer(r"^(deltawire_\w+)[ {]", text, re.M)}
    assert {"deltawire_journal_sync_seconds_bucket", "deltawire_exchange_orders_total"} <= found
    assert found - {name for name in found if name.endswith("_created")} <= metrics()


@pytest.mark.parametrize("expression", expressions())
def test_every_expression_names_metrics_that_there_are(expression: str) -> None:
    if "up{" not in expression:
        assert named(expression)
    assert named(expression) <= metrics()


def test_every_metric_of_ours_is_in_the_documentation() -> None:
    text = (ROOT / "docs/operate.md").read_text()
    stems = {re.sub(r"_(bucket|sum|count)$", "", name).removeprefix("deltawire_") for name in metrics()}
    assert {stem for stem in stems if f"`{stem}`" not in text} == set()


def test_the_dashboard_is_what_its_program_writes() -> None:
    assert generator("grafana").text() == (DEPLOY / "grafana/dashboards/deltawire.json").read_text()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len({*ids}) == len(ids)


def generator(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_prometheus_takes_the_rules_and_they_fire_when_they_should() -> None:
    promtool, folder = program("promtool"), DEPLOY / "prometheus"
    for arguments in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_metrics_of_a_server() -> None:
    promtool = program("promtool")
    with serving(command=["serve"]) as served, urllib.request.urlopen(f"{served.http}/metrics") as answer:
        text = answer.read()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", [name for name, service in COMPOSE["services"].items() if service["image"] == "deltawire"]
)
def test_every_command_of_the_compose_file_is_one(name: str) -> None:
    parse(COMPOSE["services"][name]["command"])


def test_the_compose_file_holds_together() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    for name, service in services.items():
        assert ":latest" not in service["image"], name
        for needed in service.get("depends_on", ()):
            assert needed in services
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in volumes or (DEPLOY / source).exists(), volume
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "nothing is open to the network by itself"
    targets = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    hosts = {
        target.partition(":")[0]
        for job in targets
        for each in job["static_configs"]
        for target in each["targets"]
    }
    assert hosts <= services.keys()
    assert hosts == {name for name, service in services.items() if "8080" in str(service.get("ports"))}


def test_the_image_runs_without_rights_from_the_wheel() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    last = stages[-1]
    assert re.search(r"^USER 10001$", last, re.M)
    assert "apt-get" not in last
    assert "--require-hashes" in text
    for stage in stages:
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", stage, re.M):
            for source in sources.split():
                assert source == "." or (ROOT / source).exists(), source
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", last, re.M)
    (command,) = re.findall(r"^CMD (.*)$", last, re.M)
    assert json.loads(entry) == ["deltawire"]
    parse(json.loads(command))


def unit_commands() -> list[str]:
    found = []
    for unit in UNITS:
        lines = re.findall(r"^Exec\w+=-?(.*)$", unit.read_text(), re.M)
        found += [line.replace("%i", "8080") for line in lines if "nats-server" not in line]
    return sorted({*found})


@pytest.mark.parametrize("line", unit_commands())
def test_every_command_of_a_unit_is_one(line: str) -> None:
    path, *arguments = shlex.split(line)
    assert path == "/opt/deltawire/bin/deltawire"
    parse(arguments)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/deltawire/bin/deltawire", sys.executable)
        text = text.replace("/opt/deltawire/bin/nats-server", sys.executable)
        text = text.replace("User=deltawire", "User=root").replace("Group=deltawire", "Group=root")
        (tmp_path / unit.name.replace("@.", "@8080.")).write_text(text)
    units = sorted(tmp_path.glob("*.service"))
    command = [analyze, "verify", "--man=no", "--recursive-errors=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "deltawire" in line]
    assert complaints == []
    assert done.returncode == 0, done.stderr


def test_nats_takes_its_configuration(tmp_path: Path) -> None:
    if PROGRAM is None:
        pytest.skip("no nats-server here")
    text = (DEPLOY / "nats.conf").read_text()
    assert "sync_interval: always" in text
    file = tmp_path / "nats.conf"
    file.write_text(text.replace('"/data"', f'"{tmp_path}"'))
    done = subprocess.run([PROGRAM, "-t", "-c", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
