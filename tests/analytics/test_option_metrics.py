"""Channels about options: volatilities, greeks, surface and gamma of a market whose volatilities are known."""

from collections.abc import Iterator
from math import log

import msgspec
import pytest

from deltawire.analytics.derivations import Derivations, Wanted
from deltawire.analytics.figures import ChainData, GammaData, SkewData, SurfaceData
from deltawire.analytics.option_book import OptionBook
from deltawire.model.events import Derived, Event, Greeks
from deltawire.model.instruments import Instrument
from deltawire.options.black76 import evaluate
from tests.support.market_events import MS_NS, START_NS, VENUE, ScriptedBook, make_option, make_ticker

FORWARD = 40_000.0
EXPIRIES = {"29DEC23": 1_703_836_800_000_000_000, "29MAR24": 1_711_699_200_000_000_000}
STRIKES = range(30_000, 54_000, 2_000)
YEAR_NS = 365 * 86_400 * 10**9


def vol(strike: float) -> float:
    return 0.55 - 0.15 * log(strike / FORWARD) + 0.4 * log(strike / FORWARD) ** 2


def listed() -> Iterator[Instrument]:
    for expiry, time in EXPIRIES.items():
        for strike in STRIKES:
            for kind in ("call", "put"):
                yield make_option(
                    f"BTC-{expiry}-{strike}-{kind[0].upper()}",
                    strike=float(strike),
                    option_type=kind,
                    expiration_ns=time,
                    price_exponent=-6,
                    tick_size="0.000001",
                )


def events(width: float = 0.01, open_interest: float = 10.0) -> Iterator[Event]:
    """A book and a ticker of each option, quoted so many volatilities around the smile."""
    for instrument in listed():
        strike, call = instrument.strike or 0.0, instrument.option_type == "call"
        years = (instrument.expiration_ns - START_NS) / YEAR_NS
        at = [
            evaluate(call, FORWARD, strike, years, vol(strike) + way).value / FORWARD
            for way in (-width, 0, width)
        ]
        book = ScriptedBook(instrument)
        yield from book.image({int(at[0] * 1e6): 10}, {int(at[2] * 1e6) + 1: 10})
        found = evaluate(call, FORWARD, strike, years, vol(strike))
        yield make_ticker(
            instrument,
            mark_price=round(at[1], 6),
            mark_iv=round(100 * vol(strike), 2),
            underlying_price=FORWARD,
            index_price=FORWARD,
            open_interest=open_interest,
            greeks=Greeks(found.delta, found.gamma, found.vega, found.theta),
        )


def figures(family: str, expiry: str = "", **more: float) -> object:
    """What a channel says at the end of the first second."""
    derivations = Derivations()
    derivations.want(Wanted("channel", family, VENUE, "BTC", "BTC", 10**9, expiry=expiry))
    last = make_ticker(next(listed()), START_NS + 1000 * MS_NS)
    found = derivations.extended([*events(**more), last])
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert derived.venue_ns == START_NS + 1000 * MS_NS
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(derived.data)), type(derived.data)) == (
        derived.data
    )
    return derived.data


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_a_chain_has_our_volatilities_beside_the_venues(expiry: str) -> None:
    chain = figures("chain", expiry)
    assert isinstance(chain, ChainData)
    assert chain.expiry == expiry
    assert chain.forward is not None
    assert chain.forward.source == "parity"
    assert chain.forward.price == pytest.approx(FORWARD, rel=1e-4)
    assert len(chain.options) == 2 * len(STRIKES)
    for row in chain.options:
        out_of_the_money = (row.strike >= FORWARD) is (row.option_type == "call")
        assert not row.parted
        if out_of_the_money:
            assert row.iv == pytest.approx(100 * vol(row.strike), abs=0.05)
            assert row.iv_difference == pytest.approx(0.0, abs=0.05)
            assert row.bid_iv is not None
            assert row.ask_iv is not None
            assert row.bid_iv < 100 * vol(row.strike) < row.ask_iv
            assert row.delta_difference == pytest.approx(0.0, abs=1e-3)


def test_a_venues_volatility_that_its_mark_cannot_stand_for_is_told() -> None:
    derivations = Derivations()
    derivations.want(Wanted("channel", "chain", VENUE, "BTC", "BTC", 10**9, expiry="29DEC23"))
    wrong = next(each for each in listed() if each.strike == 42_000.0)
    found = derivations.extended(
        [
            *events(),
            make_ticker(wrong, mark_iv=70.0),
            make_ticker(next(listed()), START_NS + 1000 * MS_NS),
        ]
    )
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert isinstance(derived.data, ChainData)
    assert [row.instrument_name for row in derived.data.options if row.parted] == [wrong.name]


def test_a_surface_lies_within_the_quotes_without_arbitrage() -> None:
    surface = figures("surface")
    assert isinstance(surface, SurfaceData)
    assert [each.expiry for each in surface.slices] == [*EXPIRIES]
    assert not surface.breaches
    assert not surface.skipped
    for each in surface.slices:
        assert each.quotes_used == len(STRIKES)
        assert each.fit_rms < 0.5
        assert each.at_money_iv == pytest.approx(55.0, abs=0.5)


def test_calls_are_cheaper_than_puts_where_the_smile_falls() -> None:
    found = figures("skew")
    assert isinstance(found, SkewData)
    for each in found.expiries:
        assert each.skew < 0 < each.butterfly
        assert each.skew == pytest.approx(each.call_iv - each.put_iv)
    assert len(found.forward_iv) == len(EXPIRIES) - 1


def test_gamma_is_by_named_convention() -> None:
    found = figures("gex")
    assert isinstance(found, GammaData)
    gross = sum(each.gross for each in found.strikes)
    assert found.net["dealers_long_all"] == pytest.approx(gross)
    assert found.net["dealers_short_all"] == pytest.approx(-gross)
    assert abs(found.net["dealers_long_calls_short_puts"]) < 1e-9 * gross
    assert found.put_call_open_interest == 1.0
    assert found.flow_coverage == 0.0
    assert [each.expiry for each in found.max_pain] == [*EXPIRIES]


def test_an_option_that_is_not_live_has_no_quotes() -> None:
    derivations = Derivations()
    derivations.want(Wanted("channel", "chain", VENUE, "BTC", "BTC", 10**9, expiry="29DEC23"))
    stale = ScriptedBook(next(listed())).stale()
    found = derivations.extended([*events(), stale, make_ticker(next(listed()), START_NS + 1000 * MS_NS)])
    (derived,) = [each for each in found if isinstance(each, Derived)]
    assert isinstance(derived.data, ChainData)
    assert derived.data.not_live == 1
    assert derived.data.options[0].bid is None
    assert derived.data.options[1].bid is not None


def wanted(channel: str, family: str, every_ms: int = 1000, expiry: str = "") -> Wanted:
    return Wanted(channel, family, VENUE, "BTC", "BTC", every_ms * MS_NS, expiry=expiry)


def moving() -> list[Event]:
    """The quotes, and then five seconds in which a mark, a future and a listing change."""
    found, first = [*events()], next(listed())
    for second in range(1, 6):
        at_ns = START_NS + second * 1000 * MS_NS
        found.append(make_ticker(first, at_ns, mark_price=0.2 + 0.01 * second, open_interest=float(second)))
    return found


ALL = (
    wanted("a", "chain", expiry="29DEC23"),
    wanted("b", "chain", 2000, expiry="29MAR24"),
    wanted("c", "surface"),
    wanted("d", "skew", 2000),
    wanted("e", "gex"),
)


def derived_of(events: list[Event], channel: str) -> list[Event]:
    return [event for event in events if isinstance(event, Derived) and event.channel == channel]


def test_channels_about_one_underlying_say_together_what_each_says_alone() -> None:
    together = Derivations()
    for each in ALL:
        together.want(each)
    found = together.extended(moving())
    for each in ALL:
        alone = Derivations()
        alone.want(each)
        expected = derived_of(alone.extended(moving()), each.channel)
        assert expected
        assert derived_of(found, each.channel) == expected


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_who_joins_in_the_middle_of_a_moment_says_afterwards_what_the_others_say(steps: int) -> None:
    moment, later = moving()[:-2], moving()[-2:]
    joined = Derivations()
    joined.want(ALL[0])
    extension = joined.extend(moment)
    for _ in range(steps):
        assert extension.step()
    for each in ALL[1:]:
        joined.want(each, beginning=iter(()))
    while extension.step():
        pass
    before = Derivations()
    for each in ALL:
        before.want(each)
    before.extended(moment)
    found, expected = joined.extended(later), before.extended(later)
    for each in ALL:
        assert [event.data for event in derived_of(found, each.channel)] == [
            event.data for event in derived_of(expected, each.channel)
        ]


def test_the_underlying_is_followed_once_and_only_while_somebody_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[OptionBook] = []
    create = OptionBook.__init__

    def counted(book: OptionBook, venue: str, base: str) -> None:
        made.append(book)
        create(book, venue, base)

    monkeypatch.setattr(OptionBook, "__init__", counted)
    derivations = Derivations()
    for each in ALL:
        derivations.want(each, events())
    assert len(made) == 1
    for each in ALL:
        derivations.drop(each.channel)
    assert derivations.extended(moving()) == moving()
    derivations.want(ALL[0])
    assert len(made) == 2


def test_an_underlying_that_cannot_be_followed_ends_every_channel_about_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    derivations = Derivations()
    for each in ALL:
        derivations.want(each)
    derivations.extended(moving()[:-1])
    first = next(listed())
    derivations.want(Wanted("other", "prices", VENUE, first.name, first.name, 10**9))

    def broken(book: OptionBook, event: Event) -> None:
        raise ZeroDivisionError("a wrong number")

    monkeypatch.setattr(OptionBook, "update", broken)
    found = derivations.extended(
        [make_ticker(first, START_NS + 8000 * MS_NS, mark_price=0.1 * at) for at in (1, 2)]
    )
    for each in ALL:
        last = derived_of(found, each.channel)[-1]
        assert isinstance(last, Derived)
        assert last.data.state == "failed"
        assert last.data.reason == "ZeroDivisionError: a wrong number"
    assert all(
        event.data.state == "live" for event in derived_of(found, "other") if isinstance(event, Derived)
    )
