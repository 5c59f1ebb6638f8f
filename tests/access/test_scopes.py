"""Scopes: what is asked for, and what of it is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.access.scopes import Scope, allows, lesser, parse_scope, to_rights
from deltawire.errors import RequestError

PIECES = ["trade", "account", "read", "write", "none", "custody", "session", "expires", ":", "_", " ", "5"]
HELD = ("account:read", "trade:read_write")


def test_a_scope_is_taken_apart() -> None:
    asked = "session:bot expires:60 ip:10.0.0.1 trade:read account:none mainaccount name:ccxt"
    assert parse_scope(asked) == Scope(("account:none", "trade:read"), "bot", 60, "10.0.0.1")
    assert parse_scope("connection") == parse_scope("") == Scope()
    assert parse_scope("trade:read trade:read ip:::1") == Scope(("trade:read",), address="::1")


def test_an_area_that_is_not_here_grants_nothing_but_is_asked_for() -> None:
    assert parse_scope("custody:read_write connection") == Scope(rights=())
    assert lesser(HELD, parse_scope("custody:read_write").rights) == ()


@pytest.mark.parametrize(
    "word",
    [
        "trade:raed",
        "trade",
        "trade:",
        "trade:READ",
        "traed:read",
        "trade:read,account:read",
        "session:",
        "session",
        "session:" + "x" * 65,
        "expires:-1",
        "expires:0",
        "expires:x",
        "expires:١",
        "expires:9999999999",
        "ip:10.0.0.0/8",
        "ip:here",
        "custody:raed",
        "connection:x",
        "read_write",
    ],
)
def test_a_word_that_is_no_scope_is_an_error_and_never_every_right(word: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_scope(f"account:read {word}")
    assert (caught.value.code, caught.value.param) == (-32602, "scope")


@pytest.mark.parametrize("text", ["trade:none trade:read", "expires:5 expires:50", "session:a session:b"])
def test_a_scope_does_not_contradict_itself(text: str) -> None:
    with pytest.raises(RequestError):
        parse_scope(text)


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_scope_gives_more_than_is_held(text: str) -> None:
    try:
        rights = parse_scope(text).rights
    except RequestError:
        return
    assert rights is not None or not any(area in text for area in ("trade:", "account:"))
    assert set(to_rights(lesser(HELD, rights)).items()) <= {("account", 1), ("trade", 2), ("trade", 1)}


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (None, HELD),
        ((), ()),
        (("trade:read",), ("trade:read",)),
        (("trade:read_write", "wallet:read_write"), ("trade:read_write",)),
        (("account:read_write",), ("account:read",)),
        (("trade:none",), ()),
    ],
)
def test_a_login_has_at_most_what_its_key_has(asked: tuple[str, ...] | None, left: tuple[str, ...]) -> None:
    assert lesser(HELD, asked) == left


@pytest.mark.parametrize(
    ("needed", "allowed"),
    [
        ("", True),
        ("trade:read", True),
        ("trade:read_write", True),
        ("account:read_write", False),
        ("wallet:read", False),
    ],
)
def test_writing_includes_reading_and_nothing_else(needed: str, allowed: bool) -> None:
    assert allows(HELD, needed) is allowed


@pytest.mark.parametrize("word", ["trade", "trade:write", "orders:read", ""])
def test_what_is_no_right_is_named(word: str) -> None:
    with pytest.raises(ValueError, match=f"unknown right '{word}'"):
        to_rights([word])
