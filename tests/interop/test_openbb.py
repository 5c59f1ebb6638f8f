"""openbb-deribit: every fetcher of OpenBB's Deribit provider, with its own models for the answers, on the exchange."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.served_exchange import ServedExchange

pytest.importorskip("openbb_deribit")

from openbb_core.app.model.abstract.error import OpenBBError
from openbb_core.provider.utils.errors import EmptyDataError
from openbb_deribit import deribit_provider
from openbb_deribit.utils import client, session, websocket
from pydantic import ValidationError

FETCHERS = deribit_provider.fetcher_dict
YESTERDAY, TOMORROW = (datetime.now(UTC).date() + timedelta(days=days) for days in (-1, 1))
SPAN = {"start_date": YESTERDAY, "end_date": TOMORROW}
PARAMETERS: dict[str, dict[str, Any]] = {
    "BookSummary": {"currency": "BTC"},
    "DeliveryPrices": {"symbol": "btc_usd"},
    "FundingChart": {"symbol": "BTC-PERPETUAL"},
    "FundingRateHistory": {"symbol": "BTC-PERPETUAL"} | SPAN,
    "FuturesCurve": {"symbol": "BTC"},
    "FuturesHistorical": {"symbol": "BTC-PERPETUAL", "interval": "1m"} | SPAN,
    "FuturesInfo": {"symbol": "BTC-PERPETUAL"},
    "HistoricalVolatility": {"currency": "BTC"},
    "IndexHistorical": {"symbol": "btc_usd"},
    "IndexPrice": {"symbol": "btc_usd"},
    "Instruments": {"currency": "BTC"},
    "OptionsChains": {"symbol": "BTC"},
    "OrderBook": {"symbol": "BTC-PERPETUAL"},
    "Settlements": {"currency": "BTC"},
    "Ticker": {"symbol": "BTC-PERPETUAL"},
    "Trades": {"symbol": "BTC-PERPETUAL"},
    "VolatilityIndex": {"currency": "BTC"} | SPAN,
}
"""What a fetcher is asked for, by the end of its name."""
REFUSED = {
    # What has not happened yet on an exchange that has just been started: its own error for an empty answer.
    (EmptyDataError, "Deribit (published|reports) no"): {
        "Announcements",
        "DeliveryPrices",
        "FundingChart",
        "FundingRateHistory",
        "HistoricalVolatility",
        "Settlements",
    },
    # What the exchange does not have: it reports only the HTTP status of error 13503.
    (OpenBBError, "with HTTP 400"): {"AprHistory", "BlockRfqTrades", "Combos"},
    # Its model requires a settlement price, which an option has from the first 08:00 UTC on.
    (ValidationError, "settlementPrice"): {"OptionsChains"},
}
"""Fetchers that end in an error: its class, and what it says."""


@pytest.fixture(autouse=True)
def address(exchange: ServedExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the address is replaced, and no answer comes from its cache on disk."""
    monkeypatch.setattr(client, "BASE_URL", f"{exchange.served.http}/api/v2")
    monkeypatch.setattr(websocket, "WS_URL", exchange.served.websocket)
    monkeypatch.setattr(session, "get_cached_session", session.get_session)


@pytest.mark.parametrize("name", sorted(FETCHERS))
async def test_fetcher_reads_our_answers(name: str) -> None:
    kind = name.removeprefix("Deribit")
    error, text = next((refusal for refusal, kinds in REFUSED.items() if kind in kinds), (None, ""))
    try:
        with pytest.raises(error, match=text) if error else nullcontext():
            assert await FETCHERS[name].fetch_data(PARAMETERS.get(kind, {}), {})
    finally:
        await session.close_sessions()
