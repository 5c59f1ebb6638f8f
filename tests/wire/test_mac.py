"""The running MAC: what was sent is proven to who has the key; a frame dropped, altered or moved shows."""

import hmac
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.errors import FeedError
from deltawire.wire.frames import BINARY, PING, TEXT, frame, text_frame
from deltawire.wire.mac import MacNote, ProvenMessages, RunningMac, mac_frame, mac_key, parse_note

KEY = bytes(range(32))
payloads = st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), min_size=1, max_size=8)


def frames_of(messages: list[tuple[bool, bytes]]) -> list[bytes]:
    return [frame(BINARY if binary else TEXT, payload) for binary, payload in messages]


@given(st.lists(payloads, min_size=1, max_size=4))
def test_both_ends_agree_on_every_write_however_it_is_joined(writes: list[list[tuple[bool, bytes]]]) -> None:
    ours, theirs = RunningMac(KEY), RunningMac(KEY)
    for messages in writes:
        ours.add(frame(PING, b"x").join(frames_of(messages)))
        note = ours.note()
        assert note is not None
        for binary, payload in messages:
            theirs.add_message(payload, binary=binary)
        assert theirs.proves(note)


@given(payloads, st.data())
def test_any_other_sequence_of_frames_is_not_proven(
    messages: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    ours = RunningMac(KEY)
    ours.add(b"".join(frames_of(messages)))
    note = ours.note()
    assert note is not None
    at = data.draw(st.integers(0, len(messages) - 1))
    binary, payload = messages[at]
    damaged = [
        messages[:at] + messages[at + 1 :],
        [*messages[:at], (binary, payload + b"x"), *messages[at + 1 :]],
        [*messages[:at], (not binary, payload), *messages[at + 1 :]],
        [*messages[:at], (binary, payload), *messages[at:]],
        messages[::-1] if messages[::-1] != messages else messages[1:],
    ]
    for others in damaged:
        theirs = RunningMac(KEY)
        for kind, body in others:
            theirs.add_message(body, binary=kind)
        assert not theirs.proves(note)
    right = RunningMac(b"another key")
    right.add(b"".join(frames_of(messages)))
    assert not right.proves(note)


def test_the_digest_is_hmac_sha256_over_the_frames_and_nothing_else() -> None:
    running = RunningMac(KEY)
    running.add(text_frame(b"one") + frame(PING, b"") + text_frame(b"x" * 300))
    expected = hmac.digest(KEY, text_frame(b"one") + text_frame(b"x" * 300), sha256).hex()
    assert running.note() == MacNote(1, 2, expected)
    assert running.note() is None


def test_a_mac_frame_says_from_where_to_where() -> None:
    assert json.loads(mac_frame(MacNote(3, 5, "ab"))[2:]) == {
        "jsonrpc": "2.0",
        "method": "mac",
        "params": {"from": 3, "to": 5, "mac": "ab"},
    }


def test_a_key_is_of_one_connection() -> None:
    keys = {mac_key("secret", "a", "b"), mac_key("secret", "a", "c"), mac_key("secret", "d", "b")}
    assert len(keys | {mac_key("other", "a", "b")}) == 4
    text = b"deltawire mac\nserver's\nclient's"
    assert mac_key("secret", "client's", "server's") == hmac.digest(b"secret", text, sha256)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b'{"method":"mac"}',
        b'{"jsonrpc":"2.0","method":"mac","params":{"from":1,"to":"2","mac":""}}',
        b'{"a":{"method":"mac"},"method":"subscription","params":{"from":1,"to":2,"mac":""}}',
        b'{"method":"mac","params":{"from":1,"to":2,"mac":"\xff"}}',
    ],
)
def test_what_only_looks_like_a_mac_is_a_message_to_be_proven(message: bytes) -> None:
    assert parse_note(message) is None


def test_a_note_is_read_as_it_was_told() -> None:
    note = MacNote(3, 5, "ab")
    assert parse_note(mac_frame(note)[2:]) == note


@pytest.mark.parametrize(("sent", "which"), [(1, "frame 1 is"), (2, "frames 1 to 2 are")])
def test_what_was_changed_on_the_way_is_named(sent: int, which: str) -> None:
    ours, theirs = RunningMac(KEY), ProvenMessages()
    theirs.enable(KEY)
    for _ in range(sent):
        ours.add(text_frame(b"one"))
        theirs.received("One")
    note = ours.note()
    assert note is not None
    with pytest.raises(FeedError, match=f"^{which} not what the server sent"):
        theirs.received(mac_frame(note)[4:].decode())


def test_messages_are_held_until_they_are_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = RunningMac(KEY), ProvenMessages()
    assert theirs.received("before") == ["before"]
    theirs.enable(KEY)
    assert [*theirs.received("one"), *theirs.received(b"two")] == []
    ours.add(text_frame(b"one") + frame(BINARY, b"two"))
    note = ours.note()
    assert note is not None
    assert theirs.received(mac_frame(note)[4:].decode()) == ["one", b"two"]
    monkeypatch.setattr("deltawire.wire.mac.MOST_UNPROVEN_BYTES", 5)
    assert theirs.received("three") == []
    with pytest.raises(FeedError, match="without a MAC"):
        theirs.received("x")
