"""Answers that wait for the disk: rights are looked at again when the wait is over."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from deltawire.dialect.grammar import ChannelKey, ResumePosition
from deltawire.errors import RequestError
from deltawire.gateway.held import HeldEffects
from deltawire.session.effects import Effect, Join, Leave, SendMessage
from deltawire.wire.rpc import Reply
from tests.support.credentials import ALICE, READER, changed, secret_login
from tests.support.gatekeeping import LOW, Gatekeeping, Peer
from tests.support.trading import TRADER

HERE = "192.0.2.7"
ORDER = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": LOW}
MARKET = {"instrument_name": "BTC-PERPETUAL", "amount": 20, "type": "market"}
ORDERS = "user.orders.BTC-PERPETUAL.raw"


@pytest.fixture
def gatekeeping() -> Gatekeeping:
    gatekeeping = Gatekeeping()
    gatekeeping.access.replace([ALICE, READER])
    return gatekeeping


def signed_in(gatekeeping: Gatekeeping, **more: Any) -> Peer:
    peer = gatekeeping.opens(HERE)
    assert peer is not None
    peer.tokens = peer.asks("public/auth", **secret_login(ALICE, **more))["result"]  # type: ignore[attr-defined]
    return peer


def answer(peer: Peer, number: int) -> Any:
    return next((message for message in peer.messages if message.get("id") == number), None)


def test_a_revoked_key_gets_no_answer_that_was_held_and_is_closed_at_once(gatekeeping: Gatekeeping) -> None:
    peer = signed_in(gatekeeping)
    gatekeeping.exchange.disk.slow = True
    number = peer.sends("private/buy", **ORDER)
    gatekeeping.access.replace([READER])
    gatekeeping.gateway.rights_changed()
    assert peer.code == 1008, "it does not wait for the disk"
    gatekeeping.exchange.disk.sync()
    assert answer(peer, number) is None


def test_a_token_that_ends_takes_the_answers_along_that_were_asked_for_with_it(
    gatekeeping: Gatekeeping,
) -> None:
    peer = gatekeeping.opens(HERE)
    assert peer is not None
    tokens = gatekeeping.http(HERE, "public/auth", **secret_login(ALICE))["result"]
    token = {"access_token": tokens["access_token"]}
    gatekeeping.exchange.disk.slow = True
    bought = peer.sends("private/buy", **ORDER, **token)
    joined = peer.sends("private/subscribe", channels=[ORDERS], **token)
    public = peer.sends("public/test")
    gatekeeping.http(HERE, "public/auth", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    gatekeeping.exchange.disk.sync()
    for number in (bought, joined):
        error = answer(peer, number)["error"]
        assert (error["code"], "may have acted" in error["data"]["reason"]) == (13009, True)
    assert "result" in answer(peer, public)
    assert not peer.subscriber.channels
    assert peer.told_off() == [ORDERS]
    assert not peer.code


def test_a_token_that_ends_takes_along_the_answer_that_a_join_was_to_complete(
    gatekeeping: Gatekeeping,
) -> None:
    peer = gatekeeping.opens(HERE)
    assert peer is not None
    tokens = gatekeeping.http(HERE, "public/auth", **secret_login(ALICE))["result"]
    gatekeeping.exchange.disk.slow = True
    gatekeeping.exchange.client().buy(10, LOW)
    resume = {ORDERS: {"epoch": "epoch", "seq": 0}}
    token = tokens["access_token"]
    number = peer.sends("private/subscribe", channels=[ORDERS], resume=resume, access_token=token)
    gatekeeping.http(HERE, "public/auth", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    gatekeeping.exchange.disk.sync()
    assert answer(peer, number)["error"]["code"] == 13009
    assert not peer.subscriber.channels


@pytest.mark.parametrize("scope", ["public", "private"])
def test_a_private_channel_begins_at_its_request(gatekeeping: Gatekeeping, scope: str) -> None:
    """What was submitted before is not told, what was after is, with its position, however late the disk is."""
    bob, alice = gatekeeping.exchange.client(TRADER), gatekeeping.exchange.client()
    bob.sell(1_000, 60_000.0)
    peer = signed_in(gatekeeping)
    gatekeeping.exchange.disk.slow = True
    alice.buy(10)
    subscribed = peer.sends(f"{scope}/subscribe", channels=["user.changes.any.any.raw"])
    bought = peer.sends("private/buy", **MARKET)
    alice.buy(30)
    assert answer(peer, subscribed) is None
    gatekeeping.exchange.disk.sync()
    assert "result" in answer(peer, subscribed)
    assert "result" in answer(peer, bought)
    notes = [note["data"] for note in peer.heard()]
    assert [[each["amount"] for each in data["trades"]] for data in notes] == [[20], [30]]
    assert [[each["size"] for each in data["positions"]] for data in notes] == [[30.0], [60.0]]


def test_leaving_a_channel_does_not_wait_for_the_disk(gatekeeping: Gatekeeping) -> None:
    peer = gatekeeping.opens(HERE)
    assert peer is not None
    tokens = gatekeeping.http(HERE, "public/auth", **secret_login(ALICE))["result"]
    assert "result" in peer.asks("private/subscribe", channels=[ORDERS], access_token=tokens["access_token"])
    gatekeeping.exchange.disk.slow = True
    gatekeeping.exchange.client().buy(10, LOW)
    peer.sends("private/get_open_orders", access_token=tokens["access_token"])
    gatekeeping.http(HERE, "public/auth", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    gatekeeping.exchange.disk.sync()
    assert peer.heard() == []


@pytest.mark.parametrize("way", ["refresh", "login", "logout"])
def test_who_signs_in_anew_or_out_gets_what_it_asked_for_before(gatekeeping: Gatekeeping, way: str) -> None:
    peer = signed_in(gatekeeping)
    gatekeeping.exchange.disk.slow = True
    number = peer.sends("private/buy", **ORDER)
    if way == "refresh":
        token = peer.tokens["refresh_token"]  # type: ignore[attr-defined]
        peer.sends("public/auth", grant_type="refresh_token", refresh_token=token)
    elif way == "login":
        peer.sends("public/auth", **secret_login(READER))
    else:
        peer.sends("private/logout")
    gatekeeping.exchange.disk.sync()
    assert answer(peer, number)["result"]["order"]["order_state"] == "open"
    assert peer.code == (1000 if way == "logout" else 0)


def test_who_has_signed_in_anew_is_refused_all_the_same_when_its_key_is_altered(
    gatekeeping: Gatekeeping,
) -> None:
    peer = signed_in(gatekeeping)
    gatekeeping.exchange.disk.slow = True
    number = peer.sends("private/buy", **ORDER)
    peer.sends("public/auth", **secret_login(READER))
    gatekeeping.access.replace([changed(ALICE, rights=("account:read",)), READER])
    gatekeeping.gateway.rights_changed()
    gatekeeping.exchange.disk.sync()
    assert answer(peer, number)["error"]["code"] == 13009
    assert not peer.code


def test_a_request_behind_a_close_that_waits_does_not_act(gatekeeping: Gatekeeping) -> None:
    peer = signed_in(gatekeeping)
    gatekeeping.exchange.disk.slow = True
    peer.sends("private/buy", **ORDER)
    peer.sends("private/logout")
    before = gatekeeping.exchange.service.ticket()
    assert peer.sends("private/buy", **ORDER)
    assert gatekeeping.exchange.service.ticket() == before


def many_keys(number: int) -> tuple[ChannelKey, ...]:
    return tuple(
        ChannelKey(f"ticker.BTC-{number}-{at}-C.100ms", "ticker", f"BTC-{number}-{at}-C", "100ms")
        for at in range(300)
    )


EFFECTS: dict[str, Callable[[int], list[Effect]]] = {
    "nothing": lambda number: [],
    "a join": lambda number: [Join(many_keys(number), {}, Reply(number))],
    "a join at positions": lambda number: [
        Join((), {f"ticker.BTC-{number}-{at}-C": ResumePosition("epoch", at + 1000) for at in range(300)})
    ],
    "a leave": lambda number: [Leave(tuple(f"ticker.BTC-{number}-{at}-C.100ms" for at in range(300)))],
    "a result": lambda number: [Reply(number, list(range(number, number + 300)))],
    "a long id": lambda number: [Reply(str(number) * 3000)],
    "an error": lambda number: [
        Reply(number, error=RequestError(-32602, "Invalid params", reason=str(number) * 3000))
    ],
    "a message": lambda number: [SendMessage(str(number).encode() * 3000)],
}


@pytest.mark.parametrize("kind", EFFECTS)
def test_what_a_held_request_takes_is_counted(kind: str) -> None:
    """Joins of hundreds of channels counted 200 bytes, and a request without effects nothing."""
    make, held = EFFECTS[kind], HeldEffects()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1000, 1100):
            held.add(make(number))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken / 1.5 <= held.bytes <= taken * 4
    for _ in range(100):
        held.drop_first()
    assert not held.bytes
