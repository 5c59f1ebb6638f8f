"""What the README and the documents tell users to type works as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deltawire.cli.main import make_app
from tests.support.serving import Served, connected, serving
from tests.support.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {
    path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
LADDER_LINE = re.compile(r" *\d+ +(\d+\.\d) \| (\d+\.\d) +\d+")
ADDRESS = "127.0.0.1:8080"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exchange as `make demo` starts it for the first time."""
    with serving(environment={"DELTAWIRE_HOME": str(tmp_path_factory.mktemp("home"))}) as served:
        yield served


def first_lines(code: str, served: Served, count: int) -> list[str]:
    """What a program prints first, when the server is the one that it names."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code.replace(ADDRESS, served.http.removeprefix("http://"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        lines = [program.stdout.readline().rstrip("\n") for _ in range(count)]
        program.kill()
        assert all(lines), program.stderr.read()
        return lines


async def test_the_first_program_shows_a_ladder_and_then_items(served: Served) -> None:
    async with connected(served, "BTC-PERPETUAL"):
        pass
    head, *lines = first_lines(BLOCKS[0], served, 12)
    assert re.fullmatch(r"BTC-PERPETUAL  live  \d+\.\d s old  verified", head)
    ladder = [line for line in lines if LADDER_LINE.match(line)]
    (said,) = re.findall(r"buy \d+ @ (\d+\.\d)", BLOCKS[0])
    for bid, ask in (LADDER_LINE.match(line).groups() for line in ladder):  # type: ignore[union-attr]
        assert float(bid) < float(ask)
        assert abs(float(said) / float(bid) - 1) < 0.02, "the README's prices are those of the demo"
    items = lines[len(ladder) :]
    assert ladder
    assert items
    assert all(re.match(r"(Status|BookImage|BookDelta|Trade)\(deltawire:", line) for line in items)


PYTHON_PAGE = re.findall(r"```python\n(.*?)```", DOCUMENTS["python.md"], re.S)


def test_the_first_program_of_the_python_page_shows_prices() -> None:
    lines = first_lines(PYTHON_PAGE[0], Served("", "http://"), 2)
    assert all(re.fullmatch(r"\d+\.\d \d+\.\d|(buy|sell) \d+ \d+\.\d+", line) for line in lines)


@pytest.mark.parametrize("number", range(1, len(PYTHON_PAGE)))
def test_every_other_program_of_the_python_page_runs_to_its_end(number: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PYTHON_PAGE[number]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg", "MPLCONFIGDIR": str(tmp_path)},
        timeout=HANG_S,
    )
    assert not done.stderr
    assert done.stdout


async def test_an_unmodified_ccxt_reads_the_book(served: Served) -> None:
    async with connected(served, "BTC-PERPETUAL"):
        pass
    use = (
        "\nimport asyncio\nasync def use():\n"
        "    book = await exchange.watch_order_book('BTC/USD:BTC')\n"
        "    print(book['bids'][0][0], book['asks'][0][0])\n"
        "    await exchange.close()\n"
        "asyncio.run(use())\n"
    )
    (line,) = first_lines(BLOCKS[1] + use, served, 1)
    bid, ask = map(float, line.split())
    assert 0 < bid < ask


def typed() -> list[str]:
    """Every command of ours that a document shows, without its comment."""
    found = set[str]()
    for text in DOCUMENTS.values():
        fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M)
        blocks = [block for language, block in fenced if language in ("", "sh")]
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(
            r"`((?:\.venv/bin/)?deltawire [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.S)
        )
        found |= {line.partition("#")[0].strip() for line in lines}
    return sorted(
        line for line in found if re.match(r"(\.venv/bin/)?deltawire [a-z-]", line) and "\\" not in line
    )


@pytest.mark.parametrize("line", typed())
def test_every_command_that_is_shown_is_one(line: str) -> None:
    arguments = [word for word in shlex.split(line)[1:] if word != "…"]
    command: Any = typer.main.get_command(make_app())
    while hasattr(command, "commands") and not arguments[0].startswith("--"):
        name = arguments.pop(0)
        assert name in command.commands, f"no command {name}"
        command = command.commands[name]
    if arguments and arguments != ["--version"]:  # without any it is the command's name in a sentence
        command.make_context(command.name, arguments)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_make_target_that_is_shown_is_one(name: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    shown = re.findall(r"`make ([a-z0-9-]+)[^`]*`", DOCUMENTS[name])
    shown += re.findall(r"^make ([a-z0-9-]+)", DOCUMENTS[name], re.M)
    assert set(shown) <= targets


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_link_into_the_checkout_leads_somewhere(name: str) -> None:
    place = ROOT if name == "README.md" else ROOT / "docs"
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", DOCUMENTS[name]):
        if "://" not in target:
            assert (place / target).exists(), target


def test_nothing_is_promised_that_is_not_published() -> None:
    for name, text in DOCUMENTS.items():
        assert "pip install deltawire" not in text, name


def test_the_shown_commands_start_as_they_stand(tmp_path: Path) -> None:
    """`account add`, `account deposit` and keys, in the order of the documents."""
    environment = os.environ | {"DELTAWIRE_HOME": str(tmp_path / "home")}
    for line in (
        "account add bot --deposit BTC=10 --deposit USDC=100000",
        "account deposit bot BTC=1",
        "keys add --account bot",
        "account add main --deposit BTC=10",
        'keys add bot --account main --scope "account:read trade:read_write" --expires 90d --address 10.0.0.0/8',
        "keys list",
        "keys revoke bot",
    ):
        assert any(f"deltawire {line}" in text for text in DOCUMENTS.values()), line
        command = [sys.executable, "-m", "deltawire", *shlex.split(line)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
