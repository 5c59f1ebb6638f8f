"""Which frames the compiled kernel takes whole: as venues write them, in any order, and none that it must not."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltawire.book import kernel
from deltawire.model.events import BookDelta, BookImage
from deltawire.ports import BookFrames, Venue
from deltawire.recording import Recording, RecordingEntry
from deltawire.sources.replay import play as replay
from deltawire.testing.kernels import pure_kernel
from deltawire.venues import make_venue
from tests.support.effort import examples
from tests.support.traffic import AMISS, UNKNOWN, Call, in_powers, play, rearranged, scratched
from tests.venues.recorded import FILES, records
from tests.venues.sessions import FAST, make_simulator
from tests.venues.test_kernels import traffic

pytestmark = pytest.mark.skipif(
    not kernel.COMPILED, reason="there is no fast path without the compiled kernel"
)


class Today(msgspec.Struct, frozen=True):
    """A file of 2026: the instruments that its venue states, how many book frames it holds, how many are fast.

    The frame that connects a REST image is the parser's.
    """

    venue: str
    path: str
    listed: tuple[str, str]
    frames: int
    fast: int


TODAY = [
    Today(
        "bybit_spot",
        "bybit/fastmm_spot_testnet_20260913.jsonl",
        ("/v5/market/instruments-info?category=spot", "bybit/fastmm_instruments_spot_testnet.json"),
        19,
        19,
    ),
    Today(
        "deribit",
        "deribit/fastmm_option_testnet_20260913.jsonl",
        ("/api/v2/public/get_instruments?currency=any", "deribit/fastmm_get_instruments_option.json"),
        12,
        12,
    ),
    Today(
        "binance_usdm",
        "binance_usdm/fastmm_demo_20260915.jsonl",
        ("/fapi/v1/exchangeInfo", "binance_usdm/fastmm_exchange_info.json"),
        161,
        160,
    ),
    Today(
        "binance_usdm",
        "binance_usdm/fastmm_depth_burst_20260928.jsonl",
        ("/fapi/v1/exchangeInfo", "binance_usdm/fastmm_exchange_info.json"),
        3,
        2,
    ),
    Today(
        "okx",
        "okx/fastmm_swap_20260926.jsonl",
        ("/api/v5/public/instruments?instType=SWAP", "okx/fastmm_instruments_btc_usdt_swap.json"),
        25,
        25,
    ),
]


@pytest.fixture
def more_recordings(recordings: Path) -> Path:
    folder = recordings.parent / "more_recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    return folder


def with_what_live_has(folder: Path, today: Today) -> Iterator[RecordingEntry]:
    """The recording behind the instrument list, and for Binance an image that the first update connects to.

    That has no levels, so the venue's best prices, which are not its own, are left out.
    """
    url, body = today.listed
    imaged = False
    for number, record in enumerate(Recording(folder / today.path).records()):
        if not number:
            yield RecordingEntry("opened", record.at_ns)
            yield RecordingEntry(
                "fetched", record.at_ns, (folder / body).read_bytes(), f"https://example.com{url}"
            )
        if not imaged and b'"depthUpdate"' in record.payload:
            imaged = True
            first = msgspec.json.decode(record.payload)["data"]
            image = msgspec.json.encode({"lastUpdateId": first["U"], "bids": [], "asks": []})
            yield RecordingEntry(
                "fetched", record.at_ns, image, f"https://example.com/fapi/v1/depth?symbol={first['s']}"
            )
        if b'"bookTicker"' not in record.payload:
            yield record


@pytest.mark.recordings
@pytest.mark.parametrize("today", TODAY, ids=lambda today: Path(today.path).stem)
def test_the_frames_of_2026_are_taken_whole(more_recordings: Path, today: Today) -> None:
    venue = make_venue(today.venue)
    batches = [batch.events for batch in replay(with_what_live_has(more_recordings, today), venue)]
    with pure_kernel():
        pure = make_venue(today.venue)
        wanted = [batch.events for batch in replay(with_what_live_has(more_recordings, today), pure)]
    assert msgspec.json.encode(batches) == msgspec.json.encode(wanted)
    books = [event for events in batches for event in events if isinstance(event, BookImage | BookDelta)]
    assert len(books) > 0.9 * today.frames
    assert venue.book_frames == BookFrames(today.fast, today.frames - today.fast)
    assert pure.book_frames == BookFrames(0, today.frames)


def test_of_all_frames_of_2026_nearly_every_one_is_fast() -> None:
    assert sum(today.fast for today in TODAY) >= 0.95 * sum(today.frames for today in TODAY)


@pytest.mark.recordings
def test_an_image_with_amounts_in_powers_of_ten_is_taken_whole(more_recordings: Path) -> None:
    folder = more_recordings / "deribit"
    frame = (folder / "fastmm_book_perp_long_snapshot.json").read_bytes().strip()
    venue = make_venue("deribit")
    venue.fetched("instruments:any", (folder / "fastmm_get_instruments_future.json").read_bytes(), 1)
    image = next(event for event in venue.received(frame, 2) if isinstance(event, BookImage))
    assert (len(image.bids.prices), len(image.asks.prices)) == (1195, 847)
    assert venue.book_frames == BookFrames(fast=1)
    data = msgspec.json.decode(frame)["params"]["data"]
    instrument = image.instrument
    assert [instrument.price(price) for price in image.bids.prices] == [price for _, price, _ in data["bids"]]
    assert [instrument.size(size) for size in image.asks.sizes] == [size for _, _, size in data["asks"]]


BEFORE = {  # of each recording: the least share of its book frames
    "deribit": 0.75,
    "okx": 0.98,
    "kraken": 0.99,
    "kraken-resubscribed": 0.99,
    "binance_spot": 0.99,
    "binance_usdm": 0.99,
}
"""Deribit's has ten images in 46 book frames, each of which first shows its instrument's exponents."""


@pytest.mark.recordings
@pytest.mark.parametrize("name", FILES)
def test_the_shares_of_older_recordings_hold(recordings: Path, name: str) -> None:
    venue = make_venue(FILES[name].venue)
    for _ in replay(records(recordings, name), venue):
        pass
    share = venue.book_frames.fast_share
    assert share is not None
    assert share >= BEFORE[name]


def pushed(case: str, seed: int, messages: int = 80) -> list[Call]:
    with pure_kernel():
        return traffic(case, seed, messages)


STREAMS = {case: pushed(case, 7) for case in FAST} if kernel.COMPILED else {}


def compare(calls: list[Call], case: str) -> Venue:
    """Both kernels say the same of these calls; returns the compiled one's venue."""
    name = make_simulator(case).name
    with pure_kernel():
        pure = make_venue(name)
        wanted = play(calls, pure)
    venue = make_venue(name)
    assert play(calls, venue) == wanted
    frames = venue.book_frames
    assert frames.total == pure.book_frames.total
    return venue


@pytest.mark.parametrize("case", FAST)
@settings(max_examples=examples(20))
@given(seed=st.integers(0, 1 << 30))
def test_order_and_unknown_members_change_nothing(case: str, seed: int) -> None:
    random = Random(seed)
    before = compare(STREAMS[case], case).book_frames
    calls = [
        (name, (rearranged(arguments[0], random), *arguments[1:]))
        if name == "received"
        else (name, arguments)
        for name, arguments in STREAMS[case]
    ]
    assert compare(calls, case).book_frames == before
    assert before.fast > 40


@pytest.mark.parametrize("case", FAST)
@settings(max_examples=examples(20))
@given(seed=st.integers(0, 1 << 30))
def test_what_a_parser_would_refuse_is_never_taken(case: str, seed: int) -> None:
    """Members known to a parser, twice or of another kind, broken JSON, and single bytes, in any order."""
    random = Random(seed)
    calls: list[Call] = []
    for name, arguments in STREAMS[case]:
        if name == "received":
            frame, *more = arguments
            frame = rearranged(frame, random, UNKNOWN if random.random() < 0.7 else AMISS)
            if random.random() < 0.1:
                frame = scratched(frame, random)
            if random.random() < 0.05:
                frame += random.choice((b" ", b"\n", b"x", b"}", b"\x00", b",", frame))
            arguments = (frame, *more)
        calls.append((name, arguments))
    compare(calls, case)


@pytest.mark.parametrize("case", ["deribit", "kraken", "kraken-ten-deep"])
@settings(max_examples=examples(20))
@given(seed=st.integers(0, 1 << 30))
def test_numbers_in_powers_of_ten_are_the_same_numbers(case: str, seed: int) -> None:
    random = Random(seed)
    calls = [
        (name, (in_powers(arguments[0], random), *arguments[1:])) if name == "received" else (name, arguments)
        for name, arguments in STREAMS[case]
    ]
    assert b"e" in b"".join(arguments[0] for name, arguments in calls if name == "received")
    assert compare(calls, case).book_frames == compare(STREAMS[case], case).book_frames
