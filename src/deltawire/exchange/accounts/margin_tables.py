"""All coefficients of margins, in a versioned table.

Sources: Deribit support 25944756807069, 25944738177565, 25944826427293 (futures); options as in bit.com's help
11039704681753, which has the same formulas; portfolio margin: support 25944756247837 and the example of
private/pme/simulate (2024-06, BTC; 2026-02, ETH). Where Deribit states nothing, the field says what is assumed.
"""

import msgspec


class FutureRates(msgspec.Struct, frozen=True):
    """Rates relative to the size of the position; both grow by `slope` per coin of size."""

    initial: float
    maintenance: float
    slope: float


class OptionRates(msgspec.Struct, frozen=True):
    """Rates relative to the underlying that a short option needs in addition to its mark price."""

    initial: float = 0.15
    floor: float = 0.10
    maintenance: float = 0.075


class PortfolioRates(msgspec.Struct, frozen=True, kw_only=True):
    """The risk matrix of one index."""

    price_range: float = 0.16
    buckets: int = 4
    """Number of price moves on each side."""
    volatility_up: float = 0.50
    volatility_down: float = 0.25
    short_vega_power: float = 0.30
    long_vega_power: float = 0.13
    min_volatility_up: float = 0.50
    """Minimum of a volatility that was shocked upwards."""
    extended_moves: tuple[float, ...] = (-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
    extended_factor: float = 1.0
    extended_dampener: float = 100_000.0
    """In US dollars."""
    delta_threshold: float = 20_000_000.0
    """Delta in US dollars that can be closed without moving the market."""
    max_delta_shock: float = 0.10
    """Rate on the delta beyond the threshold; an assumption, Deribit gives no formula."""
    annualised_move_risk: float = 0.075
    min_annualised_move: float = 0.01
    pnl_offset: float = 0.6
    """Share of one index's gains that may cover another's losses."""
    maintenance: float = 0.8


class CoinTable(msgspec.Struct, frozen=True):
    """The rates of one base coin."""

    base: str
    future: FutureRates
    option: OptionRates
    portfolio: PortfolioRates


class MarginTable(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of all coins; coins that are not named have those of the last."""

    version: str = "2025-1"
    coins: tuple[CoinTable, ...] = (
        CoinTable("BTC", FutureRates(0.02, 0.01, 0.00005), OptionRates(), PortfolioRates()),
        CoinTable(
            "ETH",
            FutureRates(0.02, 0.01, 0.000004),
            OptionRates(),
            PortfolioRates(
                price_range=0.18,
                volatility_up=0.40,
                extended_dampener=200_000.0,
                annualised_move_risk=0.05,
                min_annualised_move=0.005,
            ),
        ),
        CoinTable(
            "SOL",
            FutureRates(0.04, 0.02, 0.000005),
            OptionRates(0.20, 0.13, 0.10),
            PortfolioRates(extended_dampener=25_000.0, annualised_move_risk=0.10),
        ),
    )

    def coin(self, base: str) -> CoinTable:
        """The rates of a base coin."""
        return next((coin for coin in self.coins if coin.base == base), self.coins[-1])


def max_leverage(margins: MarginTable, base: str) -> int:
    """How many times its initial margin a small position in a coin's futures may be worth."""
    return round(1 / margins.coin(base).future.initial)
