"""`config check` refuses what `serve --config` would refuse, in the same words."""

import os
import socket
from pathlib import Path

import pytest

from deltawire.store.certificates import self_signed
from tests.support.commands import Command, run
from tests.support.trade_recordings import deribit_tape

Capture = pytest.CaptureFixture[str]
BAD = [
    # the file itself
    ("speed = ", "Invalid value"),
    ("sped = 1", "unknown field `sped`"),
    ("[limits]\nunsent = 1", "limits: Object contains unknown field `unsent`"),
    ("[limits]\nrequest_timeout = 1e300", "limits.request_timeout: must be at most "),
    ("[limits]\nsubscriptions = 0", "limits.subscriptions: must be above 0"),
    ("[listen]\nport = 70000", "listen.port: from 0 to 65535"),
    ('[listen]\nhost = "no-such-host.invalid"', "'no-such-host.invalid' is no address of this machine"),
    ('[listen]\nhost = "192.0.2.1"\nport = 0', "'192.0.2.1' is no address of this machine"),
    ('[access]\naddresses = ["nowhere"]', "access.addresses[0]: 'nowhere' does not appear"),
    ('[access]\nmetrics = ["10.0.0.0/99"]', "access.metrics[0]: '10.0.0.0/99' does not appear"),
    # time
    ("speed = 1e300", "speed: a number from 0.000001 to 1000000, or max"),
    ("speed = 1e-300", "speed: a number from 0.000001 to 1000000, or max"),
    ('speed = "max"', "--speed max applies to recordings"),
    ("loop = true", "--loop applies to recordings"),
    # the exchange
    ('[exchange]\nlatency = "far"', "far"),
    ("[exchange]\ndrop = 1.0", "--drop"),
    ("[exchange]\ndrop = nan", "--drop"),
    ('[exchange]\nfaults = ["halt"]', "halt"),
    ('[exchange]\nseed = "x"', "exchange.seed: Expected `int`"),
    # recordings
    ('[[replay]]\nfile = "nowhere.gz"\nvenue = "okx"', "no such file: nowhere.gz"),
    ('[[replay]]\nfile = "folder"\nvenue = "okx"', "folder: no recording in it"),
    ('[[replay]]\nfile = "noise"\nvenue = "okx"', "noise: line 1: "),
    ('[[replay]]\nfile = "empty"\nvenue = "okx"', "empty: line 1: "),
    ('[[replay]]\nfile = "tape"\nvenue = "nasdaq"', "replay[0].venue: unknown venue 'nasdaq'"),
    ('[[replay]]\nfile = "tape"\nvenue = "deribit"\n' * 2, "replay[1].venue: deribit is already served"),
    # certificates
    ('[tls]\ncertificate = "nowhere.pem"', "no such file: nowhere.pem"),
    ('[tls]\ncertificate = "noise"', "noise and noise are not a certificate and its key"),
    (
        '[tls]\ncertificate = "one.pem"\nkey = "other.pem"',
        "one.pem and other.pem are not a certificate and its",
    ),
    ('[tls]\nkey = "one.pem"', "tls.key: needs tls.certificate"),
    (
        '[tls]\ncertificate = "one.pem"\nself_signed = true',
        "tls.self_signed: cannot be combined with tls.certificate",
    ),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are that the configurations name."""
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise").write_text("no recording\n")
    (tmp_path / "noise").chmod(0o600)
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    deribit_tape(tmp_path / "tape")
    for name in ("one", "other"):
        self_signed(tmp_path / name, "localhost").rename(tmp_path / f"{name}.pem")
    return tmp_path


def refused_alike(capsys: Capture, text: str) -> str:
    """The line with which both commands refuse a configuration."""
    Path("deltawire.toml").write_text(text)
    checked = run(capsys, "config", "check", "deltawire.toml")
    served = run(capsys, "serve", "--config", "deltawire.toml")
    assert (checked.code, checked.out, checked.err.count("\n")) == (2, "", 1), checked
    assert (served.code, served.err) == (2, checked.err), served
    return checked.err


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_serve_refuses_is_refused_in_the_same_words(capsys: Capture, text: str, words: str) -> None:
    assert words in refused_alike(capsys, text)
    assert not Path("home").exists(), "looking at a configuration writes nothing"


@pytest.mark.parametrize("text", ["", "[tls]\nself_signed = true"])
@pytest.mark.parametrize("folder", ["noise", "noise/below"])
def test_a_home_that_cannot_be_is_refused(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, place: Path, text: str, folder: str
) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(place / folder))
    assert f"{place / 'noise'} is not a folder; set DELTAWIRE_HOME" in refused_alike(capsys, text)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_may_not_be_written_is_refused(capsys: Capture, place: Path) -> None:
    (place / "home").mkdir(mode=0o500)
    assert f"cannot write into {place / 'home'}" in refused_alike(capsys, "")


@pytest.mark.parametrize("name", ["accounts.json", "keys.json"])
def test_a_home_with_damage_is_refused(capsys: Capture, place: Path, name: str) -> None:
    (place / "home").mkdir(mode=0o700)
    damaged = place / "home" / name
    damaged.touch(mode=0o600)
    damaged.write_text("[{")
    assert f"{name} is damaged" in refused_alike(capsys, "")


def test_a_certificate_of_our_own_that_others_can_read_is_refused(capsys: Capture, place: Path) -> None:
    self_signed(place / "home", "localhost").chmod(0o644)
    assert "self-signed.pem can be read by other users" in refused_alike(capsys, "[tls]\nself_signed = true")


def test_what_a_running_server_holds_is_not_held_against_its_configuration(
    capsys: Capture, place: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    file = place / "deltawire.toml"
    file.write_text(f"[listen]\nport = {port}\n[tls]\nself_signed = true\n")
    with Command("serve", "--config", file, DELTAWIRE_HOME=str(place / "home")) as server:
        server.out.until("trade")
        assert run(capsys, "config", "check", file).out == f"{file} is valid\n"


def test_a_busy_port_is_told_before_the_journal_is_opened(capsys: Capture, place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run(capsys, "serve", "--port", port)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another port" in outcome.err
    assert not (place / "home").exists()
