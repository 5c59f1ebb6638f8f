"""Converts the whole state of an exchange between two records to bytes and back."""

import msgspec

from deltawire.exchange.exchange import Exchange
from deltawire.exchange.matching.books import OrderBook
from deltawire.exchange.matching.levels import BookSide
from deltawire.exchange.matching.protection import Guard, GuardKey
from deltawire.exchange.matching.quoting import QuoteKey
from deltawire.exchange.orders.orders import AccountId, Order, OrderId, SelfTrading
from deltawire.exchange.ports import Reference
from deltawire.model.instruments import Instrument


class _Book(msgspec.Struct, frozen=True):
    instrument: Instrument
    open: bool
    reference: Reference
    last_ticks: int | None
    sequence: int
    trade_seq: int
    bids: list[OrderId]
    asks: list[OrderId]
    """In the order in which they would trade."""
    last_published: int | None = None
    last_told: int | msgspec.UnsetType | None = msgspec.UNSET
    """The name of `last_published` in snapshots of version 0.1.0; never written."""


class _State(msgspec.Struct, frozen=True):
    now: int
    next_order_id: OrderId
    next_trade_id: int
    books: list[_Book]
    orders: list[Order]
    days: list[tuple[int, OrderId]]
    self_trading: list[tuple[AccountId, SelfTrading]]
    guards: list[tuple[GuardKey, Guard]]
    quotes: list[tuple[QuoteKey, OrderId]]
    cancelling: list[AccountId]
    connections: list[tuple[tuple[AccountId, int], bool]]
    risk: bytes


def freeze(exchange: Exchange) -> bytes:
    """Encode the state; the same state gives the same bytes."""
    matching = exchange.matching
    state = _State(
        matching.now,
        matching.next_order_id,
        matching.next_trade_id,
        [_frozen(book) for book in matching.books.values()],
        list(matching.orders.values()),
        list(matching.days),
        list(matching.self_trading.items()),
        list(exchange.matcher.protection.guards.items()),
        exchange.quoting.standing(),
        sorted(exchange.connections.accounts),
        list(exchange.connections.settings.items()),
        matching.risk.freeze(),
    )
    return msgspec.json.encode(state)


def thaw(exchange: Exchange, frozen: bytes) -> None:
    """Restore a frozen state in a new exchange; `msgspec.DecodeError` if the bytes are not a state."""
    state = msgspec.json.decode(frozen, type=_State)
    matching = exchange.matching
    matching.now, matching.next_order_id, matching.next_trade_id = (
        state.now,
        state.next_order_id,
        state.next_trade_id,
    )
    matching.orders.update((order.id, order) for order in state.orders)
    for order in state.orders:
        matching.by_account.setdefault(order.account, {})[order.id] = order
    matching.days.extend(state.days)
    matching.self_trading.update(state.self_trading)
    for saved in state.books:
        matching.books[saved.instrument.name] = _thawed(saved, exchange)
    for order in state.orders:
        _wait(order, matching.books[order.instrument])
    exchange.matcher.protection.guards.update(state.guards)
    for key, order_id in state.quotes:
        exchange.quoting.note(key, order_id)
    exchange.connections.accounts.update(state.cancelling)
    exchange.connections.settings.update(state.connections)
    matching.risk.thaw(state.risk)


def _frozen(book: OrderBook) -> _Book:
    return _Book(
        book.instrument,
        book.open,
        book.reference,
        book.last_ticks,
        book.sequence,
        book.trade_seq,
        [order.id for order in book.bids.orders()],
        [order.id for order in book.asks.orders()],
        book.last_published,
    )


def _thawed(frozen: _Book, exchange: Exchange) -> OrderBook:
    book = OrderBook(frozen.instrument)
    book.refer(frozen.reference)
    book.open, book.sequence, book.trade_seq = frozen.open, frozen.sequence, frozen.trade_seq
    book.last_ticks = frozen.last_ticks
    book.last_published = frozen.last_published if frozen.last_told is msgspec.UNSET else frozen.last_told
    _fill(book.bids, frozen.bids, exchange)
    _fill(book.asks, frozen.asks, exchange)
    return book


def _fill(side: BookSide, ids: list[OrderId], exchange: Exchange) -> None:
    for order_id in ids:
        order = exchange.matching.orders[order_id]
        side.add(order)
        if order.terms.reduce_only:
            exchange.matcher.note(order)
    side.touched.clear()


def _wait(order: Order, book: OrderBook) -> None:
    trigger = order.terms.trigger
    if trigger is not None and order.state == "untriggered" and not order.primary_id:
        book.waiting[trigger].add(order)
