"""Private channels: an account's own news, to its own sessions alone."""

import msgspec
import pytest

from deltawire.access.scopes import EVERYTHING
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import parse_channel
from tests.support.credentials import access_of
from tests.support.frames import messages_in
from tests.support.trading import ALICE, TRADER, Client, Exchange, changed, secret_login

NAME = "BTC-PERPETUAL"
BLIND = changed(ALICE, client_id="blind", rights=("wallet:read",))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def alice(exchange: Exchange) -> Client:
    return exchange.client()


@pytest.fixture
def bob(exchange: Exchange) -> Client:
    return exchange.client(TRADER)


def subscribe(client: Client, *channels: str) -> list[str]:
    accepted: list[str] = client.result("private/subscribe", channels=list(channels))
    return accepted


def test_raw_orders_come_one_object_each(alice: Client) -> None:
    channel = "user.orders.any.any.raw"
    assert subscribe(alice, channel) == [channel]
    order = alice.buy(100, 59_000.0)["order"]
    alice.result("private/cancel", order_id=order["order_id"])
    first, second = alice.inbox.notes(channel)
    assert first["data"] == order
    assert second["data"]["order_state"] == "cancelled"
    assert [first["seq"], second["seq"]] == [1, 2]


def test_orders_at_an_interval_come_as_an_array_with_every_change(exchange: Exchange, alice: Client) -> None:
    channel = f"user.orders.{NAME}.100ms"
    subscribe(alice, channel)
    order = alice.buy(100, 59_000.0)["order"]
    alice.result("private/cancel", order_id=order["order_id"])
    assert alice.inbox.take() == []
    exchange.passes(0.2)
    (data,) = alice.inbox.data(channel)
    assert [each["order_state"] for each in data] == ["open", "cancelled"]


def test_trades_come_as_arrays_with_fee_and_liquidity(alice: Client, bob: Client) -> None:
    channel = "user.trades.future.BTC.raw"
    subscribe(alice, channel)
    subscribe(bob, channel)
    bob.sell(100, 60_000.0)
    answer = alice.buy(100)
    assert alice.inbox.data(channel) == [answer["trades"]]
    ((trade,),) = bob.inbox.data(channel)
    assert (trade["liquidity"], trade["direction"], trade["fee"]) == ("M", "sell", 0.0)
    assert trade["trade_id"] == answer["trades"][0]["trade_id"]


def test_changes_bring_order_trade_and_position_together(alice: Client, bob: Client) -> None:
    channel = f"user.changes.{NAME}.raw"
    bob.sell(100, 60_000.0)
    subscribe(alice, channel)
    answer = alice.buy(100)
    (data,) = alice.inbox.data(channel)
    assert data["instrument_name"] == NAME
    assert data["trades"] == answer["trades"]
    assert data["orders"] == [answer["order"]]
    assert [position["size"] for position in data["positions"]] == [100.0]


@pytest.mark.parametrize("currency", ["BTC", "btc", "USDT"])
def test_a_portfolio_comes_at_once_whatever_the_currency(alice: Client, currency: str) -> None:
    channel = f"user.portfolio.{currency}"
    assert subscribe(alice, channel) == [channel]
    (data,) = alice.inbox.data(channel)
    assert data["currency"] == currency.upper()
    assert data["equity"] == (10.0 if currency.upper() == "BTC" else 0.0)
    assert {"available_funds", "maintenance_margin", "available_withdrawal_funds"} <= data.keys()


def test_any_portfolio_is_one_notification_per_currency(alice: Client) -> None:
    subscribe(alice, "user.portfolio.any")
    assert [data["currency"] for data in alice.inbox.data("user.portfolio.any")] == ["BTC", "ETH", "USDC"]


def test_a_portfolio_follows_within_a_second_and_says_nothing_twice(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    channel = "user.portfolio.BTC"
    subscribe(alice, channel)
    alice.inbox.take()
    bob.sell(6_000, 60_000.0)
    alice.buy(6_000)
    exchange.passes(1.0)
    (data,) = alice.inbox.data(channel)
    assert data["balance"] == exchange.harness.balance(1)
    assert data["delta_total"] == pytest.approx(0.1, rel=0.01)
    exchange.passes(1.0)
    assert alice.inbox.data(channel) == []


def test_nobody_hears_of_another_account(alice: Client, bob: Client) -> None:
    channels = ("user.orders.any.any.raw", "user.trades.any.any.raw", f"user.changes.{NAME}.raw")
    subscribe(bob, *channels)
    alice.buy(100, 59_000.0)
    assert bob.inbox.take() == []


def test_two_sessions_of_one_account_hear_the_same(exchange: Exchange, alice: Client) -> None:
    other = exchange.client()
    channel = "user.orders.any.any.raw"
    subscribe(alice, channel)
    subscribe(other, channel)
    alice.buy(100, 59_000.0)
    assert alice.inbox.take() == other.inbox.take() != []


def test_private_channels_are_left_out_for_who_may_not_hear_them(exchange: Exchange) -> None:
    channels = ["user.orders.any.any.raw", f"book.{NAME}.100ms"]
    assert exchange.stranger().result("public/subscribe", channels=channels) == [f"book.{NAME}.100ms"]
    exchange.access.replace([BLIND])
    assert subscribe(exchange.client(BLIND), *channels) == [f"book.{NAME}.100ms"]


def test_signing_in_as_another_ends_the_first_ones_channels(exchange: Exchange, alice: Client) -> None:
    channel = "user.orders.any.any.raw"
    subscribe(alice, channel, f"book.{NAME}.raw")
    alice.result("public/auth", **secret_login(TRADER))
    assert list(alice.session.channels) == [f"book.{NAME}.raw"]
    alice.inbox.take()
    exchange.client().buy(100, 70_000.0)
    assert all(note["params"]["channel"] != channel for note in alice.inbox.take())
    assert subscribe(alice, channel) == [channel]
    alice.buy(100, 59_000.0)
    assert len(alice.inbox.notes(channel)) == 1


def test_unsubscribing_ends_it(alice: Client) -> None:
    channel = "user.orders.any.any.raw"
    subscribe(alice, channel)
    assert alice.result("private/unsubscribe", channels=[channel]) == [channel]
    alice.buy(100, 59_000.0)
    subscribe(alice, channel)
    assert alice.result("private/unsubscribe_all") == "ok"
    alice.buy(100, 59_000.0)
    assert alice.inbox.take() == []


def test_a_struck_protection_is_told(alice: Client, bob: Client) -> None:
    channel = "user.mmp_trigger.btc_usd"
    subscribe(alice, channel)
    asked = {"index_name": "btc_usd", "interval": 10, "frozen_time": 0, "quantity_limit": 0.001}
    alice.result("private/set_mmp_config", **asked)
    alice.sell(100, 60_000.0, mmp=True)
    bob.buy(100)
    assert alice.inbox.data(channel) == [{"index_name": "btc_usd", "frozen_until": 0}]


def test_a_liquidation_locks_the_account(exchange: Exchange, alice: Client, bob: Client) -> None:
    subscribe(alice, "user.lock")
    bob.sell(12_000_000, 60_000.0)
    alice.buy(12_000_000)
    exchange.passes(60.0, 56_000.0)
    assert alice.inbox.data("user.lock")[0] == {"locked": True, "currency": "BTC"}


@pytest.mark.parametrize(
    "channel",
    [
        "user.access_log",
        "user.combo_trades.any.any.raw",
        "user.combo_trades.future_combo.BTC.100ms",
        "block_rfq.maker.BTC",
        "block_rfq.taker.any",
        "block_rfq.maker.quotes.BTC",
    ],
)
def test_what_never_happens_here_is_accepted_and_silent(exchange: Exchange, channel: str) -> None:
    everyone = changed(ALICE, rights=EVERYTHING)
    exchange.access = access_of(everyone)
    alice = exchange.client(everyone)
    assert subscribe(alice, channel) == [channel]
    assert exchange.stranger().result("public/subscribe", channels=[channel]) == []
    alice.buy(100, 59_000.0)
    assert alice.inbox.take() == []


def test_every_private_notification_is_what_the_document_says(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    """And it has nothing of which the document does not tell."""
    asked = {"index_name": "btc_usd", "interval": 10, "frozen_time": 0, "quantity_limit": 0.001}
    alice.result("private/set_mmp_config", **asked, mmp_group="g")
    names = ["user.orders.any.any.raw", f"user.orders.{NAME}.100ms", "user.trades.any.any.raw"]
    names += ["user.changes.any.any.raw", "user.mmp_trigger.any"]
    subscribe(alice, *names)
    alice.buy(5_000, 59_000.0, max_show=1_000)
    alice.sell(
        100, type="stop_market", trigger="index_price", trigger_price=58_000.0, time_in_force="good_til_day"
    )
    alice.sell(100, 60_000.0, mmp=True, mmp_group="g")
    bob.buy(100)
    exchange.passes(1.0)
    seen = set()
    for message in alice.inbox.take():
        key = parse_channel(message["params"]["channel"])
        assert key is not None
        data, type_ = message["params"]["data"], FAMILIES[key.family].data
        told = msgspec.to_builtins(msgspec.convert(data, type_))
        pairs = zip(told, data, strict=True) if isinstance(data, list) else [(told, data)]
        for ours, theirs in pairs:
            assert theirs.keys() - ours.keys() <= {name for name, value in theirs.items() if not value}
        seen.add(message["params"]["channel"])
    assert seen == set(names)


def test_whoever_counts_no_more_joins_nothing_in_the_moment_before_it_is_closed(
    exchange: Exchange, alice: Client
) -> None:
    exchange.access.replace([changed(ALICE, rights=("account:read",))])
    for method in ("public/subscribe", "private/subscribe"):
        assert alice.error(method, channels=["user.orders.any.any.raw"])["code"] == 13009
    assert not alice.inbox.subscriber.channels


def test_a_name_that_is_joined_for_another_account_is_joined_anew(exchange: Exchange, alice: Client) -> None:
    """It was answered as joined, and stayed the first account's."""
    channel = "user.orders.any.any.raw"
    subscribe(alice, channel)
    token = exchange.access.by_secret(
        "bobs-hmac", TRADER.secret, "", "127.0.0.1", alice.now_ns, over_http=True
    )
    answer = alice.result("private/subscribe", channels=[channel], access_token=token.access_token)
    assert answer == [channel]
    exchange.client().buy(100, 59_000.0)
    assert alice.inbox.take() == []
    exchange.client(TRADER).buy(100, 59_000.0)
    assert len(alice.inbox.data(channel)) == 1


# State comes with events.


def test_nothing_that_is_not_on_disk_is_in_the_first_portfolio(exchange: Exchange, alice: Client) -> None:
    bob = exchange.client(TRADER)
    bob.sell(6_000, 60_000.0)
    exchange.disk.slow = True
    alice.buy(6_000)
    subscribe(alice, "user.portfolio.BTC")
    assert alice.inbox.data("user.portfolio.BTC") == []
    exchange.disk.sync()
    (data,) = alice.inbox.data("user.portfolio.BTC")
    assert data["balance"] == exchange.harness.balance(1)


def test_whoever_joins_an_open_portfolio_gets_the_state_of_now_and_the_others_what_has_changed(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    channel = "user.portfolio.BTC"
    subscribe(alice, channel)
    alice.inbox.take()
    bob.sell(6_000, 60_000.0)
    alice.buy(6_000)
    other = exchange.client()
    subscribe(other, channel)
    assert other.inbox.data(channel) == alice.inbox.data(channel) != []
    other.result("private/unsubscribe", channels=[channel])
    subscribe(other, channel)
    assert len(other.inbox.take()) == 1
    assert alice.inbox.take() == [], "nothing has changed"


def test_portfolios_of_one_currency_and_of_all_do_not_stand_for_each_other(
    exchange: Exchange, alice: Client
) -> None:
    other = exchange.client()
    subscribe(alice, "user.portfolio.BTC")
    subscribe(other, "user.portfolio.any", "user.portfolio.btc")
    assert [data["currency"] for data in other.inbox.data("user.portfolio.any")] == ["BTC", "ETH", "USDC"]
    assert len(alice.inbox.take()) == 1


def test_who_has_fallen_behind_gets_the_portfolio_it_joins_once(exchange: Exchange, alice: Client) -> None:
    member = alice.inbox.subscriber
    subscribe(alice, "quote.BTC-PERPETUAL")
    alice.inbox.take()
    exchange.hub.fall_behind(member, 1 << 20, lambda: None)
    subscribe(alice, "user.portfolio.BTC")
    messages = []
    while data := exchange.hub.catch_up(member):
        messages += messages_in(data)
    assert [each["params"]["channel"] for each in messages] == ["user.portfolio.BTC"]


def test_a_portfolio_is_not_computed_for_a_channel_that_has_ended(exchange: Exchange, alice: Client) -> None:
    asked: list[str] = []
    summary = exchange.service.summary
    exchange.service.summary = lambda account, currency: (  # type: ignore[method-assign]
        asked.append(currency) or summary(account, currency)  # type: ignore[func-returns-value]
    )
    subscribe(alice, "user.portfolio.BTC", "user.portfolio.any")
    asked.clear()
    exchange.passes(1.0)
    assert sorted(asked) == ["BTC", "BTC", "ETH", "USDC"]
    alice.result("private/unsubscribe_all")
    exchange.hub.directory.sweep(1)
    exchange.hub.directory.sweep(10**12)
    asked.clear()
    exchange.passes(1.0)
    assert asked == []


def test_a_portfolio_is_resumed_without_an_image(exchange: Exchange, alice: Client, bob: Client) -> None:
    channel = "user.portfolio.BTC"
    subscribe(alice, channel)
    (first,) = alice.inbox.notes(channel)
    alice.result("private/unsubscribe", channels=[channel])
    bob.sell(6_000, 60_000.0)
    alice.buy(6_000)
    exchange.passes(1.0)
    position = {channel: {"epoch": first["epoch"], "seq": first["seq"]}}
    alice.effects("private/subscribe", channels=[channel], resume=position)
    (missed,) = alice.inbox.notes(channel)
    assert (missed["seq"], missed["data"]["balance"]) == (first["seq"] + 1, exchange.harness.balance(1))


def test_changes_at_an_interval_bring_the_last_position(
    exchange: Exchange, alice: Client, bob: Client
) -> None:
    channel = f"user.changes.{NAME}.100ms"
    subscribe(alice, channel)
    bob.sell(300, 60_000.0)
    alice.buy(100)
    alice.buy(200)
    exchange.passes(0.2)
    (data,) = alice.inbox.data(channel)
    assert (len(data["trades"]), [each["size"] for each in data["positions"]]) == (2, [300.0])
