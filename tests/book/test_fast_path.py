"""Declared frames: which members are needed, in which envelopes and on which labels, and what is left to the parser."""

from typing import Any

import msgspec
import pytest

from deltawire.book import kernel
from deltawire.book.fast_path import FastPath, members
from deltawire.book.kernel import Router, Side
from deltawire.model.instruments import Instrument
from deltawire.venues.binance import diff_frames
from deltawire.venues.binance_spot import BinanceSpot
from deltawire.venues.binance_usdm import BinanceUsdm
from deltawire.venues.connection import VenueConnection
from deltawire.venues.okx import Okx

compiled = pytest.mark.skipif(not kernel.COMPILED, reason="there is no fast path without the compiled kernel")
INSTRUMENT = Instrument(
    venue="here",
    name="BTCUSD",
    kind="future",
    base="BTC",
    quote="USD",
    settlement="BTC",
    price_exponent=-1,
    size_exponent=-1,
)


class Bare(BinanceUsdm):
    """With frames that have no envelope, too."""

    fast_path = FastPath(
        form="text_pairs",
        rule="bridged",
        updates=diff_frames(E="$any_ms", T="$venue_ms", pu="$previous"),
    )


def armed(venue: type[VenueConnection], label: str, last: int = 7) -> Router:
    """A router with one empty book, which stands at `last` and has this label."""
    router = venue.fast_path.make_router(
        otherwise=lambda frame, now: ["parser"],
        expect=lambda symbol, label: None,
        opened=lambda image, now: [],
    )
    sides = Side(bid=True), Side(bid=False)
    router.track("BTCUSD").enable(label, INSTRUMENT, *sides, 0, 1, last, True)
    return router


def taken(router: Router, frame: bytes) -> bool:
    """Whether the router takes a frame; if not, it goes to the parser untouched."""
    return router.received(frame, 1) != ["parser"]


DIFF = (
    b'{"e":"depthUpdate","E":1700000000123,"T":1700000000120,"s":"BTCUSD",%b"U":8,"u":9,"pu":7,'
    b'"b":[["1.5","2"]],"a":[]%b}'
)
SPOT = b'{"e":"depthUpdate","E":1700000000123,"s":"BTCUSD","U":8,"u":9,"b":[],"a":[["1.5","2"]]}'
OKX = (
    b'{"arg":{"channel":"%b","instId":"BTCUSD"},"action":"update","data":[{"asks":[["1.5","2","0","1"]],"bids":[],'
    b'"ts":"1700000000123","checksum":0,"prevSeqId":7,"seqId":9}]}'
)


@compiled
@pytest.mark.parametrize("stream", ["depth", "depth@0ms", "depth@100ms", "depth@500ms"])
@pytest.mark.parametrize("extra", [(b"", b""), (b'"ps":"BTCUSD",', b',"st":1'), (b'"ps":"BTC",', b"")])
def test_any_speed_of_the_diff_stream_and_members_of_2026(stream: str, extra: tuple[bytes, bytes]) -> None:
    label = f"btcusd@{stream}"
    frame = b'{"stream":"%b","data":%b}' % (label.encode(), DIFF % extra)
    assert taken(armed(Bare, label), frame)
    assert not taken(armed(Bare, "btcusd@depth@250ms"), frame)


@compiled
def test_a_frame_without_an_envelope_has_the_label_of_none() -> None:
    for venue, frame in ((Bare, DIFF % (b"", b"")), (BinanceSpot, SPOT)):
        assert taken(armed(venue, ""), frame)
        assert not taken(armed(venue, "btcusd@depth"), frame)
        assert not taken(armed(venue, ""), b'{"stream":"","data":%b}' % frame)


@compiled
@pytest.mark.parametrize("channel", ["books", "books-l2-tbt", "books50-l2-tbt"])
def test_every_channel_of_a_book_that_has_its_label(channel: str) -> None:
    assert taken(armed(Okx, channel), OKX % channel.encode())
    assert not taken(armed(Okx, "books-other"), OKX % channel.encode())


@compiled
def test_levels_before_the_name_are_read_once_it_is_known() -> None:
    router = armed(Bare, "x@depth")
    for last in (7, 9, 11):
        frame = (
            b'{"data":{"a":[],"b":[["1.5","%d"]],"pu":%d,"u":%d,"U":1,"T":1,"E":1,"e":"depthUpdate","s":"BTCUSD"},'
            b'"stream":"x@depth"}'
        ) % (last, last, last + 2)
        (delta,) = router.received(frame, 1)
        assert (delta.bids.prices, delta.bids.sizes) == ([15], [last * 10])
    assert router.taken == 3


@compiled
def test_connections_whose_frames_take_turns_in_shape() -> None:
    router = armed(Bare, "")
    for turn in range(60):
        extra = b"".join(b'"x%d":%d,' % (number, turn) for number in range(turn % 7))
        last = 7 + 2 * turn
        frame = (
            b'{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSD",%b"U":1,"u":%d,"pu":%d,"b":[],"a":[["2","%d"]]}'
            % (extra, last + 2, last, turn + 1)
        )
        (delta,) = router.received(frame, 1)
        assert delta.asks.sizes == [10 * (turn + 1)]


FAULTS = {
    "twice": (b'"U":8', b'"U":8,"U":8'),
    "missing": (b'"pu":7,', b""),
    "escaped name": (b'"s":"BTCUSD"', b'"s":"\\u0042TCUSD"'),
    "escaped key": (b'"s":', b'"\\u0073":'),
    "null": (b'"pu":7', b'"pu":null'),
    "text": (b'"pu":7', b'"pu":"7"'),
    "float": (b'"pu":7', b'"pu":7.0'),
    "another event": (b"depthUpdate", b"depthUpdat"),
    "space": (b',"U"', b', "U"'),
    "behind": (b'"a":[]}', b'"a":[]} '),
    "unclosed": (b'"a":[]}', b'"a":[]'),
    "comma": (b'"a":[]}', b'"a":[],}'),
    "control": (b'"T":', b'"x":"\x1f","T":'),
    "surrogate": (b'"T":', b'"x":"\\udc00","T":'),
    "bad number": (b'"T":', b'"x":00,"T":'),
    "deep": (b'"T":', b'"x":' + b"[" * 40 + b"]" * 40 + b',"T":'),
    "of the envelope": (b'"T":', b'"lastUpdateId":1,"T":'),
    "exponent in text": (b'"1.5"', b'"1.5e0"'),
    "no digits": (b'"1.5"', b'"."'),
}


@compiled
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_is_unusual_is_the_parsers(fault: str) -> None:
    frame = DIFF % (b"", b"")
    amiss = frame.replace(*FAULTS[fault], 1)
    assert amiss != frame
    assert not taken(armed(Bare, ""), amiss)
    learned = armed(Bare, "")
    assert taken(learned, frame)
    learned.track("BTCUSD").enable("", INSTRUMENT, Side(bid=True), Side(bid=False), 0, 1, 7, True)
    assert not taken(learned, amiss)


def test_what_a_parser_reads_and_the_kernel_does_not_is_refused() -> None:
    class Parser(msgspec.Struct, rename="camel"):
        bids: msgspec.Raw
        seq_id: int = 0
        of_the_parser: str = ""

    declared = members(Parser, bids="$bids", seqId="$last?", type='"change"').declared()
    assert [member[:5] for member in declared] == [
        ('"bids":', "bids", "", False, True),
        ('"seqId":', "last", "", False, False),
        ('"type":', "constant", '"change"', False, True),
        ('"ofTheParser":', "refused", "", False, False),
    ]


@pytest.mark.parametrize("value", ["$nothing", "", '"$symbol"x'])
def test_a_member_that_means_nothing_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="not a member of a frame"):
        members(s=value).declared()
