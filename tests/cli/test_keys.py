"""`deltawire keys`: add, list, revoke."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deltawire.store.keys import KeyStore
from tests.support.commands import run, run_in_terminal
from tests.support.credentials import ALICE, BOB, PRIVATE


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTAWIRE_HOME", str(tmp_path / "home"))


Capsys = pytest.CaptureFixture[str]


def test_a_key_is_added_shown_without_its_secret_and_revoked(capsys: Capsys) -> None:
    made = json.loads(
        run(
            capsys,
            "keys",
            "add",
            "bot",
            "--scope",
            "trade:read_write",
            "--expires",
            "30d",
            "--address",
            "10.1.2.3/8",
            "--json",
        ).out
    )
    assert sorted(made) == ["client_id", "client_secret"]
    assert len(made["client_secret"]) >= 43
    (key,) = KeyStore().read()
    assert (key.secret, key.rights, key.addresses) == (
        made["client_secret"],
        ("trade:read_write",),
        ("10.0.0.0/8",),
    )
    assert key.expires_ms - key.created_ms == 30 * 86_400_000
    for options in ([], ["--json"]):
        shown = run(capsys, "keys", "list", *options).out
        assert made["client_id"] in shown
        assert made["client_secret"] not in shown
    assert run(capsys, "keys", "revoke", "bot").out == f"revoked {made['client_id']} (bot)\n"
    assert "no keys" in run(capsys, "keys", "list").out


def test_a_key_may_read_and_no_more_unless_told(capsys: Capsys) -> None:
    outcome = run(capsys, "keys", "add")
    assert outcome.err == "The secret is not shown again.\n"
    (key,) = KeyStore().read()
    assert all(right.endswith(":read") for right in key.rights)
    assert stat.S_IMODE(KeyStore().path.stat().st_mode) == 0o600


def test_of_an_ed25519_pair_only_the_public_half_is_stored(capsys: Capsys, tmp_path: Path) -> None:
    pem = tmp_path / "public.pem"
    pem.write_bytes(PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    made = json.loads(run(capsys, "keys", "add", "--public-key", pem, "--json").out)
    assert sorted(made) == ["client_id"]
    (key,) = KeyStore().read()
    assert (key.kind, key.secret) == ("ed25519", BOB.secret)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scope", "trade:write"], "--scope: unknown right 'trade:write'"),
        (["--expires", "soon"], "--expires must be a number followed by m, h, d or w"),
        (["--address", "10.0.0.0/99"], "--address must be an address or a network"),
        (["--account", "a b"], "an account name consists of up to 64 letters"),
        (["a\nb"], "a name consists of up to 64 letters"),
        (["--public-key", "/nowhere.pem"], "cannot read /nowhere.pem: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(capsys: Capsys, options: list[str], words: str) -> None:
    outcome = run(capsys, "keys", "add", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert words in outcome.err


@pytest.mark.parametrize("kind", ["other", "noise"])
def test_another_kind_of_key_is_refused(capsys: Capsys, tmp_path: Path, kind: str) -> None:
    pem, key = tmp_path / "public.pem", X25519PrivateKey.generate().public_key()
    other = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem.write_bytes(other if kind == "other" else b"noise")
    assert "is not an Ed25519 public key" in run(capsys, "keys", "add", "--public-key", pem).err


def test_a_key_that_is_not_there_cannot_be_revoked(capsys: Capsys) -> None:
    outcome = run(capsys, "keys", "revoke", "nobody")
    assert (outcome.code, outcome.err) == (2, "deltawire: no key 'nobody': see deltawire keys list\n")


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_the_list_is_whole_however_narrow_the_terminal(columns: int) -> None:
    KeyStore().add(ALICE)
    shown = run_in_terminal("keys", "list", columns=columns).out
    assert {"alice-id", "alice-bot", "account:read", "trade:read_write"} <= set(
        shown.replace(",", " ").split()
    )
    assert ALICE.secret not in shown
    assert "…" not in shown
