"""typed-deribit, which validates every answer and every notification against its own types, on the exchange."""

import asyncio
import inspect
import types
import typing
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.support.served_exchange import Account, ServedExchange
from tests.support.waiting import HANG_S

pytest.importorskip("typed_deribit")

from typed_core.exceptions import ApiError, ValidationError
from typed_deribit import Deribit
from typed_deribit.core.transport import http, ws

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "BTC-PERPETUAL"
UNAVAILABLE, UNKNOWN, NOT_FOUND = 13503, -32601, 13020
REFUSED = {
    # Newer than Deribit's documents of which the server has every method.
    "account.delete_member": UNKNOWN,
    "account.get_currencies": UNKNOWN,
    "account.get_members": UNKNOWN,
    "account.set_member": UNKNOWN,
    "block_trade.get_broker_clients": UNKNOWN,
    # It asks for what is not done: the accounts of one owner are not held apart.
    "account.set_self_trading_config": 10033,
    # There is nothing of the kind.
    "trading.mass_quote": 13040,
    "trading.move_positions": NOT_FOUND,
    "trading.reset_mmp": NOT_FOUND,
}
"""Methods that end in an error, beside those that are unavailable, and its code."""
INVALID = {
    # Its types are of answers that Deribit's definitions do not have.
    "account.get_access_log": "GetAccessLogResult",
    "account.get_access_log_paged": "GetAccessLogResult",
    "market_data.get_supported_index_names": "Input should be a valid string",
    "trading.get_margins": "buy_taker_fee",
    # A secret is shown once.
    "account.list_api_keys": "client_secret",
}
"""Methods whose answers it finds invalid, and what it names."""
RARE = {
    "announcements",
    "block_trade_confirmations",
    "block_trade_confirmations_by_currency",
    "maker",
    "maker_quotes",
    "taker",
    "trades",
    "instrument_creation",
    "instrument_state",
    "platform_state",
    "platform_state_public_methods",
    "access_log",
    "lock",
    "mmp_trigger",
    "combo_trades_by_instrument",
    "combo_trades_by_kind_currency",
}
"""Channels that only say what does not happen here while a test waits."""


def endpoints(section: type, prefix: str) -> list[str]:
    """The dotted names of the methods, or of the channels, below a section of the client."""
    found = []
    for name, attribute in inspect.getmembers_static(section):
        if hasattr(attribute, "func"):
            found += endpoints(typing.get_type_hints(attribute.func)["return"], f"{prefix}{name}.")
        elif _is_call(name, attribute):
            found.append(f"{prefix}{name}")
    return found


def _is_call(name: str, attribute: object) -> bool:
    if name.startswith("_") or name in {"request", "subscribe"} or not inspect.isfunction(attribute):
        return False
    return "validate" in inspect.signature(attribute).parameters


ENDPOINTS = endpoints(Deribit, "")
METHODS = [name for name in ENDPOINTS if not name.startswith("streams.") and name != "auth.logout"]
CHANNELS = [name for name in ENDPOINTS if name.startswith("streams.")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(secure_exchange: ServedExchange, secure_account: Account) -> AsyncIterator[Any]:
    """The client as its README makes it, its addresses replaced, and a position."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(secure_exchange.certificate))
        patch.setattr(http, "DERIBIT_HTTP_URL", f"https://{secure_exchange.host}/api/v2")
        patch.setattr(ws, "DERIBIT_WS_URL", f"wss://{secure_exchange.host}/ws/api/v2")
        keys = {"client_id": secure_account.client_id, "client_secret": secure_account.client_secret}
        async with Deribit.new(**keys) as found:
            await found.trading.buy({"instrument_name": NAME, "amount": 100.0, "type": "market"})
            yield found


def value_of(kind: Any) -> Any:
    """Something of a type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return arguments[0]
    if origin in {typing.Union, types.UnionType} or origin is typing.Annotated:
        return value_of(arguments[0])
    if origin is list:
        return []
    if kind is datetime:
        return datetime.now(UTC)
    return {int: 1, float: 1.0, bool: True, str: "x"}.get(kind, {})


async def arguments(
    client: Any, secure_exchange: ServedExchange, account: Account, path: str
) -> dict[str, Any]:
    """What to call a method with: something sensible for each of its required parameters."""
    function = inspect.unwrap(attribute(client, path))
    now = datetime.now(UTC)
    below = secure_exchange.price(0.99)
    order = {"instrument_name": NAME, "amount": 10.0, "type": "limit", "price": below, "label": path}
    known: dict[str, Any] = {
        "instrument_name": NAME,
        "currency": "usdc" if path.startswith("market_data.get_apr") else "BTC",
        "currency_pair": "btc_usd",
        "index_name": "btc_usd",
        "kind": "any" if path == "market_data.get_expirations" else "future",
        "start_timestamp": now - timedelta(minutes=5),
        "end_timestamp": now,
        "label": path,
        "amount": 0.01 if ".transfers." in path else 10.0,
        "price": below,
        "buy_order_params": order,
        "sell_order_params": order | {"price": secure_exchange.price(1.01)},
        "close_position_order_params": {"instrument_name": NAME, "type": "market"},
        "interval": "100ms" if path.startswith("streams.") else 30,
        "margin_model": "segregated_sm",
        "cancel_type": "all",
    }
    hints = typing.get_type_hints(function)
    required = {
        name: known.get(name, value_of(hints[name]))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    if "order_id" in required or "ids" in required or path == "trading.edit_by_label":
        placed = await client.trading.buy(order)
        required |= {"order_id": placed["order"]["order_id"]} if "order_id" in required else {}
        required |= {"ids": [placed["order"]["order_id"]]} if "ids" in required else {}
    if path == "trading.edit_by_label":
        required["label"] = order["label"]
    if path.endswith("cancel_on_disconnect"):
        required["transport"] = "ws"
    if path.startswith("auth."):
        keys = {"client_id": account.client_id, "client_secret": account.client_secret}
        tokens = await client.auth.authenticate(
            grant_type="client_credentials", scope="session:typed", **keys
        )
        required |= keys if path == "auth.authenticate" else {"refresh_token": tokens["refresh_token"]}
    ids = {"sid", "destination", "subject_id", "subaccount_id"} & {*required}
    if ids and "to_user" not in path:
        created = await client.account.create_subaccount()
        required |= dict.fromkeys(ids, created["id"])
    return required


def attribute(client: Any, path: str) -> Any:
    """What a dotted name stands for."""
    for name in path.split("."):
        client = getattr(client, name)
    return client


@pytest.mark.parametrize("path", METHODS)
async def test_answer_is_valid(
    client: Any, secure_exchange: ServedExchange, secure_account: Account, path: str
) -> None:
    given = await arguments(client, secure_exchange, secure_account, path)
    call = attribute(client, path)(**given)
    try:
        async with asyncio.timeout(HANG_S):
            await (anext(aiter(call), None) if hasattr(call, "__aiter__") else call)
    except ApiError as error:
        assert error.args[0] == REFUSED.get(path, UNAVAILABLE)  # noqa: PT017
    except ValidationError as error:
        assert INVALID[path] in str(error)  # noqa: PT017
    else:
        assert path not in {*REFUSED, *INVALID}


@pytest.mark.parametrize("path", CHANNELS)
async def test_notification_is_valid(
    client: Any, secure_exchange: ServedExchange, secure_account: Account, path: str
) -> None:
    given = await arguments(client, secure_exchange, secure_account, path)
    async with asyncio.timeout(HANG_S), attribute(client, path)(**given) as stream:
        if path.rpartition(".")[2] in RARE:
            return
        notification = asyncio.ensure_future(anext(aiter(stream)))
        while not notification.done():
            if ".user." in path:
                await client.trading.buy({"instrument_name": NAME, "amount": 10.0, "type": "market"})
            await asyncio.wait([notification], timeout=0.5)
        notification.result()
