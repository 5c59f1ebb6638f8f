"""Surfaces of the built-in exchange's chains: their error is small against the quotes, and they allow no arbitrage."""

from collections.abc import Iterator

import numpy as np
import pytest

from deltawire.agents.simulation import Simulation
from deltawire.analytics.derivations import Derivations, Wanted
from deltawire.analytics.figures import SurfaceData
from deltawire.exchange.accounts.accounts import Accounts
from deltawire.exchange.exchange import Exchange
from deltawire.model.events import BookDelta, BookImage, Derived, Event, Listing, Status
from deltawire.options.essvi import FittedSurface, SmileSlice, grid_breaches
from deltawire.testing.market import START_NS, streams

SECOND_NS = 1_000_000_000
GRID = np.linspace(-1.0, 1.0, 200)


def market(seed: int, seconds: int) -> Iterator[list[Event]]:
    """Moments of the whole built-in exchange: futures and options of both coins."""
    accounts = Accounts()
    simulation = Simulation(streams(seed), START_NS, exchange=Exchange(accounts), accounts=accounts)
    for _, outputs in simulation.advance(START_NS + seconds * SECOND_NS):
        yield [each for each in outputs if isinstance(each, BookDelta | BookImage | Listing | Status)]


@pytest.fixture(scope="module", params=[1, 2])
def surfaces(request: pytest.FixtureRequest) -> list[SurfaceData]:
    """One a second of either coin."""
    derivations, found = Derivations(), []
    for coin in ("BTC", "ETH"):
        derivations.want(Wanted(f"surface.{coin}.1s", "surface", "deltawire", coin, coin, SECOND_NS))
    for events in market(request.param, 20):
        found += [event.data for event in derivations.extended(events) if isinstance(event, Derived)]
    assert {each.state for each in found} == {"live"}
    return found[10:]  # the chains are quoted by then


def test_nine_slices_of_ten_are_within_half_a_width_of_the_quotes(surfaces: list[SurfaceData]) -> None:
    slices = [each for surface in surfaces for each in surface.slices]
    assert len(slices) > 100
    assert np.mean([each.fit_rms < 0.5 for each in slices]) >= 0.9
    assert min(each.quotes_used for each in slices) >= 4


def test_no_fitted_surface_allows_arbitrage_on_200_strikes_of_all_expiries(
    surfaces: list[SurfaceData],
) -> None:
    assert {surface.breaches for surface in surfaces} == {0}
    for surface in surfaces[-4:]:
        smiles = [
            SmileSlice(each.years, each.forward, each.theta, each.right, each.left) for each in surface.slices
        ]
        assert len(smiles) > 5
        assert grid_breaches(FittedSurface(tuple(smiles)), GRID) == []
