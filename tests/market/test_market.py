"""All instruments of all venues, under their public names."""

from deltawire.market.market import Market
from deltawire.model.events import Fault
from tests.support.market_events import (
    START_NS,
    VENUE,
    ScriptedBook,
    make_index,
    make_instrument,
    make_listing,
    make_ticker,
    make_trade,
)


def test_home_instruments_have_bare_names_and_others_their_venue_in_front() -> None:
    market = Market(VENUE)
    market.apply(make_listing(make_instrument()))
    market.apply(make_listing(make_instrument("BTC-USDT-SWAP", venue="okx")))
    assert [state.name for state in market] == ["BTC-PERPETUAL", "okx:BTC-USDT-SWAP"]
    assert [state.number for state in market] == [1, 2]
    assert len(market) == 2
    assert market.find("BTC-USDT-SWAP") is None
    state = market.find("okx:BTC-USDT-SWAP")
    assert state is not None
    assert state.instrument.key == "okx:BTC-USDT-SWAP"


def test_every_event_reaches_the_state_of_its_instrument() -> None:
    market, book = Market(VENUE), ScriptedBook()
    for event in (
        make_listing(book.instrument),
        *book.image({1000: 1}, {1001: 2}),
        book.change(bids={999: 3}),
        make_ticker(book.instrument, mark_price=5.0),
        make_trade(book.instrument, 1000, 10),
    ):
        state = market.apply(event)
        assert state is market.find("BTC-PERPETUAL")
    assert state is not None
    assert (state.sequence, state.live, len(state.tape), state.ticker["mark_price"]) == (2, True, 1, 5.0)


def test_what_is_about_no_instrument_changes_none() -> None:
    market = Market(VENUE)
    assert market.apply(make_index(5.0)) is None
    assert market.apply(Fault(VENUE, START_NS, "nonsense")) is None
    assert len(market) == 0


def test_an_index_price_is_the_venues_own_and_only_without_one_the_tickers() -> None:
    market, instrument = Market(VENUE), make_instrument()
    market.apply(make_ticker(instrument, index_price=100.0))
    assert market.index("btc_usd").price == 100.0
    market.apply(make_index(101.0))
    market.apply(make_ticker(instrument, index_price=102.0))
    assert market.index("btc_usd").price == 101.0
    assert market.index("eth_usd") is None


def test_each_venue_has_its_own_clock() -> None:
    market = Market(VENUE)
    market.advance("okx", 7)
    assert market.time(market.state(make_instrument(venue="okx"))) == 7
    assert market.time(market.state(make_instrument())) == 0
