"""The hub: who joins gets its images in order, who leaves nothing more, and equal calls give equal bytes."""

from itertools import pairwise
from typing import Any

import pytest

from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import ResumePosition, parse_channel
from deltawire.fanout.channel_encoding import PROTO
from deltawire.fanout.history import RetentionPolicy
from deltawire.fanout.hub import Hub
from deltawire.market.market import Market
from deltawire.model.events import Event, Index, VenueStatus, VolatilityIndex
from deltawire.wire.protobuf import ProtoDecoder
from tests.support.frames import BINARY, take_frames
from tests.support.hub_harness import ASKS, BIDS, HubHarness, live_hub_harness
from tests.support.market_events import (
    VENUE,
    ScriptedBook,
    make_constituent,
    make_index,
    make_instrument,
    make_listing,
    make_option,
    make_ticker,
    make_trade,
)
from tests.support.subscribers import Inbox, join, joined

CHANNELS = {
    "book": "book.BTC-PERPETUAL.raw",
    "grouped_book": "book.BTC-PERPETUAL.none.10.100ms",
    "trades": "trades.BTC-PERPETUAL.100ms",
    "kind_trades": "trades.any.any.agg2",
    "ticker": "ticker.BTC-PERPETUAL.agg2",
    "incremental_ticker": "incremental_ticker.BTC-PERPETUAL",
    "quote": "quote.BTC-PERPETUAL",
    "perpetual": "perpetual.BTC-PERPETUAL.raw",
    "index": "deribit_price_index.btc_usd",
    "index_statistics": "deribit_price_statistics.btc_usd",
    "expiration_price": "estimated_expiration_price.btc_usd",
    "candles": "chart.trades.BTC-PERPETUAL.1D",
    "mark_prices": "markprice.options.btc_usd",
    "instrument_state": "instrument.state.any.any",
    "status": "status.BTC-PERPETUAL",
    "health": "book.BTC-PERPETUAL.health",
    "volatility_index": "deribit_volatility_index.btc_usd",
    "price_ranking": "deribit_price_ranking.btc_usd",
    "venue_status": f"venue_status.{VENUE}",
    "platform_state": "platform_state",
}
WITHOUT_IMAGE = {"trades", "kind_trades", "instrument_state", "platform_state"}


def everything(book: ScriptedBook, number: int) -> list[Event]:
    """A moment in which something happens to every family."""
    instrument, at_ns = book.instrument, book.now_ns
    return [
        book.change(bids={1000: 10 + number}),
        make_trade(instrument, 1000 + number, 10, at_ns),
        make_ticker(
            instrument, at_ns, mark_price=100.0 + number, current_funding=0.1 * number, index_price=99.0
        ),
        make_ticker(
            make_option(), at_ns, mark_price=0.1 * number, mark_iv=50.0, estimated_delivery_price=99.5
        ),
        make_index(100.0 + number, at_ns=at_ns, constituents=(make_constituent(100.0 + number),)),
        VolatilityIndex(VENUE, "btc_usd", 60.0 + number, at_ns, at_ns),
        make_listing(make_instrument(f"BTC-{number}"), at_ns),
        VenueStatus(VENUE, "down" if number % 2 else "up", at_ns, f"{number}", subject="btc_usd"),
        book.live(),
    ]


def test_every_family_has_a_channel_here() -> None:
    assert {name: parse_channel(channel).family for name, channel in CHANNELS.items()} == {
        name: name
        for name, family in FAMILIES.items()
        if not (
            family.right or family.silent or family.derived
        )  # see test_private, test_indices, test_analytics
    }


@pytest.mark.parametrize("family", CHANNELS)
def test_every_family_sends_an_image_and_then_every_change_in_sequence(family: str) -> None:
    harness = live_hub_harness()
    harness.publish(*everything(harness.book, 1))
    harness.advance_ms(1000)
    inbox = harness.joined(CHANNELS[family])
    images = inbox.notes(CHANNELS[family])
    assert ["prev_seq" in note for note in images] == ([] if family in WITHOUT_IMAGE else [False])
    for number in (2, 3, 4):
        harness.advance_ms(1000)
        harness.publish(*everything(harness.book, number))
    harness.advance_ms(1000)
    notes = inbox.notes(CHANNELS[family])
    assert len(notes) >= 3
    assert all(note["prev_seq"] < note["seq"] for note in notes)
    assert all(note["prev_seq"] == before["seq"] for before, note in pairwise([*images, *notes]))
    assert all(note["data"] != before["data"] for before, note in pairwise(notes))


def test_equal_calls_give_equal_bytes() -> None:
    def run() -> list[list[bytes]]:
        harness = live_hub_harness()
        inboxes = [harness.joined(*CHANNELS.values()), harness.joined(CHANNELS["book"], CHANNELS["ticker"])]
        for number in range(1, 8):
            harness.publish(*everything(harness.book, number))
            harness.advance_ms(130)
            inboxes.append(harness.joined(*list(CHANNELS.values())[:number]))
            if number == 4:
                harness.hub.gone(inboxes[1].subscriber)
                harness.publish(harness.book.stale(), harness.book.syncing())
                harness.publish(*harness.book.image(BIDS, ASKS))
        return [inbox.writes for inbox in inboxes]

    first = run()
    assert first == run()
    assert all(first)


def test_images_come_in_the_order_of_the_request_in_one_write() -> None:
    harness = live_hub_harness()
    harness.publish(*everything(harness.book, 1))
    harness.advance_ms(1000)
    asked = [CHANNELS["status"], CHANNELS["ticker"], CHANNELS["book"]]
    inbox = harness.joined(*asked)
    assert len(inbox.writes) == 1
    assert [message["params"]["channel"] for message in inbox.take()] == asked


def test_who_joins_amid_a_tick_gets_no_frame_from_before_its_image() -> None:
    harness = live_hub_harness()
    book = CHANNELS["book"]
    first = harness.joined(book)
    harness.hub.publish([harness.book.change(bids={1000: 11})])
    late = harness.joined(book)
    harness.hub.publish([harness.book.change(bids={1000: 12})])
    harness.hub.flush()
    assert [note["data"]["change_id"] for note in first.notes(book)] == [1, 2, 3]
    assert [note["data"]["change_id"] for note in late.notes(book)] == [2, 3]


def test_who_leaves_amid_a_tick_gets_what_was_published_until_then() -> None:
    harness = live_hub_harness()
    book, quote = CHANNELS["book"], CHANNELS["quote"]
    inbox = harness.joined(book, quote)
    inbox.take()
    harness.hub.publish([harness.book.change(bids={1000: 11})])
    harness.hub.leave(inbox.subscriber, [book])
    assert [message["params"]["channel"] for message in inbox.take()] == [book, quote]
    harness.hub.publish([harness.book.change(bids={1000: 12})])
    harness.hub.flush()
    assert [message["params"]["channel"] for message in inbox.take()] == [quote]


def test_leaving_what_one_is_not_on_changes_nothing() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(CHANNELS["book"])
    inbox.take()
    harness.hub.leave(inbox.subscriber, [CHANNELS["quote"], "no such channel"])
    harness.publish(harness.book.change(bids={1000: 11}))
    assert [message["params"]["channel"] for message in inbox.take()] == [CHANNELS["book"]]


def test_who_is_gone_gets_nothing_more_not_even_what_it_waited_for() -> None:
    harness = live_hub_harness()
    harness.publish(harness.book.stale())
    inbox = harness.joined(*CHANNELS.values())
    inbox.take()
    harness.hub.gone(inbox.subscriber)
    harness.publish(*harness.book.image(BIDS, ASKS))
    harness.publish(*everything(harness.book, 1))
    harness.advance_ms(2000)
    assert inbox.take() == []


def test_a_member_whose_sink_leaves_while_it_is_admitted_harms_no_other() -> None:
    harness = live_hub_harness()
    harness.publish(harness.book.stale())
    book = CHANNELS["book"]
    leaver, stayer = Inbox(), Inbox()

    def leave(data: bytes) -> None:
        harness.hub.gone(leaver.subscriber)

    leaver.write = leave
    for inbox in (leaver, stayer):
        join(harness.hub, inbox, book)
    harness.publish(*harness.book.image(BIDS, ASKS))
    harness.publish(harness.book.change(bids={1000: 1}))
    assert [note["data"]["type"] for note in stayer.notes(book)] == ["snapshot", "change"]


def test_intervals_end_in_the_time_of_their_own_venue() -> None:
    harness = live_hub_harness()
    channel = "book.BTC-PERPETUAL.100ms"
    inbox = harness.joined(channel)
    inbox.take()
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.hub.advance("okx", harness.now_ns + 10**12)
    harness.hub.flush()
    assert inbox.take() == []
    harness.advance_ms(100)
    assert [data["change_id"] for data in inbox.data(channel)] == [2]


def test_an_interval_ends_at_its_multiples_not_after_its_length() -> None:
    harness = live_hub_harness()
    channel = "book.BTC-PERPETUAL.100ms"
    inbox = harness.joined(channel)
    inbox.take()
    harness.advance_ms(90)
    harness.publish(harness.book.change(bids={1000: 11}))
    harness.advance_ms(9)
    assert inbox.take() == []
    harness.advance_ms(1)
    assert [data["change_id"] for data in inbox.data(channel)] == [2]


def test_a_channel_that_nobody_comes_back_to_is_forgotten() -> None:
    harness = live_hub_harness()
    inbox = harness.joined(*CHANNELS.values())
    harness.publish(*everything(harness.book, 1))
    harness.hub.gone(inbox.subscriber)
    harness.end_idle_channels()
    assert held(harness.hub) == 0


def test_of_channels_that_nobody_is_on_only_so_many_go_on() -> None:
    harness = HubHarness()
    inbox = Inbox()
    for number in range(3000):
        name = f"deribit_price_index.no_such_index_{number}"
        join(harness.hub, inbox, name)
        harness.hub.leave(inbox.subscriber, [name])
    assert held(harness.hub) <= 2 * (RetentionPolicy().most_idle + 1)


def test_a_channel_goes_on_for_those_who_come_back_in_time() -> None:
    harness = live_hub_harness()
    book = CHANNELS["book"]
    for number in (11, 12, 13):
        inbox = harness.joined(book)
        harness.publish(harness.book.change(bids={1000: number}))
        notes = inbox.notes(book)
        harness.hub.gone(inbox.subscriber)
        harness.hub.directory.sweep(1)
        harness.hub.directory.sweep(2)
        assert [note["seq"] for note in notes] == [number - 9, number - 8]


def test_a_channel_that_ended_begins_again_where_its_events_have_led() -> None:
    harness = live_hub_harness()
    stays = harness.joined(CHANNELS["status"])
    inbox = harness.joined(CHANNELS["book"])
    before = inbox.notes(CHANNELS["book"])[0]
    harness.hub.gone(inbox.subscriber)
    harness.end_idle_channels()
    after = harness.joined(CHANNELS["book"]).notes(CHANNELS["book"])[0]
    assert before == after
    harness.publish(harness.book.stale())
    assert {note["epoch"] for note in stays.notes(CHANNELS["status"])} == {before["epoch"]}


def held(hub: Hub) -> int:
    """How many channels the hub holds on to."""
    known = hub.directory
    listening = (known.of_instrument, known.of_index, known.of_kind)
    return sum(map(len, (known._channels, *listening, *hub._scheduler._due.values())))


class CountingMarket(Market):
    """A market that counts how often an index is looked up."""

    asked = 0

    def index(self, name: str) -> Index | None:
        """See `Market`."""
        self.asked += 1
        return super().index(name)


def test_thousands_of_channels_cost_an_event_that_does_not_concern_them_nothing() -> None:
    market = CountingMarket(VENUE)
    hub = Hub(market, "epoch")
    inbox = joined(hub, *[f"deribit_price_index.i{number}" for number in range(1000)], CHANNELS["index"])
    market.asked = 0
    hub.publish(everything(ScriptedBook(), 1))
    hub.flush()
    assert [note["data"]["price"] for note in inbox.notes(CHANNELS["index"])] == [99.0, 101.0]
    assert market.asked < 10


def test_two_venues_side_by_side() -> None:
    harness = live_hub_harness()
    other = ScriptedBook(make_instrument("BTC-PERPETUAL", venue="okx"))
    harness.publish(*other.image({500: 1}, {}))
    home, away = "book.BTC-PERPETUAL.raw", "book.okx:BTC-PERPETUAL.raw"
    inbox = harness.joined(home, away)
    harness.publish(other.change(bids={500: 2}))
    notes: list[Any] = [message["params"] for message in inbox.take()]
    assert [
        (note["channel"], note["data"]["instrument_name"], note["data"]["bids"][0]) for note in notes
    ] == [
        (home, "BTC-PERPETUAL", ["new", 100.0, 10.0]),
        (away, "okx:BTC-PERPETUAL", ["new", 50.0, 1.0]),
        (away, "okx:BTC-PERPETUAL", ["change", 50.0, 2.0]),
    ]
    assert harness.market.home == VENUE


class BinaryInbox(Inbox):
    """A member that takes protobuf."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriber.encoding = PROTO
        self._decoder = ProtoDecoder()

    def params(self) -> list[dict[str, Any]]:
        """Every notification that has come, as the `params` that JSON has."""
        rest, self.writes = bytearray(b"".join(self.writes)), []
        decoded = [
            self._decoder.decode(frame.payload) for frame in take_frames(rest) if frame.opcode == BINARY
        ]
        return [
            {"channel": note.channel, "epoch": note.epoch, "seq": note.seq}
            | ({} if note.prev_seq is None else {"prev_seq": note.prev_seq})
            | {"data": note.data}
            for note in decoded
            if note is not None
        ]


@pytest.mark.parametrize("family", CHANNELS)
def test_every_family_says_the_same_in_json_and_in_protobuf(family: str) -> None:
    harness = live_hub_harness()
    harness.publish(*everything(harness.book, 1))
    plain, binary = harness.joined(CHANNELS[family]), BinaryInbox()
    join(harness.hub, binary, CHANNELS[family])
    for number in (2, 3):
        harness.advance_ms(1000)
        harness.publish(*everything(harness.book, number))
    harness.publish(harness.book.stale(), harness.book.syncing())
    late = BinaryInbox()
    join(harness.hub, late, CHANNELS[family])
    harness.publish(*harness.book.image(BIDS, ASKS))
    harness.advance_ms(1000)
    notes = plain.notes(CHANNELS[family])
    assert len(notes) >= 2
    assert binary.params() == notes
    assert all(note in notes or note["data"] is not None for note in late.params())


def test_who_comes_back_in_protobuf_is_told_the_channel_before_what_it_missed() -> None:
    harness = live_hub_harness()
    book = CHANNELS["book"]
    first, back = BinaryInbox(), BinaryInbox()
    join(harness.hub, first, book)
    for size in (11, 12, 13):
        harness.publish(harness.book.change(bids={1000: size}))
    key = parse_channel(book)
    assert key is not None
    at = {book: ResumePosition("epoch", 3)}
    assert harness.hub.join(back.subscriber, [key], at) == {book: True}
    assert back.params() == first.params()[2:]
