"""Enabling the running MAC: who may, what the answer says, and that no secret shows."""

import pytest

from deltawire.session.effects import EnableMac
from deltawire.wire.mac import mac_key
from deltawire.wire.rpc import Reply
from tests.support.conversations import Conversation
from tests.support.credentials import ALICE, BOB, READER, access_of, secret_login, signed_login
from tests.support.hub_harness import live_hub_harness
from tests.support.market_events import START_NS

NONCE = "0123456789abcdef"
METHOD = "private/enable_mac"


@pytest.fixture
def talk() -> Conversation:
    return Conversation(live_hub_harness().market, access_of(ALICE, READER, BOB))


def test_the_answer_comes_before_the_mac_whose_key_is_of_the_secret_and_both_nonces(
    talk: Conversation,
) -> None:
    talk.result("public/auth", **secret_login(ALICE))
    reply, enabled = talk.effects(METHOD, nonce=NONCE)
    assert isinstance(reply, Reply)
    assert reply.result["algorithm"] == "HMAC-SHA256"
    assert enabled == EnableMac(mac_key(ALICE.secret, NONCE, reply.result["nonce"]))


def test_no_secret_shows_in_what_may_be_logged(talk: Conversation) -> None:
    talk.result("public/auth", **secret_login(ALICE))
    effects = talk.effects(METHOD, nonce=NONCE)
    (enabled,) = [each for each in effects if isinstance(each, EnableMac)]
    shown = repr(effects)
    assert ALICE.secret not in shown
    assert repr(enabled.key) not in shown
    assert enabled.key.hex() not in shown


def test_a_key_is_never_the_same_again() -> None:
    keys = set()
    access = access_of(ALICE)
    for _ in range(3):
        talk = Conversation(live_hub_harness().market, access)
        talk.result("public/auth", **secret_login(ALICE))
        keys |= {each.key for each in talk.effects(METHOD, nonce=NONCE) if isinstance(each, EnableMac)}
    assert len(keys) == 3


def test_it_is_enabled_once(talk: Conversation) -> None:
    talk.result("public/auth", **secret_login(ALICE))
    talk.result(METHOD, nonce=NONCE)
    (reply,) = talk.effects(METHOD, nonce=NONCE)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert (reply.error.code, reply.error.reason) == (-32600, "the MAC is already enabled: reconnect first")


def test_nobody_else_can(talk: Conversation) -> None:
    assert talk.error(METHOD, nonce=NONCE)["code"] == 13009
    talk.result("public/auth", **signed_login(BOB, START_NS // 1_000_000))
    error = talk.error(METHOD, nonce=NONCE)
    assert (error["code"], error["data"]["reason"]) == (
        13021,
        "an Ed25519 key shares no secret with the server",
    )
    talk.result("public/auth", **secret_login(READER))
    assert talk.result(METHOD, nonce=NONCE)["nonce"]


@pytest.mark.parametrize("nonce", [None, 17, "", "short", "x" * 129])
def test_a_nonce_that_could_be_guessed_is_refused(talk: Conversation, nonce: object) -> None:
    talk.result("public/auth", **secret_login(ALICE))
    error = talk.error(METHOD, nonce=nonce)
    assert (error["code"], error["data"]["param"]) == (-32602, "nonce")
    assert "nonce" in talk.error(METHOD)["data"]["param"]
