"""Every unified method that ccxt's Deribit class claims to have, called against the built-in exchange."""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import ccxt
import ccxt.pro
import pytest
import pytest_asyncio

from tests.support.ccxt_client import ccxt_deribit
from tests.support.served_exchange import Account, ServedExchange

pytestmark = pytest.mark.asyncio(loop_scope="module")

SWAP = "BTC/USD:BTC"
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


def methods(claim: bool | None) -> list[str]:
    """What the class says that it `has` (true), or leaves open (none): then ccxt may derive it from others."""
    exchange = ccxt.pro.deribit()
    callables = {name: has for name, has in exchange.has.items() if callable(getattr(exchange, name, None))}
    return [name for name, has in callables.items() if (bool(has) if claim else has is None)]


CUSTODY = (ccxt.ExchangeError, r'"code":13503,"message":"unavailable".*account deposit')
NO_DIFFERENT_ID = (ccxt.InvalidOrder, r'"code":10025,"message":"invalid_order_id"')
REFUSED = {
    "createDepositAddress": CUSTODY,
    "fetchDepositAddress": CUSTODY,
    "withdraw": CUSTODY,
    # ccxt sends an empty order id: Deribit has no client order ids.
    "cancelOrderWithClientOrderId": NO_DIFFERENT_ID,
    "editOrderWithClientOrderId": NO_DIFFERENT_ID,
    "fetchOrderWithClientOrderId": NO_DIFFERENT_ID,
    # ccxt reads an option that its Deribit class has not.
    "createMarketBuyOrderWithCost": (KeyError, "createMarketBuyOrderRequiresPrice"),
    "createMarketSellOrderWithCost": (KeyError, "createMarketSellOrderRequiresPrice"),
    # What ccxt does not support is `NotSupported`, but here.
    "fetchL3OrderBook": (ccxt.BadRequest, "is not supported yet"),
}
"""Methods that end in an error: its class, and what it says."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(exchange: ServedExchange, account: Account) -> AsyncIterator[Any]:
    """ccxt with an account that has a position, a sub-account and a few orders."""
    async with ccxt_deribit(exchange.served) as client:
        client.apiKey, client.secret = account.client_id, account.client_secret
        await client.load_markets()
        await client.create_order(SWAP, "market", "buy", 500)
        yield client


async def arguments(bot: Any, name: str) -> list[Any]:
    """What to call a method with: something sensible for each of its parameters."""
    parameters = [each for each in inspect.signature(getattr(bot, name)).parameters if each != "params"]
    mark = float((await bot.fetch_ticker(SWAP))["info"]["mark_price"])
    sells = re.search("Stop|Trigger|Trailing|TakeProfit|ReduceOnly", name) is not None
    below, above = (round(mark * times * 2) / 2 for times in (0.99, 1.01))
    given: dict[str, Any] = {
        "symbol": SWAP,
        "symbols": [SWAP],
        "code": "BTC",
        "codes": ["BTC"],
        "type": "limit",
        "side": "sell" if sells else "buy",
        "amount": 100,
        "price": above if sells else below,
        "triggerPrice": below,
        "stopLossPrice": below,
        "stopLoss": below,
        "takeProfitPrice": above,
        "takeProfit": above,
        "trailingAmount": 500,
        "trailingPercent": 1,
        "trailingTriggerPrice": None,
        "cost": 100,
        "since": bot.milliseconds() - 60_000,
        "limit": 10,
        "timeframe": "1m",
        "symbolsAndTimeframes": [[SWAP, "1m"]],
        "address": ADDRESS,
        "clientOrderId": name,
        "leverage": 5,
        "marginMode": "cross",
        "hedged": False,
        "fromCode": "BTC",
        "toCode": "USDC",
        "orders": [{"symbol": SWAP, "type": "limit", "side": "buy", "amount": 100, "price": below}],
    }
    if name in {"fetchGreeks", "fetchOption"}:
        given["symbol"] = next(symbol for symbol, market in bot.markets.items() if market["option"])
    if name in {"withdraw", "transfer"}:
        given["amount"] = 0.01
    if name == "transfer":
        created = await bot.private_get_create_subaccount()
        given |= {"fromAccount": "1", "toAccount": str(created["result"]["id"])}
    if {"id", "ids"} & {*parameters}:
        placed = await bot.create_order(SWAP, "limit", "buy", 100, below)
        given |= {"id": placed["id"], "ids": [placed["id"]]}
    return [given[parameter] for parameter in parameters]


async def outcome(bot: Any, name: str) -> Any:
    """What a method returns; what is watched on an account is made to happen."""
    call = getattr(bot, name)(*await arguments(bot, name))
    if name not in {"watchOrders", "watchMyTrades"}:
        return await call
    watching = asyncio.create_task(call)
    while not watching.done():
        await bot.create_order(SWAP, "market", "buy", 10)
        await asyncio.wait([watching], timeout=0.5)
    return watching.result()


@pytest.mark.parametrize("name", methods(claim=True))
async def test_claimed_method_returns_what_it_should(bot: Any, name: str) -> None:
    if name in REFUSED:
        error, text = REFUSED[name]
        with pytest.raises(error, match=text):
            await outcome(bot, name)
    else:
        assert await outcome(bot, name) is not None


@pytest.mark.parametrize("name", methods(claim=None))
async def test_derived_method_works_or_is_not_supported_by_ccxt(bot: Any, name: str) -> None:
    if name in REFUSED:
        error, text = REFUSED[name]
        with pytest.raises(error, match=text):
            await outcome(bot, name)
        return
    with suppress(ccxt.NotSupported):
        assert await outcome(bot, name) is not None
