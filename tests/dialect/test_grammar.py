"""The grammar of channel names."""

import msgspec
import pytest

from deltawire.dialect.grammar import LONGEST_NAME, ChannelKey, parse_channel

KNOWN = {
    "book.BTC-PERPETUAL.raw": ("book", {"instrument": "BTC-PERPETUAL", "interval": "raw"}),
    "book.BTC-PERPETUAL.agg2": ("book", {"instrument": "BTC-PERPETUAL", "interval": "agg2"}),
    "book.okx:BTC-USDT-SWAP.100ms": ("book", {"instrument": "okx:BTC-USDT-SWAP", "interval": "100ms"}),
    "book.BTC/USD.raw": ("book", {"instrument": "BTC/USD", "interval": "raw"}),
    "book.BTC-PERPETUAL.none.10.100ms": (
        "grouped_book",
        {"instrument": "BTC-PERPETUAL", "group": "none", "depth": "10", "interval": "100ms"},
    ),
    "book.X.250.20.agg2": (
        "grouped_book",
        {"instrument": "X", "group": "250", "depth": "20", "interval": "agg2"},
    ),
    "trades.BTC-PERPETUAL.100ms": ("trades", {"instrument": "BTC-PERPETUAL", "interval": "100ms"}),
    "trades.option.BTC.raw": ("kind_trades", {"kind": "option", "currency": "BTC", "interval": "raw"}),
    "trades.any.any.raw": ("kind_trades", {"kind": "any", "currency": "any", "interval": "raw"}),
    "trades.future.btc.agg2": ("kind_trades", {"kind": "future", "currency": "BTC", "interval": "agg2"}),
    "trades.spot.ANY.100ms": ("kind_trades", {"kind": "spot", "currency": "any", "interval": "100ms"}),
    "ticker.XRP_USDC-30JUN23-0d625-C.raw": (
        "ticker",
        {"instrument": "XRP_USDC-30JUN23-0d625-C", "interval": "raw"},
    ),
    "incremental_ticker.BTC-PERPETUAL": ("incremental_ticker", {"instrument": "BTC-PERPETUAL"}),
    "quote.BTC-PERPETUAL": ("quote", {"instrument": "BTC-PERPETUAL"}),
    "perpetual.BTC-PERPETUAL.raw": ("perpetual", {"instrument": "BTC-PERPETUAL", "interval": "raw"}),
    "deribit_price_index.btc_usd": ("index", {"index": "btc_usd"}),
    "chart.trades.BTC-PERPETUAL.1D": (
        "candles",
        {"instrument": "BTC-PERPETUAL", "resolution": "1D", "interval": "100ms"},
    ),
    "chart.trades.BTC-PERPETUAL.720": (
        "candles",
        {"instrument": "BTC-PERPETUAL", "resolution": "720", "interval": "100ms"},
    ),
    "markprice.options.btc_usd": ("mark_prices", {"index": "btc_usd", "interval": "agg2"}),
    "instrument.state.any.any": ("instrument_state", {"kind": "any", "currency": "any"}),
    "instrument.state.option.eth": ("instrument_state", {"kind": "option", "currency": "ETH"}),
    "status.BTC-PERPETUAL": ("status", {"instrument": "BTC-PERPETUAL"}),
    "alert.BTC-PERPETUAL.wide.2.5.1s": (
        "alert",
        {"instrument": "BTC-PERPETUAL", "alert": "wide", "threshold": "2.5", "every": "1s"},
    ),
    "alert.BTC-PERPETUAL.crossed.okx:BTC-USDT-SWAP.2.5.1s": (
        "crossed",
        {
            "instrument": "BTC-PERPETUAL",
            "other": "okx:BTC-USDT-SWAP",
            "threshold": "2.5",
            "every": "1s",
        },
    ),
    "alert.gate:A.B.crossed.okx:C.D.10.100ms": (
        "crossed",
        {"instrument": "gate:A.B", "other": "okx:C.D", "threshold": "10", "every": "100ms"},
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_name_is_taken_apart(name: str) -> None:
    family, parts = KNOWN[name]
    assert parse_channel(name) == ChannelKey(name, family, **parts)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "book",
        "book.BTC-PERPETUAL",
        "book.BTC-PERPETUAL.10ms",
        "book.BTC-PERPETUAL.RAW",
        "Book.BTC-PERPETUAL.raw",
        "book..raw",
        "book.\0.raw",
        "book.BTC-\0.raw",
        "deribit_price_index.\0",
        "book.BTC\x1bPERPETUAL.raw",
        "book.BTC\u2028PERPETUAL.raw",
        "book.*.*",
        "*.BTC-PERPETUAL.raw",
        "book.a*b*c*d*.raw",
        "deribit_price_index.*",
        "instrument.state.*.any",
        "book.BTC PERPETUAL.raw",
        "book.BTC-PERPETUAL.raw\n",
        " book.BTC-PERPETUAL.raw",
        "ticker.BTC-PERPETUAL",
        "trades.any.any",
        "trades.any.*",
        "chart.trades.BTC-PERPETUAL.7",
        "chart.trades.BTC-PERPETUAL.1d",
        "instrument.state.nothing.any",
        "block_rfq.somebody.BTC",
        "user.orders.any.any",
        "alert.BTC-PERPETUAL.crossed.5.1s",
        "alert.BTC-PERPETUAL.crossed.*.5.1s",
        "status." + "X" * LONGEST_NAME,
        "status." + "X" * 1_000_000,
    ],
)
def test_what_is_no_channel_is_none(name: str) -> None:
    assert parse_channel(name) is None


def test_a_group_that_does_not_exist_belongs_to_the_instruments_name() -> None:
    assert parse_channel("book.BTC-PERPETUAL.3.10.100ms") == ChannelKey(
        "book.BTC-PERPETUAL.3.10.100ms", "book", instrument="BTC-PERPETUAL.3.10", interval="100ms"
    )


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("*", ["A", "BTC-PERPETUAL"], []),
        ("BTC-*", ["BTC-", "BTC-PERPETUAL"], ["BTC", "ETH-BTC-1", "btc-1"]),
        ("*-C", ["BTC-1-C", "-C"], ["C", "BTC-C-P"]),
        ("BTC-*-*-C", ["BTC-29DEC23-40000-C", "BTC---C"], ["BTC-40000-C", "BTC--C"]),
        ("aa*aa", ["aaaa", "aabaa"], ["aaa"]),
        ("BTC.[A]*", ["BTC.[A]x"], ["BTCxAx"]),
    ],
)
def test_a_pattern_stands_for_every_instrument_that_fits(
    pattern: str, fitting: list[str], other: list[str]
) -> None:
    key = parse_channel(f"book.{pattern}.100ms")
    assert key is not None
    assert key.pattern
    assert [name for name in fitting + other if key.fits(name)] == fitting
    assert key.of("X") == parse_channel("book.X.100ms")
    assert all(key.covers(found) for name in fitting if (found := parse_channel(f"book.{name}.100ms")))
    assert not any(key.covers(found) for name in fitting if (found := parse_channel(f"book.{name}.raw")))


@pytest.mark.parametrize(
    ("name", "family", "parts"),
    [
        ("user.orders.any.any.raw", "user_orders", {"kind": "any", "currency": "any"}),
        ("user.orders.future.btc.100ms", "user_orders", {"kind": "future", "currency": "BTC"}),
        ("user.trades.BTC-PERPETUAL.agg2", "user_trades", {"instrument": "BTC-PERPETUAL"}),
        ("user.changes.option.any.raw", "user_changes", {"kind": "option", "currency": "any"}),
        ("user.portfolio.btc", "user_portfolio", {"currency": "BTC"}),
        ("user.mmp_trigger.btc_usd", "user_mmp_trigger", {"index": "btc_usd"}),
        ("user.lock", "user_lock", {}),
    ],
)
def test_private_channels_have_their_families(name: str, family: str, parts: dict[str, str]) -> None:
    key = parse_channel(name)
    assert key is not None
    assert key.family == family
    assert {part: getattr(key, part) for part in parts} == parts


def test_the_same_private_channel_of_two_accounts_is_two_channels() -> None:
    key = parse_channel("user.orders.any.any.raw")
    assert key is not None
    assert len({msgspec.structs.replace(key, account=account).id for account in (0, 1, 2)}) == 3
