"""Chains, surfaces, skews and gamma exposure, as derivations. Needs the extra `analytics`."""

from collections.abc import Callable, Sequence
from math import isfinite

import numpy as np

from deltawire.analytics.derivation import Intervals
from deltawire.analytics.figures import (
    ChainData,
    ChainRow,
    ExpirySkew,
    GammaData,
    OwnGreeks,
    PainData,
    SkewData,
    SliceData,
    StrikeGamma,
    SurfaceData,
)
from deltawire.analytics.option_book import Expiry, Known, OptionBook, all_options, quotes_of
from deltawire.model.events import BookDelta, BookImage, Event, Ticker, Trade
from deltawire.options.black76_arrays import evaluate_chain
from deltawire.options.essvi import grid_breaches
from deltawire.options.implied import implied_band
from deltawire.options.implied_arrays import implied_vols
from deltawire.options.open_interest import (
    OpenOptions,
    gamma_exposure,
    max_pain,
    positions_from_flow,
    put_call_ratios,
)
from deltawire.options.skew import forward_vols, skew
from deltawire.options.surface_fit import SurfaceFit, expiry_quotes, fit_surface

MS_NS = 1_000_000
GRID = np.linspace(-1.0, 1.0, 200)
HALF_IV = 0.00005
"""Half a unit of a volatility stated in hundredths of a point, as a fraction."""


class OptionMetric:
    """Computes something of an underlying's options when an interval ends, of a book that others follow as well.

    Whoever owns the book updates it with an event after all its metrics have had it.
    """

    def __init__(
        self,
        book: OptionBook,
        interval_ns: int,
        compute: Callable[[int, OptionBook], Sequence[object]],
    ) -> None:
        """The first interval is that of the book's newest event."""
        self._book, self._compute = book, compute
        self._intervals = Intervals(interval_ns)
        self._intervals.ended(book.venue_ns)

    def update(self, event: Event) -> Sequence[object]:
        """At most one: of the interval that has ended."""
        if not isinstance(event, (BookImage, BookDelta, Ticker, Trade)):
            return ()
        if not self._book.concerned(event.instrument):
            return ()
        end = self._intervals.ended(event.venue_ns)
        return () if end is None else self._compute(end, self._book)


class Chain:
    """Data of `chain.C.E`."""

    def __init__(self, label: str, expiry: str, name_of: Callable[[str], str]) -> None:
        """`name_of` makes an instrument's public name of the venue's."""
        self._label, self._expiry, self._name_of = label, expiry, name_of

    def __call__(self, end: int, book: OptionBook) -> Sequence[ChainData]:
        """The chain, once its expiry is listed and has a forward."""
        return [self._chain(end, each) for each in book.expiries(end, self._expiry)]

    def _chain(self, end: int, expiry: Expiry) -> ChainData:
        options, forward = expiry.options, expiry.forward.price
        call = np.array([known.instrument.option_type == "call" for known in options])
        strike = np.array([known.instrument.strike for known in options])
        quotes = np.array([known.quote() for known in options])
        mark = np.array([known.stated.get("mark_price", np.nan) for known in options])
        theirs = np.array([known.stated.get("underlying_price", forward) for known in options])
        coin = np.array([known.instrument.priced_in == known.instrument.base for known in options])
        scale = np.where(coin, forward, 1.0)
        vols = [
            implied_vols(call, prices * scale, forward, strike=strike, years=expiry.years)
            for prices in quotes.T
        ]
        iv = implied_vols(call, mark * np.where(coin, theirs, 1.0), theirs, strike=strike, years=expiry.years)
        greeks = evaluate_chain(call, forward, strike, years=expiry.years, vol=iv)
        rows = []
        for at, known in enumerate(options):
            own = OwnGreeks(
                *(
                    float(each[at])
                    for each in (
                        greeks.delta,
                        greeks.gamma,
                        greeks.vega,
                        greeks.theta,
                        greeks.vanna,
                        greeks.volga,
                        greeks.charm,
                    )
                )
            )
            venue_iv, ours = known.stated.get("mark_iv"), _percent(iv[at])
            parted = _parted(known, float(mark[at]), float(theirs[at]), expiry.years)
            delta = known.delta
            rows.append(
                ChainRow(
                    self._name_of(known.instrument.name),
                    float(strike[at]),
                    "call" if call[at] else "put",
                    _finite(quotes[at][0]),
                    _finite(quotes[at][1]),
                    _finite(mark[at]),
                    _percent(vols[0][at]),
                    _percent(vols[1][at]),
                    ours,
                    venue_iv,
                    None if ours is None or venue_iv is None else ours - venue_iv,
                    parted,
                    own if isfinite(own.delta) and isfinite(own.vega) else None,
                    delta,
                    own.delta - delta if delta is not None and isfinite(own.delta) else None,
                )
            )
        dead = sum(not known.live for known in options)
        return ChainData(
            end // MS_NS,
            self._label,
            "live",
            expiry=expiry.name,
            years=expiry.years,
            forward=expiry.forward,
            not_live=dead,
            options=rows,
        )


def _parted(known: Known, mark: float, forward: float, years: float) -> bool:
    """Whether the venue's volatility is none that its mark, rounded to a tick, can stand for."""
    instrument, stated = known.instrument, known.stated.get("mark_iv")
    if stated is None or not isfinite(mark) or instrument.strike is None or not instrument.tick_size:
        return False
    scale = forward if instrument.priced_in == instrument.base else 1.0
    half_tick = 0.5 * instrument.price(instrument.tick) * scale
    band = implied_band(
        instrument.option_type == "call", mark * scale, half_tick, forward, instrument.strike, years
    )
    return band is not None and not band[0] - HALF_IV <= stated / 100 <= band[1] + HALF_IV


class _Fitted:
    """A surface that is fitted from its last fit on."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._fit: SurfaceFit | None = None

    def fit(self, expiries: list[Expiry]) -> SurfaceFit:
        """The surface of these expiries."""
        quotes = [
            expiry_quotes(each.strikes, **quotes_of(each), forward=each.forward.price, years=each.years)
            for each in expiries
        ]
        self._fit = fit_surface(quotes, self._fit)
        return self._fit


class Surface(_Fitted):
    """Data of `surface.C`."""

    def __call__(self, end: int, book: OptionBook) -> Sequence[SurfaceData]:
        """The surface; without any slice as long as too little is quoted."""
        expiries = book.expiries(end)
        fit, names = self.fit(expiries), {each.years: each.name for each in expiries}
        slices = [
            SliceData(
                names[each.smile.years],
                each.smile.years,
                each.smile.forward,
                float(each.smile.theta),
                float(each.smile.right),
                float(each.smile.left),
                100 * float(np.sqrt(each.smile.theta / each.smile.years)),
                each.fit_rms,
                each.within,
                each.quotes_used,
            )
            for each in fit.slices
        ]
        breaches = len(grid_breaches(fit.surface, GRID)) if slices else 0
        skipped = [names[years] for years in fit.skipped]
        return [
            SurfaceData(end // MS_NS, self.label, "live", slices=slices, breaches=breaches, skipped=skipped)
        ]


class Skew(_Fitted):
    """Data of `skew.C`."""

    def __call__(self, end: int, book: OptionBook) -> Sequence[SkewData]:
        """Skew and term structure of the fitted surface."""
        expiries = book.expiries(end)
        fit, names = self.fit(expiries), {each.years: each.name for each in expiries}
        rows = []
        for each in fit.slices:
            found = skew(each.smile)
            vols = (found.at_money, found.call_vol, found.put_vol, found.skew, found.butterfly)
            rows.append(ExpirySkew(names[found.years], found.years, *(100 * vol for vol in vols)))
        between = [100 * vol for _, _, vol in forward_vols(fit.surface)]
        return [SkewData(end // MS_NS, self.label, "live", expiries=rows, forward_iv=between)]


class Gamma:
    """Data of `gex.C`."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(self, end: int, book: OptionBook) -> Sequence[GammaData]:
        """Of the options whose open interest and volatility the venue states; none without an index."""
        spot, expiries = book.spot(), book.expiries(end)
        options = [
            (expiry, known)
            for expiry, known in all_options(expiries)
            if "open_interest" in known.stated and "mark_iv" in known.stated
        ]
        if spot is None or not options:
            return [GammaData(end // MS_NS, self._label, "live", spot=spot)]
        held = np.array([known.stated["open_interest"] for _, known in options])
        call = np.array([known.instrument.option_type == "call" for _, known in options])
        strike = np.array([known.instrument.strike for _, known in options])
        volume = np.array([known.volume for _, known in options])
        mark = np.array([known.stated.get("mark_price", 0.0) for _, known in options])
        positions = OpenOptions(
            call,
            strike,
            np.array([expiry.forward.price for expiry, _ in options]),
            np.array([expiry.years for expiry, _ in options]),
            np.array([known.stated["mark_iv"] / 100 for _, known in options]),
            held * np.array([known.instrument.unit_size or 1.0 for _, known in options]),
        )
        flow = positions_from_flow(np.array([known.signed for _, known in options]), held)
        found = gamma_exposure(positions, spot, flow=flow)
        ratios = put_call_ratios(call, held, volume, premium=volume * mark)
        return [
            GammaData(
                end // MS_NS,
                self._label,
                "live",
                spot=spot,
                strikes=[
                    StrikeGamma(float(k), float(g)) for k, g in zip(found.strikes, found.gross, strict=True)
                ],
                net=found.net,
                zero=found.zero,
                zero_span=found.zero_span,
                from_flow=found.from_flow,
                flow_coverage=found.flow_coverage,
                put_call_open_interest=ratios.by_open_interest,
                put_call_volume=ratios.by_volume,
                put_call_premium=ratios.by_premium,
                max_pain=[pain for each in expiries if (pain := _pain(each)) is not None],
            )
        ]


def _pain(expiry: Expiry) -> PainData | None:
    options = [known for known in expiry.options if "open_interest" in known.stated]
    found = max_pain(
        [known.instrument.option_type == "call" for known in options],
        [known.instrument.strike or 0.0 for known in options],
        [known.stated["open_interest"] for known in options],
        open_interest_ns=max((known.open_interest_ns for known in options), default=0),
    )
    if found is None:
        return None
    return PainData(expiry.name, found.strike, found.payout, found.open_interest_ns // MS_NS)


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _percent(vol: float) -> float | None:
    return 100 * float(vol) if isfinite(vol) else None
