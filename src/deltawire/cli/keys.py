"""`deltawire keys`."""

import base64
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from rich.text import Text

from deltawire.access.keys import Key
from deltawire.access.scopes import AREAS, READING, to_rights
from deltawire.cli.output import print_json
from deltawire.cli.tables import format_rows, make_console
from deltawire.errors import UsageError
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore

app = typer.Typer(
    name="keys", help="API keys with their rights, addresses and expiry dates.", no_args_is_help=True
)
ID_BYTES, SECRET_BYTES = 8, 32
MAIN = "main"
UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("add")
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the key; can be used as a user name.")
    ] = "",
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The account of the key, which must exist. [default: main]"),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            metavar="RIGHTS",
            help=f"Its rights: AREA:read or AREA:read_write, with AREA one of {', '.join(AREAS)}.",
        ),
    ] = " ".join(READING),
    expires: Annotated[
        str, typer.Option(metavar="SPAN", help="Lifetime, such as 12h or 30d; unlimited by default.")
    ] = "",
    address: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR", help="Network from which it may be used; can be repeated; any by default."
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Channels that it may subscribe to, such as 'book.BTC-*'; can be repeated; all by default.",
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="An Ed25519 public key (PEM): only this is stored, and no secret is created."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. Its secret is shown only now.

    Example: `deltawire keys add bot --scope "account:read trade:read_write" --expires 90d --address 10.0.0.0/8`
    """
    if name and not _NAME.fullmatch(name):
        raise UsageError(
            f"a name consists of up to 64 letters, digits, dots, dashes and underscores, not {name!r}"
        )
    now_ms = time.time_ns() // 1_000_000
    secret = secrets.token_urlsafe(SECRET_BYTES) if public_key is None else _public(public_key)
    key = Key(
        client_id=secrets.token_urlsafe(ID_BYTES).replace("-", "x").replace("_", "y"),
        kind="hmac" if public_key is None else "ed25519",
        secret=secret,
        account=_account(account),
        rights=_rights(scope),
        name=name,
        created_ms=now_ms,
        expires_ms=now_ms + _span_s(expires) * 1000 if expires else 0,
        addresses=tuple(_network(text) for text in address or []),
        channels=tuple(channel or []),
    )
    KeyStore().add(key)
    shown = {"client_id": key.client_id} | ({} if public_key else {"client_secret": secret})
    if as_json:
        print_json(shown)
        return
    for what, value in shown.items():
        print(f"{what:<14} {value}")
    if not public_key:
        print("The secret is not shown again.", file=sys.stderr)
    if (
        account is None
        and key.rights != READING
        and all(entry.name != MAIN for entry in AccountStore().read())
    ):
        print(
            f"the account {MAIN} does not exist; to create it: deltawire account add {MAIN}", file=sys.stderr
        )


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show all keys, without their secrets."""
    keys = KeyStore().read()
    if as_json:
        rows = [
            {name: value for name, value in msgspec.structs.asdict(key).items() if name != "secret"}
            for key in keys
        ]
        print_json(rows)
        return
    if not keys:
        print("no keys; to create one: deltawire keys add")
        return
    headings = ("client id", "name", "account", "kind", "scope", "expires", "addresses", "channels")
    cells = [[Text(cell) for cell in _row(key)] for key in keys]
    console = make_console()
    console.print(format_rows(console, headings, cells, wrapped=("scope", "addresses", "channels")))


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Client id or name of the key.")],
) -> None:
    """Remove a key. Running servers close its connections within a second.

    Example: `deltawire keys revoke bot`
    """
    revoked = KeyStore().revoke(key)
    print(f"revoked {revoked.client_id}{f' ({revoked.name})' if revoked.name else ''}")


def account_name(name: str) -> str:
    """Return the name if it is valid for an account; raises `UsageError` otherwise."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"an account name consists of up to 64 letters, digits, dots, dashes and underscores, not {name!r}"
        )
    return name


def _account(name: str | None) -> str:
    """The account of a key; without a name it is `main`, which need not exist for market data."""
    return MAIN if name is None else AccountStore().find(account_name(name)).name


def _rights(scope: str) -> tuple[str, ...]:
    try:
        to_rights(scope.split())
    except ValueError as error:
        raise UsageError(f"--scope: {error}") from error
    return tuple(scope.split())


def _span_s(text: str) -> int:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UsageError(f"--expires must be a number followed by m, h, d or w, such as 30d, not {text!r}")
    return int(match[1]) * UNITS_S[match[2]]


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise UsageError(f"--address must be an address or a network such as 10.0.0.0/8: {error}") from error


def _public(path: Path) -> str:
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} is not an Ed25519 public key in PEM (openssl pkey -in private.pem -pubout)")
    return base64.b64encode(key.public_bytes_raw()).decode()


def _row(key: Key) -> tuple[str, ...]:
    limits = (" ".join(key.addresses) or "any", " ".join(key.channels) or "any")
    return (key.client_id, key.name, key.account, key.kind, " ".join(key.rights), _expiry(key), *limits)


def _expiry(key: Key) -> str:
    if not key.expires_ms:
        return "never"
    when = datetime.fromtimestamp(key.expires_ms / 1000, UTC)
    return f"{when:%Y-%m-%d %H:%M}Z" + ("" if key.lives(time.time_ns()) else " (expired)")
