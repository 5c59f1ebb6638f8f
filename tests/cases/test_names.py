"""What a name says of its instrument, and what stays unknown: recordings without a list, and newer lists."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deltawire.model.events import Fault, Ticker
from deltawire.model.instruments import FOREVER_MS
from deltawire.testing.kernels import pure_kernel
from tests.cases.markets import PlayedMarket

HERE = Path(__file__).parent
NAMES = HERE / "23-names-without-a-list"
INFO = HERE / "05-exchange-info"
DOTS = HERE / "33-names-with-dots-and-colons"


@pytest.fixture(autouse=True, params=["chosen kernel", "pure kernel"])
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every case on both kernels."""
    with pure_kernel() if request.param == "pure kernel" else nullcontext():
        yield


def at(text: str) -> int:
    """Milliseconds of 08:00 UTC on a day."""
    return int(datetime.fromisoformat(f"{text}T08:00:00").replace(tzinfo=UTC).timestamp()) * 1000


Facts = tuple[str, str, str, int | None, float | None, str | None]
"""Kind, base, counter currency, expiry, strike, settlement period."""
DERIBIT: dict[str, Facts] = {
    "BTC-25DEC26": ("future", "BTC", "USD", at("2026-12-25"), None, None),
    "BTC-27DEC24-100000-C": ("option", "BTC", "USD", at("2024-12-27"), 100_000.0, None),
    "XRP_USDC-27MAR26-2d5-C": ("option", "XRP", "USDC", at("2026-03-27"), 2.5, None),
    "XRP_USDC-27MAR26-0d5-P": ("option", "XRP", "USDC", at("2026-03-27"), 0.5, None),
    "SOL_USDC-PERPETUAL": ("future", "SOL", "USDC", FOREVER_MS, None, "perpetual"),
    "BTC_USDC-27MAR26": ("future", "BTC", "USDC", at("2026-03-27"), None, None),
    "BTC_USDC": ("spot", "BTC", "USDC", FOREVER_MS, None, None),
    "ETH_BTC": ("spot", "ETH", "BTC", FOREVER_MS, None, None),
    "BTC_USDC-27MAR26-100000-C": ("option", "BTC", "USDC", at("2026-03-27"), 100_000.0, None),
    "BTC-FS-27MAR26_PERP": ("future_combo", "BTC", "USD", at("2026-03-27"), None, None),
    "BTC-CS-27MAR26-100000_110000": ("option_combo", "BTC", "USD", at("2026-03-27"), None, None),
    "BTC-PS-27MAR26-100000_90000": ("option_combo", "BTC", "USD", at("2026-03-27"), None, None),
    "BTC-CBUT-27MAR26-100000_110000_120000": ("option_combo", "BTC", "USD", at("2026-03-27"), None, None),
    "USDE_USDC": ("spot", "USDE", "USDC", FOREVER_MS, None, None),
    "PAXG-25DEC26": ("future", "PAXG", "USD", at("2026-12-25"), None, None),
    "1INCH_USDC-PERPETUAL": ("future", "1INCH", "USDC", FOREVER_MS, None, "perpetual"),
}
OKX: dict[str, Facts] = {
    "BTC-USD-260925": ("future", "BTC", "USD", at("2026-09-25"), None, None),
    "BTC-USD-241013-70000-P": ("option", "BTC", "USD", at("2024-10-13"), 70_000.0, None),
    "XRP-USD-260925-0.8-C": ("option", "XRP", "USD", at("2026-09-25"), 0.8, None),
    "BTC-USD_UM-260925": ("future", "BTC", "USD_UM", at("2026-09-25"), None, None),
    "BTC-USD-SWAP": ("future", "BTC", "USD", FOREVER_MS, None, "perpetual"),
    "1000SATS-USDT": ("spot", "1000SATS", "USDT", FOREVER_MS, None, None),
    "BTC-USDT-260925": ("future", "BTC", "USDT", at("2026-09-25"), None, None),
    "BTC-USD_UM-241013-70000-P": ("option", "BTC", "USD_UM", at("2024-10-13"), 70_000.0, None),
}
USDM: dict[str, Facts] = {
    "BTCUSDT_260327": ("future", "BTC", "USDT", at("2026-03-27"), None, None),
    "1000SHIBUSDT": ("future", "1000SHIB", "USDT", FOREVER_MS, None, "perpetual"),
    "BTCUSDC": ("future", "BTC", "USDC", FOREVER_MS, None, "perpetual"),
    "ETHBTC_260327": ("future", "ETH", "BTC", at("2026-03-27"), None, None),
    "BTCDOMUSDT": ("future", "BTCDOM", "USDT", FOREVER_MS, None, "perpetual"),
    "XAUUSDT": ("future", "XAU", "USDT", FOREVER_MS, None, "perpetual"),
}
CASES = [("deribit.log", "deribit", DERIBIT), ("okx.log", "okx", OKX), ("usdm.log", "binance_usdm", USDM)]


def facts(stated: dict[str, Any]) -> Facts:
    """Of an entry of `get_instruments`."""
    members = ("kind", "base_currency", "counter_currency", "expiration_timestamp")
    kind, base, counter, expiry = (stated[member] for member in members)
    return kind, base, counter, expiry, stated.get("strike"), stated.get("settlement_period")


@pytest.mark.parametrize(("file", "venue", "expected"), CASES, ids=[case[1] for case in CASES])
class TestWithoutAList:
    def test_the_name_s_facts_are_told_and_no_others(
        self, file: str, venue: str, expected: dict[str, Facts]
    ) -> None:
        played = PlayedMarket(NAMES / file, venue)
        listed = played.listed() | played.listed(expired=True)
        assert {name: facts(stated) for name, stated in listed.items()} == expected
        for stated in listed.values():
            assert stated["tick_size"] is stated["min_trade_amount"] is stated["creation_timestamp"] is None
            assert not stated.keys() & {"maker_commission", "taker_commission", "tick_size_steps"}

    def test_what_expired_before_the_recording_is_never_live(
        self, file: str, venue: str, expected: dict[str, Facts]
    ) -> None:
        played = PlayedMarket(NAMES / file, venue)
        over = {name for name, told in expected.items() if (told[3] or 0) < 1_760_000_000_000}
        assert set(played.listed(expired=True)) == over
        for name in expected:
            state = played.market.find(name)
            assert state is not None
            assert state.live is (name not in over)
            assert (state.reason, state.detail) == (("closed", "expired") if name in over else ("", ""))

    def test_expirations_are_those_of_the_names(
        self, file: str, venue: str, expected: dict[str, Facts]
    ) -> None:
        told = PlayedMarket(NAMES / file, venue).result("get_expirations")
        wanted = {
            "deribit": {"future": ["27MAR26", "25DEC26", "PERPETUAL"], "option": ["27MAR26"]},
            "okx": {"future": ["25SEP26", "PERPETUAL"], "option": ["25SEP26"]},
            "binance_usdm": {"future": ["27MAR26", "PERPETUAL"]},
        }
        assert told == wanted[venue]


def test_contracts_of_unknown_size_are_not_counted_in_coins(tmp_path: Path) -> None:
    trade = (
        b'{"arg":{"channel":"trades","instId":"BTC-USD-SWAP"},"data":[{"instId":"BTC-USD-SWAP","tradeId":"1",'
        b'"px":"60000","sz":"5","side":"buy","ts":"1760000000500"}]}'
    )
    path = tmp_path / "okx.log"
    path.write_bytes((NAMES / "okx.log").read_bytes() + b"1760000000900000000 " + trade + b"\n")
    played = PlayedMarket(path, "okx")
    assert played.listed()["BTC-USD-SWAP"]["contract_size"] is None
    span = {"start_timestamp": 1_760_000_000_000 - 60_000, "end_timestamp": 1_760_000_060_000}
    candles = played.result("get_tradingview_chart_data", instrument_name="BTC-USD-SWAP", **span)
    assert (candles["close"], candles["volume"], candles["cost"]) == ([60_000.0], [None], [None])
    assert played.result("ticker", instrument_name="BTC-USD-SWAP")["stats"]["volume"] is None
    (told,) = played.result("get_last_trades_by_instrument", instrument_name="BTC-USD-SWAP")["trades"]
    assert (told["amount"], told["contracts"]) == (5.0, 5.0)


class TestOddNames:
    @pytest.fixture
    def played(self) -> PlayedMarket:
        return PlayedMarket(NAMES / "odd.log", "deribit")

    def test_none_is_taken_for_another_instrument_and_none_costs_its_neighbours(
        self, played: PlayedMarket
    ) -> None:
        assert played.listed() == {}
        live = {state.name for state in played.market if state.live}
        assert live == {
            "XRP_USDC-27MAR26-0dd5-C",
            "BTC-27DEC24--5-C",
            "BTC*PERP",
            "BTC.PERP",
            "BTC:PERP",
            "<b>BTC</b>",
        }
        refused = [event.reason for event in played.events if isinstance(event, Fault)]
        assert len(refused) == 5
        assert all("not an instrument" in reason for reason in refused)

    def test_what_their_form_says_is_told_when_asked_for_by_name(self, played: PlayedMarket) -> None:
        answer = played.result("get_instrument", instrument_name="XRP_USDC-27MAR26-0dd5-C")
        assert (answer["kind"], answer["base_currency"], answer["strike"]) == ("option", "XRP", None)
        assert answer["expiration_timestamp"] == at("2026-03-27")
        for name in ("BTC-27DEC24--5-C", "BTC*PERP", "BTC.PERP", "BTC:PERP", "<b>BTC</b>"):
            answer = played.result("get_instrument", instrument_name=name)
            assert (answer["kind"], answer["base_currency"], answer["instrument_type"]) == (None, None, None)
            assert answer["expiration_timestamp"] is None

    @pytest.mark.parametrize("strike", ["1e5", "nan", "inf", "_1"])
    def test_a_strike_that_is_no_decimal_is_unknown(self, strike: str) -> None:
        played = PlayedMarket(NAMES / "odd.log", "deribit")
        letter = "P" if strike == "inf" else "C"
        answer = played.result("get_instrument", instrument_name=f"BTC-27DEC24-{strike}-{letter}")
        assert (answer["kind"], answer["strike"]) == ("option", None)

    def test_a_day_that_never_was_is_no_expiry(self, tmp_path: Path) -> None:
        path = tmp_path / "impossible.log"
        text = (NAMES / "collide.log").read_text()
        path.write_text(text.replace("BTC-26DEC25", "BTC-31FEB26").replace("BTC-25DEC26", "BTC-00JAN25"))
        played = PlayedMarket(path, "deribit")
        assert list(played.listed()) == ["BTC-PERPETUAL"]
        assert played.result("get_expirations") == {"future": ["PERPETUAL"]}
        for name in ("BTC-31FEB26", "BTC-00JAN25"):
            assert played.result("get_order_book", instrument_name=name)["bids"]
            answer = played.result("get_instrument", instrument_name=name)
            assert (answer["kind"], answer["expiration_timestamp"], answer["settlement_period"]) == (
                "future",
                None,
                None,
            )


class TestExchangeInfo:
    """Binance's list, with contract types and states that came later."""

    @pytest.fixture
    def played(self) -> PlayedMarket:
        return PlayedMarket(INFO / "bf.ws.1.0", "binance_usdm")

    def test_a_perpetual_on_a_stock_is_a_perpetual(self, played: PlayedMarket) -> None:
        tesla, bitcoin = (played.listed()[name] for name in ("TSLAUSDT", "BTCUSDT"))
        for member in ("kind", "settlement_period", "expiration_timestamp", "contract_size"):
            assert tesla[member] == bitcoin[member]
        assert (tesla["settlement_period"], tesla["expiration_timestamp"]) == ("perpetual", FOREVER_MS)
        assert played.result("get_expirations") == {"future": ["27MAR26", "PERPETUAL"]}

    def test_its_ticker_has_funding(self) -> None:
        played = PlayedMarket(INFO / "mark.ws.1.0", "binance_usdm")
        assert any(isinstance(event, Ticker) for event in played.events)
        for name in ("TSLAUSDT", "BTCUSDT"):
            assert played.result("ticker", instrument_name=name)["current_funding"] == 0.0001

    def test_the_quarter_expires_when_it_is_delivered(self, played: PlayedMarket) -> None:
        quarter = played.listed()["BTCUSDT_260327"]
        assert (quarter["expiration_timestamp"], quarter["settlement_period"]) == (1_774_598_400_000, None)
        assert played.listed()["BTCUSDT"]["tick_size"] == 0.1

    def test_what_is_being_settled_has_no_live_book(self, played: PlayedMarket) -> None:
        state = played.market.find("OLDUSDT")
        assert state is not None
        assert (state.status, state.reason, state.detail) == ("stale", "closed", "settling")
        assert set(played.listed(expired=True)) == {"OLDUSDT"}
        for name in ("TSLAUSDT", "BTCUSDT_260327", "NEWUSDT"):
            assert (live := played.market.find(name)) is not None
            assert live.live, name


def test_names_with_dots_find_their_own_book() -> None:
    played = PlayedMarket(DOTS / "okx.log", "okx")
    bests = {"XRP-USD-260925-0.8-C": 1.5, "XRP-USD-260925-0": 2.5, "XRP-USD-260925-0.8-C.none.10": 3.5}
    for name, best in bests.items():
        assert played.result("get_order_book", instrument_name=name)["bids"][0][0] == best
    assert list(played.listed()) == ["XRP-USD-260925-0.8-C"]
    assert played.listed()["XRP-USD-260925-0.8-C"]["strike"] == 0.8
    (trade,) = played.result("get_last_trades_by_instrument", instrument_name="XRP-USD-260925-0.8-C")[
        "trades"
    ]
    assert trade["price"] == 1.5


PERPETUAL_FUTURE = {
    "instId": "NEW-USDT-261231",
    "instType": "FUTURES",
    "instFamily": "NEW-USDT",
    "uly": "NEW-USDT",
    "settleCcy": "USDT",
    "ctVal": "1",
    "ctMult": "1",
    "ctType": "linear",
    "tickSz": "0.01",
    "lotSz": "1",
    "expTime": "1798704000000",
    "state": "live",
}


@pytest.mark.parametrize(
    ("stated", "expires"),
    [
        ({"ruleType": "pre_market"}, FOREVER_MS),
        ({"ruleType": "xperp"}, FOREVER_MS),
        ({"ruleType": "normal"}, 1_798_704_000_000),
        ({"ruleType": "normal", "expTime": "4133404800000"}, FOREVER_MS),
        ({"instType": "SWAP", "instId": "NEW-USDT-SWAP"}, FOREVER_MS),
    ],
)
def test_okx_s_rule_says_what_is_perpetual(tmp_path: Path, stated: dict[str, str], expires: int) -> None:
    listed = PERPETUAL_FUTURE | stated
    message = {"arg": {"channel": "instruments", "instType": "FUTURES"}, "data": [listed]}
    path = tmp_path / "okx.log"
    path.write_bytes(b"1760000000000000000 " + msgspec.json.encode(message) + b"\n")
    (found,) = PlayedMarket(path, "okx").listed().values()
    assert found["expiration_timestamp"] == expires
    assert found["settlement_period"] == ("perpetual" if expires == FOREVER_MS else None)
