"""Scopes: what is asked for, and what of it is given."""

import pytest

from deltawire.access.scopes import Scope, allows, lesser, parse_scope, to_rights

HELD = ("account:read", "trade:read_write")


def test_a_scope_is_taken_apart() -> None:
    asked = "session:bot expires:60 ip:10.0.0.1 trade:read account:none mainaccount block_trade:nonsense"
    assert parse_scope(asked) == Scope(("account:none", "trade:read"), "bot", 60, "10.0.0.1")
    assert parse_scope("connection") == parse_scope("") == Scope()
    assert parse_scope("expires:-1 expires:x") == Scope()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((), HELD),
        (("trade:read",), ("trade:read",)),
        (("trade:read_write", "wallet:read_write"), ("trade:read_write",)),
        (("account:read_write",), ("account:read",)),
        (("trade:none",), ()),
    ],
)
def test_a_login_has_at_most_what_its_key_has(asked: tuple[str, ...], given: tuple[str, ...]) -> None:
    assert lesser(HELD, asked) == given


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
    with pytest.raises(ValueError, match=f"no right '{word}'"):
        to_rights([word])
