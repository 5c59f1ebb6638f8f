"""The alert of two venues whose books cross: with hysteresis, suspended while either is not live."""

from tests.fanout.deriving_hubs import DerivingHubs
from tests.support.market_events import ScriptedBook, make_instrument
from tests.support.subscribers import joined

NAME, OTHER = "BTC-PERPETUAL", "okx:BTC-USDT-SWAP"
CHANNEL = f"alert.{NAME}.crossed.{OTHER}.5.100ms"


def served(**changes: object) -> DerivingHubs:
    """A home venue that asks 10,002 ticks and another that bids 10,000, both at half a dollar."""
    other = make_instrument("BTC-USDT-SWAP", venue="okx", quote="USDT", **changes)
    found = DerivingHubs(books=[ScriptedBook(), ScriptedBook(other)])
    found.publish(found.at(0), found.books[0].image({10_000: 5}, {10_002: 5}))
    found.publish(found.at(1), found.books[1].image({10_000: 5}, {10_002: 5}))
    return found


def quote(market: DerivingHubs, milliseconds: int, number: int, bid: int) -> None:
    """One of the two venues quotes this bid, and asks two ticks more."""
    now_ns, book = market.at(milliseconds), market.books[number]
    bids, asks = (
        {price: 0 for price in side if price not in (bid, bid + 2)} for side in (book.bids, book.asks)
    )
    market.publish(now_ns, [book.change({bid: 5} | bids, {bid + 2: 5} | asks)])


def test_a_crossing_is_told_with_where_to_buy_and_to_sell_and_until_it_is_clearly_over() -> None:
    market = served()
    inbox = joined(market.hubs[0], CHANNEL)
    for number, bid in enumerate((10_000, 10_009, 10_007, 10_006, 10_000, 9_980, 9_980), start=1):
        quote(market, 100 * number, 1, bid)
    told = inbox.data(CHANNEL)
    assert [each["alert"] for each in told] == ["cleared", "raised", "cleared", "raised"]
    high, low = told[1], told[3]
    assert (high["instrument_name"], high["threshold"]) == (NAME, 5.0)
    assert (high["buy"], high["sell"], high["buy_price"], high["sell_price"]) == (NAME, OTHER, 1000.2, 1000.9)
    assert abs(high["value"] - 0.7 / 1000.55 * 1e4) < 1e-9
    assert (low["buy"], low["sell"], low["buy_price"], low["sell_price"]) == (OTHER, NAME, 998.2, 1000.0)
    assert abs(told[2]["value"] - 0.4 / 1000.4 * 1e4) < 1e-9, "half a basis point below is told, 5.0 is not"


def test_a_stale_book_suspends_it_and_says_which_one() -> None:
    market = served()
    inbox = joined(market.hubs[0], CHANNEL)
    quote(market, 100, 1, 10_009)
    quote(market, 200, 1, 10_009)
    market.publish(market.at(250), [market.books[1].stale()])
    market.publish(market.at(260), [market.books[0].stale()])
    quote(market, 300, 0, 10_000)
    market.publish(market.at(350), market.books[0].image({10_000: 5}, {10_002: 5}))
    quote(market, 400, 0, 10_000)
    quote(market, 500, 0, 10_000)
    told = inbox.data(CHANNEL)
    assert [(each["state"], each.get("alert"), each.get("reason")) for each in told] == [
        ("live", "cleared", None),
        ("live", "raised", None),
        ("stale", None, f"{OTHER}: gap"),
    ]
    market.publish(market.at(550), market.books[1].image({10_009: 5}, {10_011: 5}))
    quote(market, 650, 0, 10_000)
    assert [(each["state"], each["alert"]) for each in inbox.data(CHANNEL)] == [("live", "raised")]


def test_who_joins_while_a_book_is_stale_is_told_without_another_event() -> None:
    market = served()
    market.publish(market.at(50), [market.books[1].stale()])
    inbox = joined(market.hubs[0], CHANNEL)
    assert market.derivations.late
    market.publish(market.at(60), [])
    assert [(each["state"], each["reason"]) for each in inbox.data(CHANNEL)] == [("stale", f"{OTHER}: gap")]
    assert not market.derivations.late
    market.publish(market.at(70), market.books[1].image({10_009: 5}, {10_011: 5}))
    quote(market, 200, 0, 10_000)
    assert [each["alert"] for each in inbox.data(CHANNEL)] == ["raised"]


def test_both_venues_are_followed_from_either_side_and_no_longer_than_wanted() -> None:
    market = served()
    mirrored = f"alert.{OTHER}.crossed.{NAME}.5.100ms"
    inbox = joined(market.hubs[0], mirrored)
    quote(market, 100, 0, 9_980)
    quote(market, 200, 0, 9_980)
    told = inbox.data(mirrored)
    assert [(each["instrument_name"], each["alert"], each["buy"]) for each in told] == [
        (OTHER, "cleared", told[0]["buy"]),
        (OTHER, "raised", NAME),
    ]
    hub = market.hubs[0]
    hub.leave(inbox.subscriber, [mirrored])
    hub.directory.sweep(1)
    hub.directory.sweep(3600 * 10**9)
    assert not market.derivations.active
    quote(market, 300, 0, 9_980)


def test_prices_of_different_things_are_not_compared() -> None:
    market = served(kind="option", inverse=True, strike=1000.0, option_type="call")
    inbox = joined(market.hubs[0], CHANNEL)
    quote(market, 100, 0, 10_000)
    quote(market, 200, 0, 10_000)
    (told,) = inbox.data(CHANNEL)
    assert told["state"] == "failed"
    assert told["reason"] == (
        f"ValueError: these prices cannot be compared: {NAME} is BTC in USD, {OTHER} is BTC in BTC"
    )
