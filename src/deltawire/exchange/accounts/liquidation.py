"""Liquidation: an account whose maintenance margin exceeds its margin balance is reduced step by step.

Deribit (support article 25944769313309): the engine cancels the account's orders, then closes parts of its positions
in rounds until the margin is covered, futures before options. A fee goes to the insurance fund, which covers the debt
of a bankrupt account; the profits of the session pay what the fund cannot cover.
"""

from deltawire.exchange.accounts.account_records import AccountNotice, LiquidationBegan, LiquidationEnded
from deltawire.exchange.accounts.ledger import Account, Ledger
from deltawire.exchange.accounts.margin_state import MarginState
from deltawire.exchange.accounts.margining import InstrumentMargin
from deltawire.exchange.accounts.positions import Position, share
from deltawire.exchange.orders.orders import AccountId, Terms
from deltawire.exchange.ports import CancelAll, Liquidate, RiskInstruction
from deltawire.exchange.pricing.pricing import PriceBand, Pricing, price_band
from deltawire.model.instruments import Instrument
from deltawire.model.numbers import parse_decimal, unit

Outbox = list[AccountNotice | RiskInstruction]
Key = tuple[AccountId, str]
CLIPS = 4
"""A round closes at most this fraction of a position: one in four."""


class Liquidation:
    """Checks accounts that have changed, and all when prices have changed; one order per account and round."""

    def __init__(self, ledger: Ledger, pricing: Pricing, standings: MarginState, band: PriceBand) -> None:
        self._ledger = ledger
        self._pricing = pricing
        self._standings = standings
        self._band = band
        self._suspects: dict[Key, None] = {}
        self._ready: set[Key] = set()
        self._paid: dict[Key, tuple[int, int]] = {}

    def suspect(self, account: Account, currency: str) -> None:
        """Mark an account as changed; it is checked before the record ends."""
        self._suspects[account.id, currency] = None

    def round(self) -> None:
        """Start a new round after new prices: every account is checked, and each may be reduced by one order."""
        for account in self._ledger.accounts.values():
            for currency in account.wallets:
                self._suspects[account.id, currency] = None
        self._ready = set(self._suspects)

    def examine(self, outbox: Outbox) -> None:
        """Start, continue and end liquidations."""
        if not self._suspects:
            return
        suspects, self._suspects = self._suspects, {}
        for number, currency in suspects:
            account = self._ledger.accounts[number]
            if account.wallet(currency).liquidating:
                self._continue(account, currency, outbox)
            elif not self._standings.covered(account, currency):
                self._begin(account, currency, outbox)
                self._continue(account, currency, outbox)

    def _begin(self, account: Account, currency: str, outbox: Outbox) -> None:
        account.wallet(currency).liquidating = True
        outbox.append(LiquidationBegan(account.id, currency))
        instruments = self._pricing.instruments
        names = dict.fromkeys(order.instrument for order in account.orders.values())
        for name in names:
            if name in instruments and instruments[name].settlement == currency:
                outbox.append(CancelAll(account.id, "autoliquidation", name))

    def _continue(self, account: Account, currency: str, outbox: Outbox) -> None:
        if self._standings.covered(account, currency):
            self._end(account, currency, outbox)
            return
        if not any(position.lots for _, position in self._positions(account, currency)):
            self._bail_out(account, currency)
            self._end(account, currency, outbox)
            return
        key = account.id, currency
        if key in self._ready:
            self._ready.discard(key)
            order = self._clip(account, currency)
            if order is not None:
                outbox.append(order)

    def _end(self, account: Account, currency: str, outbox: Outbox) -> None:
        account.wallet(currency).liquidating = False
        covered, socialised = self._paid.pop((account.id, currency), (0, 0))
        balance = account.wallet(currency).balance
        outbox.append(
            LiquidationEnded(account.id, currency, covered, socialised, self._pricing.now_ns, balance)
        )

    def _positions(self, account: Account, currency: str) -> list[tuple[Instrument, Position]]:
        instruments = self._pricing.instruments
        return [
            (instruments[name], position)
            for name, position in account.positions.items()
            if instruments[name].settlement == currency
        ]

    def _clip(self, account: Account, currency: str) -> Liquidate | None:
        """The order that closes the next part: futures, then short options, then long options with a value."""
        lines = self._standings.standing(account, currency).lines
        ranked = sorted(
            (
                (_rank(instrument, position), -_size(lines.get(instrument.name)), instrument.name)
                for instrument, position in self._positions(account, currency)
                if position.lots and instrument.name in self._pricing.marks
            ),
        )
        if not ranked:
            return None
        name = ranked[0][2]
        return self._order(account, self._pricing.instruments[name], account.positions[name].lots, currency)

    def _order(self, account: Account, instrument: Instrument, lots: int, currency: str) -> Liquidate:
        """An order at the end of the price band, which trades immediately or not at all."""
        step = parse_decimal(instrument.min_trade_size, instrument.size_exponent)
        wanted = -(-abs(lots) * self._missing(account, currency) // 1_000_000)
        most = max(-(-abs(lots) // CLIPS), step)
        size = min(abs(lots), -(-min(max(wanted, step), most) // step) * step)
        mark = self._pricing.marks[instrument.name]
        index = self._pricing.index[instrument.index_name]
        low, high = price_band(self._band, instrument, mark, index)
        return Liquidate(
            account.id,
            Terms(
                instrument=instrument.name,
                side="sell" if lots > 0 else "buy",
                size_lots=size,
                price_ticks=_inside(instrument, low if lots > 0 else high, up=lots > 0),
                time_in_force="immediate_or_cancel",
                reduce_only=True,
                liquidation=True,
            ),
        )

    def _missing(self, account: Account, currency: str) -> int:
        """The uncovered share of the maintenance margin, in millionths."""
        maintenance = self._standings.maintenance(account, currency)
        balance = self._standings.margin_balance(account, currency)
        if maintenance <= 0 or balance <= 0:
            return 1_000_000
        return min(1_000_000, -(-(maintenance - balance) * 1_000_000 // maintenance))

    def _bail_out(self, account: Account, currency: str) -> None:
        """Nothing is left to close: the fund pays the debt of the account, then the winners."""
        wallet = account.wallet(currency)
        for instrument, position in self._positions(account, currency):
            wallet.balance += position.unsettled
            del account.positions[instrument.name]
            self._standings.refresh(account, instrument)
        owed = max(0, -wallet.balance)
        fund = self._ledger.house(currency).insurance
        covered = min(owed, max(fund, 0))
        self._ledger.insure(wallet, currency, -covered)
        socialised = self._socialise(account, currency, owed - covered)
        self._ledger.insure(wallet, currency, min(0, wallet.balance))
        self._paid[account.id, currency] = covered, socialised

    def _socialise(self, loser: Account, currency: str, owed: int) -> int:
        """Charge the debt to this session's winners in proportion to their profit, never more than that."""
        profits = {
            number: profit
            for number, account in self._ledger.accounts.items()
            if (profit := self._profit(account, currency)) > 0
        }
        total = sum(profits.values())
        owed = min(owed, total)
        left = owed
        for number, profit in profits.items():
            part = min(left, share(owed, profit, total))
            self._ledger.account(number).wallet(currency).balance -= part
            loser.wallet(currency).balance += part
            left -= part
        return owed - left

    def _profit(self, account: Account, currency: str) -> int:
        margin = self._standings.standing(account, currency)
        return margin.upl + margin.rpl


def _rank(instrument: Instrument, position: Position) -> int:
    if instrument.kind == "future":
        return 0
    return 1 if position.lots < 0 else 2


def _size(line: InstrumentMargin | None) -> int:
    return line.maintenance or line.options_value if line else 0


def _inside(instrument: Instrument, price: float, *, up: bool) -> int:
    """A price in ticks on the grid, rounded into the band; at least one increment."""
    ticks = round(price * unit(instrument.price_exponent), 6)
    tick = instrument.tick_at(int(ticks))
    return max(int(-(-ticks // tick) if up else ticks // tick) * tick, tick)
