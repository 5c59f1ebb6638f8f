"""Methods about the connection: test, hello, time, heartbeat, subscriptions; and the order of effects."""

import sys
from typing import Any

import pytest

from deltawire.dialect.grammar import ResumePosition
from deltawire.errors import RequestError
from deltawire.session import conversation
from deltawire.session.conversation import MOST_PATTERNS
from deltawire.session.effects import Close, Effect, Heartbeat, Join, Leave
from deltawire.session.table import METHODS
from deltawire.wire.rpc import Reply
from tests.support.conversations import VERSION, Conversation, ask_http, read
from tests.support.hub_harness import HubHarness, live_hub_harness
from tests.support.market_events import SECOND_NS, START_NS, make_instrument, make_listing
from tests.support.subscribers import Inbox


@pytest.fixture
def harness() -> HubHarness:
    return live_hub_harness()


@pytest.fixture
def talk(harness: HubHarness) -> Conversation:
    return Conversation(harness.market)


def test_an_answer_has_the_id_the_times_and_testnet(talk: Conversation) -> None:
    assert talk.answer("public/get_time") == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": START_NS // 1_000_000,
        "usIn": START_NS // 1000,
        "usOut": START_NS // 1000,
        "usDiff": 0,
        "testnet": False,
    }


def test_a_text_id_comes_back_as_it_was(talk: Conversation) -> None:
    (reply,) = talk.session.received(b'{"id":"a-1","method":"public/test"}', START_NS)
    assert reply == Reply("a-1", {"version": VERSION}, us_in=START_NS // 1000)


def test_what_needs_no_parameters_ignores_any(talk: Conversation) -> None:
    assert talk.result("public/test", anything=[1]) == {"version": VERSION}
    assert talk.result("public/hello", client_name="x", client_version="1") == {"version": VERSION}
    assert talk.result("public/status") == {"locked": "false", "locked_indices": []}


def test_test_fails_on_request(talk: Conversation) -> None:
    assert talk.error("public/test", expected_result="exception")["code"] == 10001


def test_a_frame_that_is_no_request_is_answered_and_the_session_goes_on(talk: Conversation) -> None:
    (reply,) = talk.session.received(b"{", START_NS)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.code == -32700
    assert talk.result("public/test") == {"version": VERSION}


@pytest.mark.parametrize("method", ["public/no_such_method", "", "subscribe", "PUBLIC/test", "x" * 500])
def test_an_unknown_method_is_not_found(talk: Conversation, method: str) -> None:
    error = talk.error(method)
    assert (error["code"], error["message"]) == (-32601, "Method not found")
    assert error.get("data", {"reason": ""})["reason"] == method[:80]


@pytest.mark.parametrize("method", ["private/buy", "private/subscribe", "private/no_such_method"])
def test_private_methods_are_unauthorized_everywhere(harness: HubHarness, method: str) -> None:
    for error in (
        Conversation(harness.market).error(method),
        ask_http(harness.market, method, strict=True)["error"],
    ):
        assert (error["code"], error["message"]) == (13009, "unauthorized")


# Subscriptions.


def test_subscribing_answers_with_the_channels_and_then_joins_them(talk: Conversation) -> None:
    channels = ["book.BTC-PERPETUAL.raw", "trades.any.any.100ms"]
    reply, join = talk.effects("public/subscribe", channels=channels)
    assert isinstance(reply, Reply)
    assert reply.result == channels
    assert isinstance(join, Join)
    assert [key.name for key in join.keys] == channels


def test_names_that_are_no_channel_or_no_instrument_are_left_out(talk: Conversation) -> None:
    channels = [
        "book.NO-SUCH.raw",
        "book.btc-perpetual.raw",
        "quote.BTC-PERPETUAL",
        "nonsense",
        "user.orders.any.any.raw",
        "deribit_price_index.anything",
        "book.*.*",
        "x" * 100_000,
    ]
    assert talk.result("public/subscribe", channels=channels[:-1]) == [
        "quote.BTC-PERPETUAL",
        "deribit_price_index.anything",
    ]
    assert talk.error("public/subscribe", channels=channels)["message"] == "request entity too large"


def test_subscribing_to_nothing_known_is_no_error(talk: Conversation) -> None:
    assert talk.result("public/subscribe", channels=["nonsense"]) == []
    assert talk.result("public/subscribe", channels=[]) == []


def test_a_channel_asked_for_twice_is_joined_once(talk: Conversation) -> None:
    name = "quote.BTC-PERPETUAL"
    reply, join = talk.effects("public/subscribe", channels=[name, name])
    assert (reply.result, [key.name for key in join.keys]) == ([name], [name])
    reply, join = talk.effects("public/subscribe", channels=[name, "status.BTC-PERPETUAL"])
    assert reply.result == [name, "status.BTC-PERPETUAL"]
    assert [key.name for key in join.keys] == ["status.BTC-PERPETUAL"]


def test_unsubscribing_leaves_first_and_then_answers_with_the_channels_left(talk: Conversation) -> None:
    talk.effects("public/subscribe", channels=["quote.BTC-PERPETUAL", "status.BTC-PERPETUAL"])
    leave, reply = talk.effects(
        "public/unsubscribe", channels=["quote.BTC-PERPETUAL", "quote.BTC-PERPETUAL", "ticker.X.raw"]
    )
    assert leave == Leave(("quote.BTC-PERPETUAL",))
    assert isinstance(reply, Reply)
    assert reply.result == ["quote.BTC-PERPETUAL"]
    assert talk.result("public/unsubscribe", channels=["quote.BTC-PERPETUAL"]) == []


def test_unsubscribing_from_all_leaves_all(talk: Conversation) -> None:
    channels = ["quote.BTC-PERPETUAL", "status.BTC-PERPETUAL"]
    talk.effects("public/subscribe", channels=channels)
    leave, reply = talk.effects("public/unsubscribe_all")
    assert leave == Leave(tuple(channels))
    assert isinstance(reply, Reply)
    assert reply.result == "ok"
    _, join = talk.effects("public/subscribe", channels=channels)
    assert [key.name for key in join.keys] == channels


def test_the_images_follow_the_answer_and_no_notification_follows_the_answer_that_it_was_left(
    harness: HubHarness,
) -> None:
    name = "book.BTC-PERPETUAL.raw"
    talk, inbox = Conversation(harness.market), Inbox()
    sent: list[str] = []

    def execute(effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Join):
                harness.hub.join(inbox.subscriber, effect.keys)
            elif isinstance(effect, Leave):
                harness.hub.leave(inbox.subscriber, effect.ids)
            sent.extend(data["type"] for data in inbox.data(name))
            if isinstance(effect, Reply):
                sent.append("answer")

    execute(talk.effects("public/subscribe", channels=[name]))
    harness.hub.publish([harness.book.change(bids={1000: 11})])
    execute(talk.effects("public/unsubscribe", channels=[name]))
    assert sent == ["answer", "snapshot", "change", "answer"]
    harness.publish(harness.book.change(bids={1000: 12}))
    assert inbox.take() == []


def test_ten_thousand_channels_are_the_most(harness: HubHarness) -> None:
    talk = Conversation(harness.market)
    for start in range(0, 10_000, 1000):
        names = [f"deribit_price_index.i{number}" for number in range(start, start + 1000)]
        assert talk.result("public/subscribe", channels=names) == names
    assert talk.result("public/subscribe", channels=["deribit_price_index.i5"]) == ["deribit_price_index.i5"]
    talk.effects("public/unsubscribe", channels=["deribit_price_index.i5"])
    assert talk.result("public/subscribe", channels=["quote.BTC-PERPETUAL"]) == ["quote.BTC-PERPETUAL"]
    error = talk.error("public/subscribe", channels=["deribit_price_index.i5"])
    assert (error["code"], error["data"]) == (
        -32602,
        {"reason": "at most 10000 channels", "param": "channels"},
    )
    assert talk.effects("public/test") == [], "the connection closes"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "channels"),
        ({"channels": "book.BTC-PERPETUAL.raw"}, "channels"),
        ({"channels": None}, "channels"),
        ({"channels": {"a": 1}}, "channels"),
        ({"channels": ["quote.BTC-PERPETUAL", 5]}, "channels[1]"),
    ],
)
@pytest.mark.parametrize("method", ["public/subscribe", "public/unsubscribe"])
def test_channels_that_are_no_list_of_names_are_invalid(
    talk: Conversation, method: str, params: dict[str, Any], param: str
) -> None:
    error = talk.error(method, **params)
    assert (error["code"], error["data"]["param"]) == (-32602, param)
    assert error["data"]["reason"]


WEBSOCKET_ONLY = sorted(name for name, method in METHODS.items() if method.websocket_only)


def test_subscriptions_and_heartbeats_need_a_websocket() -> None:
    assert WEBSOCKET_ONLY == [
        "private/enable_mac",
        "private/logout",
        "private/mass_quote",
        "private/subscribe",
        "private/unsubscribe",
        "private/unsubscribe_all",
        "public/disable_heartbeat",
        "public/set_heartbeat",
        "public/set_replay",
        "public/subscribe",
        "public/unsubscribe",
        "public/unsubscribe_all",
    ]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("method", WEBSOCKET_ONLY)
def test_over_http_they_are_refused_before_their_parameters_are_read(
    harness: HubHarness, method: str, strict: bool
) -> None:
    error = ask_http(harness.market, method, strict=strict, channels="x")["error"]
    private = {"code": 13009, "message": "unauthorized", "data": {"reason": "authenticate with public/auth"}}
    over_http = {"code": 10030, "message": "must_be_websocket_request"}
    assert error == (private if method.startswith("private/") else over_http)


# Heartbeat.

INTERVAL_NS = 10 * SECOND_NS


ASKED = [Heartbeat("heartbeat"), Heartbeat("test_request")]


def test_without_a_heartbeat_there_is_no_deadline(talk: Conversation) -> None:
    assert talk.session.deadline() is None
    assert talk.passes(10**15) == []


def test_a_heartbeat_comes_every_interval_while_the_client_talks(talk: Conversation) -> None:
    assert talk.result("public/set_heartbeat", interval=10) == "ok"
    for _ in range(3):
        assert talk.session.deadline() == talk.now_ns + INTERVAL_NS
        assert talk.passes(INTERVAL_NS - 1) == []
        talk.effects("public/get_time")
        assert talk.passes(1) == [Heartbeat("heartbeat")]


def test_a_silent_client_is_asked_for_proof_and_public_test_is_proof(talk: Conversation) -> None:
    talk.effects("public/set_heartbeat", interval=10)
    for _ in range(3):
        assert talk.passes(INTERVAL_NS) == ASKED
        talk.effects("public/test")
        assert talk.passes(INTERVAL_NS - 1) == []
        talk.now_ns += 1


def test_a_test_request_that_is_not_answered_closes_the_connection(talk: Conversation) -> None:
    talk.effects("public/set_heartbeat", interval=10)
    assert talk.passes(INTERVAL_NS) == ASKED
    assert talk.passes(INTERVAL_NS - 1) == []
    assert talk.passes(1) == [Close(1008, "test_request was not answered")]


def test_any_other_request_is_no_answer_to_a_test_request(talk: Conversation) -> None:
    talk.effects("public/set_heartbeat", interval=10)
    assert talk.passes(INTERVAL_NS) == ASKED
    talk.effects("public/get_time")
    assert talk.passes(INTERVAL_NS) == [Close(1008, "test_request was not answered")]


def test_a_disabled_heartbeat_is_silent(talk: Conversation) -> None:
    talk.effects("public/set_heartbeat", interval=10)
    assert talk.passes(INTERVAL_NS) == ASKED
    assert talk.result("public/disable_heartbeat") == "ok"
    assert talk.session.deadline() is None
    assert talk.passes(10 * INTERVAL_NS) == []


def test_a_heartbeat_set_again_begins_anew(talk: Conversation) -> None:
    talk.effects("public/set_heartbeat", interval=10)
    assert talk.passes(INTERVAL_NS) == ASKED
    talk.effects("public/set_heartbeat", interval=60)
    assert talk.passes(59 * SECOND_NS) == []
    assert talk.passes(SECOND_NS) == ASKED


@pytest.mark.parametrize("interval", [0, -1, 9, 9.99, 86_401, 1e300, 10**400, "10", None, True])
def test_an_interval_out_of_bounds_is_invalid(talk: Conversation, interval: Any) -> None:
    error = talk.error("public/set_heartbeat", interval=interval)
    assert (error["code"], error["data"]["param"]) == (-32602, "interval")
    assert talk.session.deadline() is None


@pytest.mark.parametrize("interval", [10, 10.5, 86_400])
def test_an_interval_within_bounds_is_ok(talk: Conversation, interval: float) -> None:
    assert talk.result("public/set_heartbeat", interval=interval) == "ok"


# Errors as values.


def test_a_request_error_reads_as_one_line() -> None:
    error = RequestError(-32602, "Invalid params", reason="too deep", param="depth")
    assert str(error) == "-32602 Invalid params: too deep"
    assert error.data == {"reason": "too deep", "param": "depth"}
    assert RequestError(1, "x").data is None


def test_instruments_listed_later_may_be_subscribed_later(harness: HubHarness, talk: Conversation) -> None:
    assert talk.result("public/subscribe", channels=["quote.ETH-PERPETUAL"]) == []
    harness.market.state(make_instrument("ETH-PERPETUAL"))
    assert talk.result("public/subscribe", channels=["quote.ETH-PERPETUAL"]) == ["quote.ETH-PERPETUAL"]


# Resuming.


def resuming() -> Conversation:
    return Conversation(live_hub_harness().market)


def test_a_join_takes_the_answer_along_and_the_positions_of_what_is_joined_now() -> None:
    conversation = resuming()
    names = [f"deltawire.none.{number}" for number in range(2)] + ["quote.BTC-PERPETUAL", "book.*.raw"]
    positions = {
        "quote.BTC-PERPETUAL": {"epoch": "e", "seq": 5},
        "book.BTC-PERPETUAL.raw": {"epoch": "f", "seq": 6},
        "status.BTC-PERPETUAL": {"epoch": "e", "seq": 7},
        "book.BTC-PERPETUAL.100ms": {"epoch": "e", "seq": 8},
    }
    (join,) = conversation.effects("public/subscribe", channels=names, resume=positions)
    assert isinstance(join, Join)
    assert join.resume == {
        "quote.BTC-PERPETUAL": ResumePosition("e", 5),
        "book.BTC-PERPETUAL.raw": ResumePosition("f", 6),
    }
    assert join.reply is not None
    assert read(join.reply, conversation.now_ns)["result"] == names[2:]


@pytest.mark.parametrize(
    "more", [{}, {"resume": {}}, {"resume": {"status.BTC-PERPETUAL": {"epoch": "", "seq": 1}}}]
)
def test_without_positions_the_answer_waits_for_no_join(more: dict[str, object]) -> None:
    reply, join = resuming().effects("public/subscribe", channels=["quote.BTC-PERPETUAL"], **more)
    assert isinstance(reply, Reply)
    assert isinstance(join, Join)
    assert "recovered" not in read(reply, 0)


@pytest.mark.parametrize("resume", [[], 1, {"a": 1}, {"a": {"epoch": 1, "seq": 1}}, {"a": {"epoch": "e"}}])
def test_positions_that_are_none_are_refused(resume: object) -> None:
    error = resuming().error("public/subscribe", channels=["quote.BTC-PERPETUAL"], resume=resume)
    assert error["code"] == -32602
    assert error["data"]["param"].startswith("resume")


# Depth, pace, patterns.


@pytest.mark.parametrize(
    ("channel", "more", "levels", "pace_ms"),
    [
        ("book.BTC-PERPETUAL.raw", {"depth": 10}, 10, 0),
        ("book.BTC-PERPETUAL.raw", {"max_rate": 4}, 0, 500),
        ("book.BTC-PERPETUAL.raw", {"max_rate": 5, "depth": 1}, 1, 200),
        ("book.BTC-PERPETUAL.100ms", {"max_rate": 10}, 0, 0),
        ("book.BTC-PERPETUAL.100ms", {"max_rate": 9.9}, 0, 200),
        ("ticker.BTC-PERPETUAL.raw", {"max_rate": 0.001, "depth": 5}, 0, 10_000),
        ("trades.BTC-PERPETUAL.raw", {"max_rate": 1_000_000}, 0, 10),
        ("status.BTC-PERPETUAL", {"max_rate": 1, "depth": 5}, 0, 0),
    ],
)
def test_depth_and_pace_hold_for_the_channels_they_can(
    talk: Conversation, channel: str, more: dict[str, float], levels: int, pace_ms: int
) -> None:
    _, join = talk.effects("public/subscribe", channels=[channel], **more)
    assert isinstance(join, Join)
    (key,) = join.keys
    assert (key.name, key.levels, key.pace_ns) == (channel, levels, pace_ms * 1_000_000)
    leave, _ = talk.effects("public/unsubscribe", channels=[channel])
    assert leave == Leave((key.id,))


@pytest.mark.parametrize(
    "more", [{"depth": 0}, {"depth": 1001}, {"max_rate": 0}, {"max_rate": -1}, {"depth": "x"}]
)
def test_depths_and_paces_that_are_none_are_refused(talk: Conversation, more: dict[str, Any]) -> None:
    error = talk.error("public/subscribe", channels=["book.BTC-PERPETUAL.raw"], **more)
    assert (error["code"], error["data"]["param"]) == (-32602, next(iter(more)))


def test_a_pattern_is_accepted_as_it_is_and_counted(talk: Conversation) -> None:
    names = [f"book.A{number}*.raw" for number in range(MOST_PATTERNS)]
    assert talk.result("public/subscribe", channels=names) == names
    assert talk.error("public/subscribe", channels=["book.*.raw"])["data"]["reason"] == "at most 100 patterns"
    assert talk.result("public/unsubscribe", channels=names[:1]) == names[:1]
    assert talk.result("public/subscribe", channels=["book.*.raw"]) == ["book.*.raw"]


def crowded_harness(count: int) -> HubHarness:
    harness = live_hub_harness()
    harness.publish(*(make_listing(make_instrument(f"I{number}")) for number in range(count)))
    return harness


def test_a_pattern_counts_as_the_channels_it_stands_for() -> None:
    talk = Conversation(crowded_harness(20).market, most_channels=50)
    assert talk.result("public/subscribe", channels=["trades.I*.raw", "quote.I*"])
    reply, close = talk.effects("public/subscribe", channels=["ticker.I1*.raw"])
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert (reply.error.code, reply.error.param) == (-32602, "channels")
    assert isinstance(close, Close)


def test_who_leaves_a_pattern_may_join_others() -> None:
    talk = Conversation(crowded_harness(20).market, most_channels=50)
    for name in ("trades.I*.raw", "quote.I*", "ticker.I*.raw", "status.I*"):
        assert talk.result("public/subscribe", channels=["book.I*.raw", name]) == ["book.I*.raw", name]
        assert talk.result("public/unsubscribe", channels=[name]) == [name]
    assert talk.result("public/unsubscribe_all") == "ok"
    assert talk.result("public/subscribe", channels=["trades.I*.raw", "quote.I*"])


def test_more_names_than_channels_may_be_are_refused_unread(harness: HubHarness) -> None:
    talk = Conversation(harness.market, most_channels=100)
    reply, close = talk.effects("public/subscribe", channels=["x"] * 101)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert isinstance(close, Close)


@pytest.mark.parametrize("more", [30, 31, 60])
def test_patterns_and_names_together_are_bounded_in_either_order(more: int) -> None:
    market = crowded_harness(30).market
    names = [f"deribit_price_index.i{number}" for number in range(more)]
    for first, second in (
        (["trades.I*.raw"], names),
        (names[:30], ["trades.I*.raw"]),
        ([], [*names, "quote.I*"]),
    ):
        talk = Conversation(market, most_channels=50)
        assert talk.result("public/subscribe", channels=first) == first
        assert talk.error("public/subscribe", channels=second)["data"]["param"] == "channels"
    talk = Conversation(market, most_channels=50)
    assert talk.result("public/subscribe", channels=["trades.I*.raw"])
    assert talk.result("public/subscribe", channels=names[:10]) == names[:10]


def test_a_channel_that_needs_an_extra_which_is_missing_is_refused_by_its_name(
    talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None in the table of modules is how the interpreter says that one cannot be imported."""
    channel = "flow.BTC-PERPETUAL.1s"
    monkeypatch.setattr(conversation, "_lacks", conversation._lacks.__wrapped__)
    monkeypatch.setitem(sys.modules, "numpy", None)
    answer = talk.answer("public/subscribe", channels=[channel, "imbalance.BTC-PERPETUAL.1s"])
    assert answer["error"]["code"] == 13503
    assert answer["error"]["data"]["reason"] == (
        f"{channel} needs the extra `analytics` at the server: pip install '.[analytics]' in a checkout of deltawire"
    )
    monkeypatch.undo()
    assert talk.answer("public/subscribe", channels=[channel])["result"] == [channel]


def test_a_comparison_with_an_instrument_that_does_not_exist_is_not_joined(talk: Conversation) -> None:
    names = [f"alert.BTC-PERPETUAL.crossed.{other}.5.1s" for other in ("BTC-PERPETUAL", "okx:NOTHING")]
    assert talk.result("public/subscribe", channels=names) == names[:1]
