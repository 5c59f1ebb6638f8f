"""Every event, and everything else that travels over a bus, comes out as it went in; garbage is named as such."""

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.bus.codec import VERSION, decode_batches, encode_batches
from deltawire.bus.frames import Frame, Part, TopicReader, format_frame, newest_in, parse_part
from deltawire.bus.shapes import FIGURES
from deltawire.errors import BusError
from deltawire.model.events import Event
from deltawire.model.instruments import Instrument
from deltawire.ports import Batch
from tests.support.effort import examples
from tests.support.market_events import make_index, make_instrument, make_option
from tests.support.random_markets import RandomMarket

EVENTS: tuple[type[Any], ...] = get_args(Event)
INSTRUMENTS = [
    make_instrument(),
    make_option(),
    make_instrument("БИТКОИН", tick_size_steps=(("10", "5"),), active=False),
]
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=8),
    bool: st.booleans(),
    Instrument: st.sampled_from(INSTRUMENTS),
    msgspec.Struct: st.deferred(lambda: st.sampled_from(sorted(FIGURES)).flatmap(_figure)),
}


def _figure(name: str) -> st.SearchStrategy[Any]:
    return of_type(FIGURES[name])


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = get_type_hints(hint)
        members = {name: of_type(hints[name]) for name in hint.__struct_fields__}
        return st.fixed_dictionaries(members).map(lambda members: hint(**members))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if each is types.NoneType else of_type(each) for each in arguments])
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        lists = st.lists(of_type(arguments[0]), max_size=3)
        return lists if origin is list else lists.map(tuple)
    if origin is tuple:
        return st.tuples(*map(of_type, arguments))
    if origin is dict:
        return st.dictionaries(*map(of_type, arguments), max_size=3)
    raise TypeError(f"no values of {hint}")


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_comes_out_as_it_went_in(kind: type[Any]) -> None:
    @settings(max_examples=examples(40), deadline=None)
    @given(st.lists(of_type(kind), min_size=1, max_size=3), _PLAIN[int], _PLAIN[str])
    def check(events: list[Event], at_ns: int, venue: str) -> None:
        batches = [Batch(venue, at_ns, events), Batch(venue, at_ns, [])]
        assert decode_batches(encode_batches(batches)) == batches

    check()


def test_equal_instruments_are_one_object_for_all_messages() -> None:
    market = RandomMarket(1)
    batches = [Batch("deribit", now_ns, events) for now_ns, events in market.moments(20)]
    found = {
        id(event.instrument)
        for _ in range(2)
        for batch in decode_batches(encode_batches(batches))
        for event in batch.events
        if getattr(event, "instrument", None) == market.book.instrument
    }
    assert len(found) == 1


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_named_and_nothing_else_happens(data: bytes) -> None:
    for read in (decode_batches, parse_part, newest_in):
        assert _kind(read, data) in ("", "garbage", "version")


def _kind(read: Callable[[bytes], Any], data: bytes) -> str:
    try:
        read(data)
    except BusError as error:
        return error.kind
    return ""


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_a_damaged_message_is_refused_or_is_one(data: st.DataObject) -> None:
    events = [event for _, events in RandomMarket(2).moments(5) for event in events]
    good = bytearray(encode_batches([Batch("deribit", 1, events)]))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    assert _kind(decode_batches, bytes(good)) in ("", "garbage")


def test_a_message_of_another_version_says_which() -> None:
    with pytest.raises(BusError, match=f"version: a message of version 7; this one reads {VERSION}"):
        parse_part(msgspec.msgpack.encode((7, "something else")))


def batches(count: int) -> list[Batch]:
    return [Batch("deribit", at, [make_index(float(at))]) for at in range(count)]


@pytest.mark.parametrize("part_bytes", [7, 100, 1 << 20])
def test_a_frame_comes_together_from_its_parts(part_bytes: int) -> None:
    reader, frame = TopicReader(), Frame("epoch", 1, True, batches(3))
    parts = format_frame(frame, part_bytes)
    found = [reader.read(part) for part in parts]
    assert found == [None] * (len(parts) - 1) + [frame]
    assert (reader.epoch, reader.number) == ("epoch", 3)


def test_a_frame_whose_publisher_ended_in_the_middle_is_forgotten() -> None:
    reader = TopicReader()
    torn = format_frame(Frame("old", 1, True, batches(3)), 50)[:2]
    whole = format_frame(Frame("new", 1, True, batches(2)), 50)
    found = [reader.read(part) for part in (*torn, *whole)]
    assert [frame for frame in found if frame] == [Frame("new", 1, True, batches(2))]


@pytest.mark.parametrize(
    "frame",
    [
        Frame("epoch", 5, False, batches(1)),
        Frame("epoch", 3, False, batches(1)),
        Frame("other", 4, False, batches(1)),
    ],
    ids=["one is missing", "one comes twice", "another publisher goes on"],
)
def test_what_does_not_follow_is_a_gap(frame: Frame) -> None:
    reader = TopicReader()
    reader.read(format_frame(Frame("epoch", 1, True, batches(3)), 1 << 20)[0])
    with pytest.raises(BusError) as caught:
        reader.read(format_frame(frame, 1 << 20)[0])
    assert caught.value.kind == "gap"


def test_a_missing_part_is_a_gap() -> None:
    reader = TopicReader()
    first, _, third, *_ = format_frame(Frame("epoch", 1, True, batches(3)), 20)
    reader.read(first)
    with pytest.raises(BusError) as caught:
        reader.read(third)
    assert caught.value.kind == "gap"


def test_the_newest_number_is_read_from_any_last_message() -> None:
    parts = format_frame(Frame("epoch", 7, False, batches(1)), 20)
    assert [newest_in(part) for part in (parts[0], parts[-1])] == [("epoch", 6), ("epoch", 7)]
    assert newest_in(format_frame(Frame("epoch", 7, False, batches(3)), 1 << 20)[0]) == ("epoch", 9)


def test_no_message_may_grow_without_end() -> None:
    reader = TopicReader()
    parts = [
        msgspec.msgpack.encode(Part(VERSION, "epoch", "", 1, True, part, 9, bytes(64 * 1024 * 1024)))
        for part in range(5)
    ]
    assert [reader.read(part) for part in parts[:4]] == [None] * 4
    with pytest.raises(BusError) as caught:
        reader.read(parts[4])
    assert caught.value.kind == "oversized"
