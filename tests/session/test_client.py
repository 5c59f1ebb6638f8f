"""The client's side: answers matched, every channel held to its sequence, books mirrored strictly."""

import json
from typing import Any
from zlib import crc32

import pytest

from deltawire.dialect.grammar import ResumePosition
from deltawire.errors import FeedError, RequestError
from deltawire.session.client import Answer, BookMirror, ClientSession, Notification, TestRequest


def note(seq: int, channel: str = "a", epoch: str = "e", prev_seq: int | None = None) -> bytes:
    before = seq - 1 if prev_seq is None else prev_seq
    params = {"channel": channel, "epoch": epoch, "seq": seq, "prev_seq": before, "data": seq}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}).encode()


def answer(number: int, result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()


def test_calls_are_numbered_from_one() -> None:
    session = ClientSession()
    assert [session.call("public/test", {})[0] for _ in range(3)] == [1, 2, 3]
    number, frame = session.call("public/ticker", {"instrument_name": "X"})
    assert json.loads(frame) == {
        "jsonrpc": "2.0",
        "id": number,
        "method": "public/ticker",
        "params": {"instrument_name": "X"},
    }


def test_a_result_is_an_answer() -> None:
    assert ClientSession().received(b'{"id":5,"result":{"a":[1]},"usIn":1}') == Answer(5, {"a": [1]})


@pytest.mark.parametrize("data", ["null", '"text"', '{"reason":"deep","param":"depth"}'])
def test_an_error_is_an_answer_with_the_dialects_code(data: str) -> None:
    frame = '{"id":5,"error":{"code":-32602,"message":"Invalid params","data":%s}}' % data  # noqa: UP031
    answer = ClientSession().received(frame)
    assert isinstance(answer, Answer)
    assert isinstance(answer.error, RequestError)
    assert (answer.error.code, answer.error.message) == (-32602, "Invalid params")
    if "deep" in data:
        assert answer.error.data == {"reason": "deep", "param": "depth"}


def test_a_test_request_is_told_and_a_heartbeat_is_not() -> None:
    session = ClientSession()
    assert session.received('{"method":"heartbeat","params":{"type":"test_request"}}') == TestRequest()
    assert session.received('{"method":"heartbeat","params":{"type":"heartbeat"}}') is None


def test_notifications_of_a_channel_name_the_one_before() -> None:
    session = ClientSession()
    found = [session.received(note(seq, prev_seq=before)) for before, seq in ((3, 7), (7, 8), (8, 20))]
    assert found == [
        Notification("a", seq, "e", seq, prev_seq=before) for before, seq in ((3, 7), (7, 8), (8, 20))
    ]


def test_an_image_follows_nothing() -> None:
    session = ClientSession()
    session.received(note(7))
    image = json.loads(note(30))
    del image["params"]["prev_seq"]
    assert session.received(json.dumps(image)) == Notification("a", 30, "e", 30)
    assert session.received(note(31)) == Notification("a", 31, "e", 31, prev_seq=30)


@pytest.mark.parametrize("seq", [7, 9, 1])
def test_a_notification_out_of_sequence_is_an_error_that_a_reconnection_mends(seq: int) -> None:
    session = ClientSession()
    session.received(note(7))
    with pytest.raises(FeedError, match=f"a: seq {seq} follows {seq - 1}, not 7") as caught:
        session.received(note(seq))
    assert caught.value.retry


def test_channels_have_their_own_sequences_and_a_new_epoch_begins_anew() -> None:
    session = ClientSession()
    for frame in (note(1), note(5, "b"), note(2), note(6, "b"), note(1, epoch="f"), note(2, epoch="f")):
        assert isinstance(session.received(frame), Notification)


def test_a_channel_without_an_epoch_has_no_sequence() -> None:
    session = ClientSession()
    for _ in range(2):
        frame = b'{"method":"subscription","params":{"channel":"book.X.raw","data":{}}}'
        assert session.received(frame) == Notification("book.X.raw", {})


def test_a_channel_that_was_left_begins_anew_when_it_is_joined_again() -> None:
    session = ClientSession()
    for frame in (note(1), note(1, "b")):
        session.received(frame)
    number, _ = session.call("public/unsubscribe", {"channels": ["a"]})
    session.received(note(2))
    session.received(answer(number, ["a"]))
    assert session.received(note(40)) == Notification("a", 40, "e", 40, prev_seq=39)
    with pytest.raises(FeedError):
        session.received(note(40, "b"))


def test_after_leaving_all_every_channel_begins_anew() -> None:
    session = ClientSession()
    for frame in (note(1), note(1, "b")):
        session.received(frame)
    number, _ = session.call("public/unsubscribe_all", {})
    session.received(answer(number, "ok"))
    for frame in (note(40), note(50, "b")):
        assert isinstance(session.received(frame), Notification)


def test_a_refused_unsubscribe_leaves_nothing() -> None:
    session = ClientSession()
    session.received(note(1))
    number, _ = session.call("public/unsubscribe", {"channels": 5})
    session.received(json.dumps({"id": number, "error": {"code": -32602, "message": "Invalid params"}}))
    with pytest.raises(FeedError):
        session.received(note(40))


@pytest.mark.parametrize(
    "frame", ["", "{", "[1]", '{"id":"x"}', '{"params":5}', b"\xff", b'{"result":"\xff"}', "[" * 100_000]
)
def test_what_is_no_frame_of_the_dialect_ends_the_feed(frame: Any) -> None:
    with pytest.raises(FeedError, match="not an answer of this dialect") as caught:
        ClientSession().received(frame)
    assert not caught.value.retry


def test_frames_of_no_concern_are_passed_over() -> None:
    assert (
        ClientSession().received('{"jsonrpc":"2.0","method":"something_new","params":{"type":"x"}}') is None
    )


def test_an_error_of_no_request_ends_the_feed_since_somebody_waits_for_its_answer() -> None:
    with pytest.raises(FeedError, match="could not read a request: -32700 Parse error") as caught:
        ClientSession().received('{"error":{"code":-32700,"message":"Parse error"}}')
    assert not caught.value.retry


# Mirrors.


def image(**more: Any) -> dict[str, Any]:
    known = {"type": "snapshot", "timestamp": 1, "change_id": 5}
    return known | {"bids": [["new", 100.0, 1.0], ["new", 99.0, 2.0]], "asks": [["new", 101.0, 3.0]]} | more


def change(**more: Any) -> dict[str, Any]:
    known = {"type": "change", "timestamp": 2, "prev_change_id": 5, "change_id": 6, "bids": [], "asks": []}
    return known | more


def mirror() -> BookMirror:
    mirror = BookMirror()
    mirror.apply(image())
    return mirror


def test_a_mirror_follows_the_image_and_the_changes() -> None:
    book = mirror()
    book.apply(change(bids=[["delete", 100.0, 0.0], ["change", 99.0, 5.0]], asks=[["new", 102.0, 1.0]]))
    assert (book.bids, book.asks) == ({99.0: 5.0}, {101.0: 3.0, 102.0: 1.0})
    assert (book.change_id, book.timestamp, book.state) == (6, 2, "live")
    assert book.best(1) == ([(99.0, 5.0)], [(101.0, 3.0)])


def test_a_second_image_replaces_everything() -> None:
    book = mirror()
    book.apply(image(bids=[], change_id=9))
    assert (book.bids, book.change_id) == ({}, 9)


def test_a_mirror_says_what_the_server_says_of_the_book() -> None:
    book = BookMirror()
    assert book.state == "syncing"
    book.apply(image())
    book.apply(change(status={"state": "stale", "reason": "gap"}))
    assert (book.state, book.reason) == ("stale", "gap")
    book.apply(change(prev_change_id=6, change_id=7))
    assert book.state == "stale"
    book.apply(change(prev_change_id=7, change_id=8, status={"state": "live"}))
    assert (book.state, book.reason) == ("live", "")


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (change(prev_change_id=4), "change 4 does not follow 5"),
        (change(bids=[["delete", 98.0, 0.0]]), "delete at 98.0, which does not exist"),
        (change(bids=[["change", 98.0, 1.0]]), "change at 98.0, which does not exist"),
        (change(asks=[["new", 101.0, 1.0]]), "new at 101.0, which exists"),
        (change(bids=[["change", 101.0, 1.0]]), "change at 101.0, which does not exist"),
    ],
)
def test_a_mirror_never_lets_a_slip_pass(slip: dict[str, Any], words: str) -> None:
    with pytest.raises(FeedError, match=words):
        mirror().apply(slip)


def test_a_change_before_any_image_does_not_follow() -> None:
    with pytest.raises(FeedError, match="change 5 does not follow None"):
        BookMirror().apply(change())


# Resuming.


def joined(channel: str, epoch: str, seq: int) -> bytes:
    params = {"channel": channel, "epoch": epoch, "seq": seq}
    return json.dumps({"jsonrpc": "2.0", "method": "joined", "params": params}).encode()


def test_positions_outlive_a_connection_and_hold_the_next_to_their_sequence() -> None:
    session = ClientSession()
    for frame in (note(4), note(5), joined("b", "e", 7)):
        session.received(frame)
    assert session.reconnected() == {"a": ResumePosition("e", 5), "b": ResumePosition("e", 7)}
    session.received(b'{"id":1,"result":["a","b"],"recovered":{"a":true,"b":true}}')
    session.received(note(6))
    with pytest.raises(FeedError, match="b: seq 9 follows 8, not 7"):
        session.received(note(9, "b"))


def test_a_channel_that_was_not_recovered_begins_anew() -> None:
    session = ClientSession()
    session.received(note(4))
    answered = session.received(b'{"id":1,"result":["a"],"recovered":{"a":false}}')
    assert answered == Answer(1, ["a"], None, {"a": False})
    assert session.received(note(9)) == Notification("a", 9, "e", 9, prev_seq=8)


# Proof.


def book_note(**more: Any) -> dict[str, Any]:
    image = {
        "type": "snapshot",
        "timestamp": 1,
        "instrument_name": "X",
        "change_id": 1,
        "bids": [["new", 45283.5, 0.1]],
        "asks": [["new", 45285.2, 0.001]],
        "price_exponent": -1,
        "size_exponent": -8,
    }
    return image | more


def test_a_book_is_held_to_its_checksum() -> None:
    right = crc32(b"45285210000045283510000000")
    mirror = BookMirror()
    mirror.apply(book_note(checksum=right))
    assert mirror.checksum == right
    with pytest.raises(FeedError, match=f"checksum {right} at change 1, not 7") as caught:
        BookMirror().apply(book_note(checksum=7))
    assert caught.value.retry
    BookMirror(verify=False).apply(book_note(checksum=7))


def test_one_level_of_ten_that_is_wrong_shows() -> None:
    bids = [["new", 100.0 - at, 1.0] for at in range(12)]
    digits = b"".join(b"%d100000000" % (1000 - at * 10) for at in range(10))
    BookMirror().apply(book_note(bids=bids, asks=[], checksum=crc32(digits)))
    for at in range(10):
        wrong = [[action, price, 1.0 + (place == at)] for place, (action, price, _) in enumerate(bids)]
        with pytest.raises(FeedError, match="checksum"):
            BookMirror().apply(book_note(bids=wrong, asks=[], checksum=crc32(digits)))


def test_one_notification_may_stand_for_several_and_says_so() -> None:
    session = ClientSession()
    session.received(note(4))
    merged = json.loads(note(9, prev_seq=4))
    merged["params"]["conflated"] = 5
    assert session.received(json.dumps(merged)) == Notification("a", 9, "e", 9, 5, 4)
    merged["params"] |= {"seq": 12, "prev_seq": 10, "conflated": 2}
    with pytest.raises(FeedError, match="a: seq 12 follows 10, not 9"):
        session.received(json.dumps(merged))


def test_what_could_not_be_resumed_is_kept_until_it_is_told() -> None:
    session = ClientSession()
    session.received(b'{"method":"subscription","params":{"channel":"a","epoch":"e","seq":5,"data":1}}')
    number, _ = session.call("public/subscribe", {})
    session.received(b'{"id":%d,"result":["a"],"recovered":{"a":false,"b":false,"c":true}}' % number)
    session.received(b'{"method":"subscription","params":{"channel":"a","epoch":"f","seq":1,"data":2}}')
    assert session.take_lost() == [("a", ResumePosition("e", 5))]
    assert session.take_lost() == []
