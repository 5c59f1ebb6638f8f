"""The configuration file: what is good, and one line with file and key for everything that is not."""

import re
import tomllib
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.config import RENAMED, Config, Live, Replay, load_config
from deltawire.errors import UsageError
from tests.support.commands import run
from tests.support.trade_recordings import deribit_tape

GOOD = """
speed = "max"
loop = true
[listen]
host = "::1"
port = 0
[tls]
self_signed = true
[[replay]]
file = "a.gz"
venue = "deribit"
[access]
private_only = true
addresses = ["10.0.0.0/8", "::1"]
origins = ["https://desk.example.com", "http://localhost:3000"]
[limits]
connections_per_address = 5
request_timeout = 2
[credits]
request = 100
[logins]
free = 0
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "deltawire.toml"
    path.write_text(text)
    return path


def test_a_good_file_says_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    deribit_tape(tmp_path / "a.gz")
    path = written(tmp_path, GOOD)
    config = load_config(path)
    assert (config.speed, config.loop, config.listen.host, config.replay[0].venue) == (
        "max",
        True,
        "::1",
        "deribit",
    )
    assert (config.limits.connections_per_address, config.limits.request_timeout) == (5, 2.0)
    assert (config.credits.request, config.credits.pool, config.logins.free) == (100, 50_000, 0)
    assert run(capsys, "config", "check", path).out == f"{path} is valid\n"


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "")) == Config()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("speed = ", "Invalid value (at end of document)"),
        ("sped = 1", "Object contains unknown field `sped`; did you mean speed?"),
        ("ping_interval = 1", "Object contains unknown field `ping_interval`; it belongs in [limits]"),
        (
            "[limits]\nping_intervall = 1",
            "limits: Object contains unknown field `ping_intervall`; did you mean ping_interval?",
        ),
        ("[limits]\nzzz = 1", "limits: Object contains unknown field `zzz`\n"),
        ("[limits]\nunsent = 1", "limits: Object contains unknown field `unsent`"),
        ('[limits]\nsubscriptions = "many"', "limits.subscriptions: Expected `int`, got `str`"),
        ("[limits]\nping_timeout = 0", "limits.ping_timeout: must be above 0, not 0.0"),
        ("[limits]\nping_interval = nan", "limits.ping_interval: must be above 0, not nan"),
        (
            "[limits]\nconnections_per_address = -1",
            "limits.connections_per_address: must be above 0, not -1",
        ),
        ("[credits]\nrefill = 0", "credits.refill: must be above 0, not 0"),
        ("[logins]\nlongest_s = inf", "logins.longest_s: must be above 0, not inf"),
        ("[listen]\nport = 70000", "listen.port: from 0 to 65535"),
        ("speed = 0.0", "speed: a number from 0.000001 to 1000000, or max"),
        ('speed = "fast"', "speed: a number from 0.000001 to 1000000, or max"),
        ('[[replay]]\nfile = "a"', "replay[0]: Object missing required field `venue`"),
        ('[access]\naddresses = ["10.0.0.0/99"]', "access.addresses[0]: '10.0.0.0/99' does not appear to be"),
        ('[access]\norigins = ["https://a.b/"]', "access.origins[0]: must be https://host"),
        ('[bus]\nurl = "localhost:4222"', "bus.url: must be nats://host:port or tls://host:port, not"),
        ("[bus]\nstale_after = 0.0", "bus.stale_after: must be at least 0.1, not 0.0"),
        ('[access]\norigins = ["*"]', "access.origins[0]: must be https://host"),
        ('[tls]\nkey = "k.pem"', "tls.key: needs tls.certificate"),
        (
            '[tls]\ncertificate = "c"\nself_signed = true',
            "tls.self_signed: cannot be combined with tls.certificate",
        ),
        (
            '[[replay]]\nfile = "a"\nvenue = "nowhere"',
            "replay[0].venue: unknown venue 'nowhere': must be one of ",
        ),
        ('[[replay]]\nfile = "a"\nvenue = "okx"\n' * 2, "replay[1].venue: okx is already served"),
        ('[[live]]\nvenue = "nowhere"', "live[0].venue: unknown venue 'nowhere': must be one of "),
        ('[[live]]\nvenue = "okx"\n' * 2, "live[1].venue: okx is already served"),
        ('[[live]]\nvenue = "okx"\ninstruments = []', 'live[0].instruments: is empty: ["*"] means all'),
        (
            '[[live]]\nvenue = "okx"\nendpoints = ["127.0.0.1"]',
            "live[0].endpoints: an endpoint is ws://HOST:PORT, wss://, http:// or https://, not '127.0.0.1'",
        ),
        ('[[live]]\nvenue = "okx"\ntopics = ["books"]', "live[0].topics[0]: Invalid enum value 'books'"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    path = written(tmp_path, text)
    outcome = run(capsys, "config", "check", path)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"deltawire: {path}: {line}")


def test_a_certificate_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, '[tls]\ncertificate = "/nowhere.pem"')
    assert "no such file: /nowhere.pem" in run(capsys, "config", "check", path).err


def test_a_recording_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, '[[replay]]\nfile = "/nowhere.gz"\nvenue = "okx"')
    outcome = run(capsys, "config", "check", path)
    assert (outcome.code, outcome.err) == (2, "deltawire: no such file: /nowhere.gz\n")


@pytest.mark.parametrize(
    ("table", "old", "new"), [(table, *names) for table in RENAMED for names in RENAMED[table].items()]
)
def test_a_key_of_an_older_version_tells_its_new_name(tmp_path: Path, table: str, old: str, new: str) -> None:
    path = tmp_path / "deltawire.toml"
    path.write_text(f"[{table}]\n{old} = 1\n")
    with pytest.raises(UsageError, match=f"^{re.escape(str(path))}: {table}.{old}: is now called {new}$"):
        load_config(path)
    path.write_text(f"[{table}]\n{new} = 1\n")
    load_config(path)


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(capsys, "config", "check", tmp_path / name).err.startswith("deltawire: cannot read ")


@given(st.text(max_size=60))
def test_no_text_makes_anything_but_a_configuration_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(UsageError):
        assert isinstance(load_config(path), Config)


def test_the_documentation_shows_every_key_with_its_default(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "operate.md").read_text()
    block = text.partition("```toml\n")[2].partition("```")[0].replace("# connections_per", "connections_per")
    shown = tomllib.loads(block)
    assert shown["limits"].pop("connections_per_address") == 64
    defaults = msgspec.json.decode(msgspec.json.encode(Config()))
    assert defaults["limits"].pop("connections_per_address") is None
    assert {key for entry in shown.pop("replay") for key in entry} == {*Replay.__struct_fields__}
    assert {key for entry in shown.pop("live") for key in entry} == {*Live.__struct_fields__}
    del defaults["replay"], defaults["live"]
    assert shown == defaults
