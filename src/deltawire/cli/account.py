"""`deltawire account`."""

import secrets
import sys
import time
from typing import Annotated

import typer

from deltawire.access.keys import Key
from deltawire.access.scopes import EVERYTHING
from deltawire.cli.keys import ID_BYTES, SECRET_BYTES, AsJson, account_name
from deltawire.cli.output import print_json
from deltawire.errors import PrecisionError, UsageError
from deltawire.exchange.accounts.listing import Listings
from deltawire.exchange.instruments.contracts import DECIMALS
from deltawire.model.numbers import format_decimal, parse_decimal
from deltawire.store.accounts import MOST_UNITS, AccountStore
from deltawire.store.keys import KeyStore

app = typer.Typer(
    name="account",
    help="Accounts of the built-in exchange and their deposits.",
    no_args_is_help=True,
)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new account.")],
    deposit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COIN=AMOUNT", help="First deposit, such as BTC=10; can be repeated, once for each coin."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an account, and a key with all rights for it. The secret is shown only now.

    A running server reads it within a second, a stopped one at its next start.

    Example: `deltawire account add bot --deposit BTC=10 --deposit USDC=100000`
    """
    deposits = _deposits(deposit or [])
    entry = AccountStore().add(account_name(name), deposits)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = Key(
        client_id=secrets.token_urlsafe(ID_BYTES).replace("-", "x").replace("_", "y"),
        kind="hmac",
        secret=secret,
        account=entry.name,
        rights=EVERYTHING,
        created_ms=time.time_ns() // 1_000_000,
    )
    KeyStore().add(key)
    shown = {"account": entry.name, "client_id": key.client_id, "client_secret": secret}
    if as_json:
        print_json(shown)
        return
    for what, value in shown.items():
        print(f"{what:<14} {value}")
    print("The secret is not shown again.", file=sys.stderr)


@app.command("deposit")
def deposit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account.")],
    amounts: Annotated[
        list[str], typer.Argument(metavar="COIN=AMOUNT", help="Coin and amount, such as BTC=1.")
    ],
    as_json: AsJson = False,
) -> None:
    """Add money to an account; every call is a separate deposit, made exactly once.

    A running server makes it within a second, a stopped one at its next start.

    Example: `deltawire account deposit bot BTC=1 USDC=5000`
    """
    deposits = _deposits(amounts, "a deposit")
    entry = AccountStore().deposit(name, deposits)
    total = {coin: format_decimal(units, -DECIMALS) for coin, units in entry.total().items()}
    if as_json:
        print_json({"account": entry.name, "deposits": total})
        return
    for coin, units in deposits.items():
        print(
            f"{entry.name}: deposited {format_decimal(units, -DECIMALS)} {coin}, {total[coin]} {coin} in total"
        )


@app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """Show all accounts and the sum of the deposits to each."""
    entries = AccountStore().read()
    rows = [
        {
            "account": entry.name,
            "deposits": {coin: format_decimal(units, -DECIMALS) for coin, units in entry.total().items()},
        }
        for entry in entries
    ]
    if as_json:
        print_json(rows)
        return
    for entry in entries:
        money = ", ".join(
            f"{format_decimal(units, -DECIMALS)} {coin}" for coin, units in entry.total().items()
        )
        print(f"{entry.name:<20} {money or 'nothing'}")
    if not entries:
        print("no accounts: deltawire account add NAME --deposit BTC=10")


def _deposits(texts: list[str], what: str = "--deposit") -> dict[str, int]:
    """Parse amounts to smallest units by currency."""
    currencies, deposits = sorted(Listings.currencies()), dict[str, int]()
    for text in texts:
        coin, equals, amount = text.partition("=")
        coin = coin.strip().upper()
        if not equals or coin not in currencies:
            raise UsageError(
                f"{what} must be COIN=AMOUNT with COIN one of {', '.join(currencies)}, not {text!r}"
            )
        if coin in deposits:
            raise UsageError(f"{what} of {coin} is given twice: give the total once, {coin}=AMOUNT")
        deposits[coin] = _units(amount.strip(), text, what)
    return deposits


def _units(amount: str, text: str, what: str) -> int:
    try:
        units = parse_decimal(amount, -DECIMALS)
    except PrecisionError:
        units = 0
    if not 0 < units < MOST_UNITS:
        most = f"above 0 and below {MOST_UNITS // 10**DECIMALS}"
        raise UsageError(f"{what} needs an amount {most}, with up to {DECIMALS} decimals, not {text!r}")
    return units
