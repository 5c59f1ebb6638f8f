"""Every answer and notification of the built-in exchange, held against Deribit's own definitions.

What differs on purpose stands in docs/protocol.md with its reason, and nothing else differs.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from deltawire.access.scopes import EVERYTHING
from deltawire.dialect.families import FAMILIES
from deltawire.dialect.grammar import choices, parse_channel
from deltawire.dialect.results import RESULTS
from deltawire.session import unavailable
from deltawire.session.methods import collect
from deltawire.session.schemas import make_schemas, schema_name
from deltawire.session.table import METHODS
from deltawire.store.accounts import AccountStore
from deltawire.store.keys import KeyStore
from tests.support.credentials import ALICE, changed, secret_login
from tests.support.definitions import TABLE, Difference, differences
from tests.support.rights_server import CONFIG, RightsServer, TlsClient, started
from tests.support.waiting import HANG_S, wait_until

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
COIN = 10**8
MAKER = changed(ALICE, client_id="maker", name="maker", account="maker", rights=EVERYTHING)
TAKER = changed(ALICE, client_id="taker", name="taker", account="taker", rights=EVERYTHING)
PERPETUAL, LINEAR = "BTC-PERPETUAL", "BTC_USDC-PERPETUAL"
HOUR_MS = 3_600_000
REFUSED = ("freeze_quotes", "extended_to_subaccounts", "block_rfq_self_match_prevention", "block_rfq")
"""Switches that are not implemented; each is refused."""
TRIES = 20
"""At being the best offer in a market that moves."""


AVAILABLE = METHODS.keys() - collect(unavailable).keys()
SCHEMAS = make_schemas()
VALIDATORS = {
    name: jsonschema.Draft7Validator(schema | {"components": {"schemas": SCHEMAS}})
    for name, schema in SCHEMAS.items()
}
"""The schemas of the server's own document, by name."""


class Scene:
    """Two accounts on one exchange: what they are told, and where it differs from the definitions."""

    def __init__(self, server: RightsServer, closing: ExitStack) -> None:
        self.server = server
        self.maker, self.taker, self.listener = (
            closing.enter_context(server.signed_in(key)) for key in (MAKER, TAKER, MAKER)
        )
        self.found: dict[Difference, Any] = {}
        self.answered: set[str] = set()
        self.heard: set[str] = set()
        options = self.ask("public/get_instruments", currency="BTC", kind="option")
        index = self.ask("public/get_index_price", index_name="btc_usd")["index_price"]
        calls = [each for each in options if each["option_type"] == "call" and not linear(each)]
        last = max(each["expiration_timestamp"] for each in calls)
        near = sorted(
            (each for each in calls if each["expiration_timestamp"] == last),
            key=lambda each: abs(each["strike"] - index),
        )
        self.option = near[0]["instrument_name"]
        self.untraded = near[-1]["instrument_name"]
        futures = self.ask("public/get_instruments", currency="BTC", kind="future")
        self.future = next(
            each["instrument_name"]
            for each in futures
            if each["settlement_period"] != "perpetual" and not linear(each)
        )
        linear_options = [
            each
            for each in self.ask("public/get_instruments", currency="USDC", kind="option")
            if each["base_currency"] == "BTC" and each["option_type"] == "put"
        ]
        self.linear_option = min(linear_options, key=lambda each: abs(each["strike"] - index))[
            "instrument_name"
        ]

    @property
    def instruments(self) -> tuple[str, ...]:
        return PERPETUAL, LINEAR, self.future, self.option, self.linear_option, self.untraded

    def ask(self, method: str, client: TlsClient | None = None, **params: Any) -> Any:
        """The result of a method, which is compared; it must not be an error."""
        return self.take(method, (client or self.maker).answer(method, **params), params)

    def take(self, method: str, answer: dict[str, Any], params: dict[str, Any]) -> Any:
        """The result in an answer, which is compared."""
        assert "error" not in answer, (method, params, answer["error"])
        self.answered.add(method)
        VALIDATORS[schema_name(method, "params")].validate(params)
        self.compare(answer["result"], TABLE["methods"].get(method, {}).get("result", "any"), method)
        self.described(method, answer["result"])
        return answer["result"]

    def hear(self, message: dict[str, Any]) -> None:
        """A notification is compared."""
        key = parse_channel(message["params"]["channel"])
        assert key is not None
        self.heard.add(key.family)
        data = message["params"]["data"]
        self.compare(data, TABLE["channels"].get(key.family, "any"), f"{key.family}")

    def refused(self, method: str, **params: Any) -> int:
        """The code of a method's error."""
        code: int = self.maker.answer(method, **params)["error"]["code"]
        return code

    def described(self, method: str, result: Any) -> None:
        """An answer is what the server's own document says, and has nothing of which it does not tell."""
        VALIDATORS[schema_name(method, "result")].validate(result)
        known = msgspec.to_builtins(msgspec.convert(result, RESULTS[method]))
        for ours, theirs in (
            zip(known, result, strict=True) if isinstance(result, list) else [(known, result)]
        ):
            if isinstance(theirs, dict):
                more = {name for name, value in theirs.items() if value not in (None, False, "", [])}
                assert more <= ours.keys(), (method, more - ours.keys())

    def compare(self, value: Any, definition: Any, place: str) -> None:
        for difference in differences(value, definition, place):
            self.found.setdefault(difference, value)

    def price(self, name: str, factor: float) -> float:
        """A price the instrument may have: its mark times this."""
        instrument = self.ask("public/get_instrument", instrument_name=name)
        price = self.ask("public/ticker", instrument_name=name)["mark_price"] * factor
        tick = instrument["tick_size"]
        for step in instrument["tick_size_steps"]:
            tick = step["tick_size"] if price > step["above_price"] else tick
        return round(max(1, round(price / tick)) * tick, 8)

    def amount(self, name: str) -> float:
        """The least amount."""
        least: float = self.ask("public/get_instrument", instrument_name=name)["min_trade_amount"]
        return least

    def order(self, method: str, name: str, price: float | None = None, **terms: Any) -> Any:
        """An order of the maker's."""
        priced = {"type": "market"} if price is None else {"price": price}
        return self.ask(
            f"private/{method}", instrument_name=name, **{"amount": self.amount(name)} | priced | terms
        )


def linear(instrument: dict[str, Any]) -> bool:
    return bool(instrument["instrument_type"] == "linear")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All of it has happened."""
    home = tmp_path_factory.mktemp("home")
    (home / "config.toml").write_text(CONFIG + "[limits]\nping_interval = 600.0\nwrite_timeout = 600.0\n")
    for name in ("maker", "taker"):
        AccountStore(home).add(name, {"BTC": 100 * COIN, "ETH": 100 * COIN, "USDC": 1_000_000 * COIN})
    KeyStore(home)._change(lambda _: [MAKER, TAKER])
    with started(home, secure=False) as server:
        wait_until(lambda: has_begun(server))
        with ExitStack() as closing:
            scene = Scene(server, closing)
            for act in ACTS:
                act(scene)
            yield scene


def has_begun(server: RightsServer) -> bool:
    """Whether every instrument has a mark, and the maker's account is open."""
    summaries = server.get("/api/v2/public/get_book_summary_by_currency?currency=any")[1].get("result")
    if not summaries or any(each["mark_price"] is None for each in summaries):
        return False
    token = server.session(MAKER)["access_token"]
    return "result" in server.get(f"/api/v2/private/get_open_orders?access_token={token}")[1]


def subscribes(scene: Scene) -> None:
    """To every family of channels, of each instrument where it is about one."""
    scene.channels = channels(scene)
    for scope in ("public", "private"):
        method, params = f"{scope}/subscribe", {"channels": scene.channels}
        scene.listener.request(method, scope, **params)
        while (message := scene.listener.message()).get("id") != scope:  # images may come before the answer
            scene.hear(message)
        accepted = scene.take(method, message, params)
        assert set(accepted) == set(scene.channels)


def channels(scene: Scene) -> list[str]:
    found: list[str] = []
    filled = {"venue": "deltawire", "index": "btc_usd", "currency": "any", "kind": "any", "interval": "100ms"}
    for family in FAMILIES.values():
        for template in () if family.derived else family.names:
            parts = {part: values[0] for part, values in choices(template).items()} | filled
            names = scene.instruments if "{instrument}" in template else ("",)
            found += [template.format(**parts | {"instrument": name}) for name in names]
    return [*found, f"user.orders.{PERPETUAL}.raw"]


def trades(scene: Scene) -> None:
    """A position in each instrument, half as taker and half as maker; orders of each type."""
    for name in (PERPETUAL, LINEAR, scene.future, scene.option, scene.linear_option):
        price = scene.price(name, 1.0)
        scene.ask(
            "private/sell",
            scene.taker,
            instrument_name=name,
            amount=scene.amount(name),
            price=price,
            post_only=True,
        )
        scene.order("buy", name)
        scene.order("buy", name, price)
        scene.ask("private/sell", scene.taker, instrument_name=name, amount=scene.amount(name), type="market")


def orders(scene: Scene) -> None:
    """An order of each type, in each state."""
    name, low, high = PERPETUAL, scene.price(PERPETUAL, 0.98), scene.price(PERPETUAL, 1.02)
    scene.order("buy", name, low, label="resting", post_only=True, reduce_only=False)
    scene.order("buy", name, low, amount=2000, display_amount=1000)
    scene.order("buy", name, low, time_in_force="immediate_or_cancel")
    scene.order("buy", name, type="market_limit")
    scene.order("buy", name, low, type="stop_limit", trigger="mark_price", trigger_price=high, label="stop")
    scene.order("buy", name, type="stop_market", trigger="last_price", trigger_price=high)
    scene.order("sell", name, high, type="take_limit", trigger="index_price", trigger_price=high)
    scene.order("sell", name, type="take_market", trigger="index_price", trigger_price=high)
    scene.order("sell", name, type="trailing_stop", trigger="mark_price", trigger_offset=100)
    second = {"amount": 10, "direction": "sell", "type": "limit", "price": high}
    scene.order(
        "buy", name, low, linked_order_type="one_triggers_other", otoco_config=[second], label="linked"
    )
    scene.order("buy", name, low, linked_order_type="one_cancels_other", otoco_config=[second])
    both = [second, second | {"type": "take_limit", "trigger": "index_price", "trigger_price": high}]
    scene.order("buy", name, low, linked_order_type="one_triggers_one_cancels_other", otoco_config=both)
    for each in (LINEAR, scene.option, scene.linear_option):
        scene.order("buy", each, scene.price(each, 0.95))
    edited = scene.order("buy", name, low)["order"]["order_id"]
    scene.ask("private/edit", order_id=edited, amount=20, price=low)
    scene.ask("private/edit_by_label", instrument_name=name, label="resting", amount=20, price=low)
    scene.ask("private/get_order_state", order_id=edited)
    scene.ask("private/cancel", order_id=edited)
    for label in ("linked", "stop", "resting"):
        scene.ask("private/get_order_state_by_label", currency="BTC", label=label)
        scene.ask("private/get_open_orders_by_label", currency="BTC", label=label)
    traded = scene.order("buy", name)["order"]["order_id"]
    scene.ask("private/get_user_trades_by_order", order_id=traded)


def quotes(scene: Scene) -> None:
    """Two-sided quotes under protection, which strikes when one is hit."""
    limits = {
        "quantity_limit": 10.0,
        "delta_limit": 1.0,
        "trade_count_limit": 1,
        "max_quote_quantity": 1000.0,
    }
    scene.ask(
        "private/set_mmp_config", index_name="btc_usd", interval=60, frozen_time=0, mmp_group="g", **limits
    )
    scene.ask("private/enable_cancel_on_disconnect", scope="connection")
    wrong = {"amount": 10, "price": scene.price(PERPETUAL, 0.98) + 0.1}
    quoted(scene, bid=wrong)
    scene.ask("private/get_open_orders")
    for _ in range(TRIES):
        if scene.ask("private/get_mmp_status"):
            break
        quoted(scene, bid={"amount": 10, "price": scene.price(PERPETUAL, 0.98)})
        far = scene.price(PERPETUAL, 1.01)
        scene.ask("private/buy", scene.taker, instrument_name=PERPETUAL, amount=100_000, price=far)
    scene.ask("private/get_mmp_config", index_name="btc_usd")
    scene.ask("private/reset_mmp", index_name="btc_usd", mmp_group="g")


def quoted(scene: Scene, bid: dict[str, Any]) -> None:
    """The best ask, and this bid."""
    ask = {
        "amount": 10,
        "price": scene.ask("public/ticker", instrument_name=PERPETUAL)["best_bid_price"] + 0.5,
    }
    quote = {"instrument_name": PERPETUAL, "quote_set_id": "s", "bid": bid, "ask": ask}
    for detailed in (False, True):
        scene.ask("private/mass_quote", quote_id="q", mmp_group="g", quotes=[quote], detailed=detailed)


def listens(scene: Scene) -> None:
    """Until every family has said something; what never says anything is left out."""
    end = time.monotonic() + HANG_S
    wanted = FAMILIES.keys() - SELDOM
    while not wanted <= scene.heard:
        assert time.monotonic() < end, wanted - scene.heard
        message = scene.listener.message()
        if message.get("method") == "subscription":
            scene.hear(message)


def asks_for_the_rest(scene: Scene) -> None:
    """Every method that has not been asked yet, and each public one again, by the names of its parameters."""
    acted = set(scene.answered)
    for method in sorted(AVAILABLE):
        if method in EXERCISES:
            EXERCISES[method](scene)
        elif method.startswith("public/") or method not in acted:
            asks(scene, method)


def asks(scene: Scene, method: str) -> None:
    """A method with the parameters that it needs, of each instrument where it is about one."""
    documented = {name for name in definition(method) if name[-1] != "?"}
    needed = required(method) | documented & VALUES.keys()
    assert needed <= VALUES.keys(), f"{method} needs an exercise: nothing says what {needed} may be"
    client = scene.listener if "subscribe" in method else scene.maker
    for name in scene.instruments if "instrument_name" in needed else ("",):
        values = VALUES | {"instrument_name": name}
        params = {each: values[each] for each in needed}
        scene.ask(method, client, **params)
        for more in switches(method):
            scene.ask(method, client, **params | {more: True})


def definition(method: str) -> dict[str, Any]:
    found: dict[str, Any] = TABLE["methods"].get(method, {}).get("params", {})
    return found


def required(method: str) -> set[str]:
    fields = msgspec.structs.fields(METHODS[method].params)
    return {field.encode_name for field in fields if field.required}


def switches(method: str) -> list[str]:
    """What may be asked for beside."""
    fields = msgspec.structs.fields(METHODS[method].params)
    names = [field.encode_name for field in fields if field.type is bool and field.default is False]
    return [name for name in names if name not in REFUSED]


def asks_by_id(scene: Scene) -> None:
    for each in scene.ask("public/get_instruments", currency="any"):
        if each["instrument_name"] in scene.instruments:
            scene.ask("public/get_order_book_by_instrument_id", instrument_id=each["instrument_id"])


def signs_in_and_out(scene: Scene) -> None:
    """Logging out is not answered."""
    with scene.server.socket() as client:
        tokens = scene.ask("public/auth", client, **secret_login(MAKER, scope="session:s", state="x"))
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = scene.ask("public/auth", client, **refresh)
        scene.ask("public/fork_token", client, refresh_token=tokens["refresh_token"], session_name="other")
        client.request("private/logout")
        assert client.close_code() == 1000
        scene.answered.add("private/logout")


def changes_model(scene: Scene) -> None:
    """There and back: both models have summaries and positions."""
    for model in ("segregated_pm", "segregated_sm"):
        scene.ask("private/change_margin_model", margin_model=model)
        scene.ask("private/get_account_summaries", extended=True)
        scene.ask("private/get_positions")
        for currency in ("BTC", "ETH", "USDC"):
            scene.ask("private/get_account_summary", currency=currency, extended=True)


def cancels(scene: Scene) -> None:
    """By each way, of which the last counts orders and the first tells them."""
    for more in ({"detailed": True}, {}):
        scene.order("buy", PERPETUAL, scene.price(PERPETUAL, 0.97), label="gone")
        scene.ask("private/cancel_by_label", label="gone", **more)
        scene.ask("private/cancel_all_by_instrument", instrument_name=PERPETUAL, **more)
        scene.ask("private/cancel_all_by_currency", currency="BTC", **more)
        scene.ask("private/cancel_all_by_currency_pair", currency_pair="btc_usd", **more)
        scene.ask("private/cancel_all_by_kind_or_type", currency="BTC", **more)
        scene.ask("private/cancel_all", **more)


def closes_position(scene: Scene) -> None:
    scene.order("buy", PERPETUAL)
    scene.ask("private/close_position", instrument_name=PERPETUAL, type="market")


def asks_for_history(scene: Scene) -> None:
    whole = {"count": 100, "include_unfilled": True}
    for name in scene.instruments:
        scene.ask("private/get_order_history_by_instrument", instrument_name=name, **whole)
        scene.ask("private/get_user_trades_by_instrument", instrument_name=name)
    for currency in ("BTC", "USDC"):
        scene.ask("private/get_order_history_by_currency", currency=currency, **whole)
        scene.ask("private/get_order_history_by_currency", currency=currency, with_continuation=True, **whole)
        scene.ask("private/get_user_trades_by_currency", currency=currency, count=100)


def asks_for_expirations(scene: Scene) -> None:
    for currency in ("BTC", "USDC", "any", "grouped"):
        scene.ask("public/get_expirations", currency=currency, kind="any")


def owns(scene: Scene) -> None:
    """A sub-account is opened, named, paid, given a position, and acted for."""
    main, sub = scene.ask("private/get_subaccounts")[0]["id"], scene.ask("private/create_subaccount")["id"]
    scene.ask("private/change_subaccount_name", sid=sub, name="hedge")
    payment = {"currency": "BTC", "amount": 2, "destination": sub}
    scene.ask("private/submit_transfer_to_subaccount", **payment)
    scene.ask("private/submit_transfer_between_subaccounts", **payment | {"source": main})
    scene.order("buy", PERPETUAL)
    part = {"instrument_name": PERPETUAL, "amount": scene.amount(PERPETUAL)}
    scene.ask("private/move_positions", source_uid=main, target_uid=sub, trades=[part])
    for more in ({}, {"with_open_orders": True}):
        scene.ask("private/get_subaccounts_details", currency="BTC", **more)
    for method in ("get_deposits", "get_withdrawals", "get_transfers"):
        scene.ask(f"private/{method}", currency="BTC")
    with scene.server.socket() as client:
        tokens = scene.ask("public/auth", client, **secret_login(MAKER, scope="session:s"))
        scene.ask("public/exchange_token", client, refresh_token=tokens["refresh_token"], subject_id=sub)
    scene.ask("private/toggle_subaccount_login", sid=sub, state="disable")
    scene.ask("private/remove_subaccount", subaccount_id=scene.ask("private/create_subaccount")["id"])


def asks_for_funding(scene: Scene) -> None:
    for length in ("8h", "24h", "1m"):
        scene.ask("public/get_funding_chart_data", instrument_name=PERPETUAL, length=length)


def asks_for_charts(scene: Scene) -> None:
    for span in ("1h", "1d", "2d", "1m", "1y", "all"):
        scene.ask("public/get_index_chart_data", index_name="btc_usd", range=span)


def asks_for_margins_of_orders(scene: Scene) -> None:
    order = scene.order("buy", PERPETUAL, scene.price(PERPETUAL, 0.97))["order"]
    scene.ask("private/get_order_margin_by_ids", ids=[order["order_id"]])


def has_no_replay(scene: Scene) -> None:
    """It is answered on a connection that replays: see tests/roles/test_replays.py."""
    assert scene.refused("public/set_replay", speed=1) == 10033
    scene.answered.add("public/set_replay")


def nothing(scene: Scene) -> None:
    """It is asked beside another."""


ACTS: tuple[Callable[[Scene], None], ...] = (
    subscribes,
    trades,
    orders,
    quotes,
    listens,
    asks_for_the_rest,
)
EXERCISES: dict[str, Callable[[Scene], None]] = {
    "public/auth": signs_in_and_out,
    "public/fork_token": nothing,
    "public/get_expirations": asks_for_expirations,
    "public/get_order_book_by_instrument_id": asks_by_id,
    "public/set_replay": has_no_replay,
    "private/logout": nothing,
    "private/change_margin_model": changes_model,
    "private/close_position": closes_position,
    "private/cancel_all": cancels,
    "private/get_order_history_by_instrument": asks_for_history,
    "private/create_subaccount": owns,
    "private/change_subaccount_name": nothing,
    "private/toggle_subaccount_login": nothing,
    "private/remove_subaccount": nothing,
    "private/move_positions": nothing,
    "private/submit_transfer_to_subaccount": nothing,
    "private/submit_transfer_between_subaccounts": nothing,
    "public/exchange_token": nothing,
    "public/get_funding_chart_data": asks_for_funding,
    "public/get_index_chart_data": asks_for_charts,
    "private/get_order_margin_by_ids": asks_for_margins_of_orders,
}
"""Methods of which the names of their parameters do not say enough."""
NOW_MS = time.time_ns() // 1_000_000
VALUES: dict[str, Any] = {
    "amount": 100,
    "channels": ["quote.BTC-PERPETUAL"],
    "client_name": "test",
    "client_version": "1",
    "count": 100,
    "currency": "BTC",
    "currency_pair": "btc_usd",
    "end_timestamp": NOW_MS + HOUR_MS,
    "extended_to_subaccounts": False,
    "index_name": "btc_usd",
    "instrument_name": PERPETUAL,
    "interval": 60,
    "kind": "any",
    "label": "resting",
    "mode": "reject_taker",
    "nonce": "n" * 16,
    "price": 50_000.0,
    "resolution": "1",
    "start_timestamp": NOW_MS - HOUR_MS,
}
"""What a parameter of this name may be in any method."""
SELDOM = {name for name, family in FAMILIES.items() if family.silent or family.derived} | {
    "health",
    "status",
    "instrument_state",
    "user_lock",
    "platform_state",
    "venue_status",
}
"""Families of channels that say nothing here: what is silent, an extension, and what comes too seldom (see below)."""


def documented() -> dict[Difference, str]:
    """The differences that docs/protocol.md lists, with their reasons."""
    text = (
        PROTOCOL.read_text().partition("## Differences from Deribit's definitions\n")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return {
        Difference(place, kind): reason
        for places, kind, reason in rows
        for place in re.findall(r"`(.+?)`", places)
    }


def test_every_method_has_been_answered(scene: Scene) -> None:
    assert scene.answered >= AVAILABLE


def test_every_family_of_channels_has_said_something(scene: Scene) -> None:
    assert FAMILIES.keys() - SELDOM <= scene.heard


def test_all_that_differs_is_documented_with_its_reason_and_nothing_else_is(scene: Scene) -> None:
    known = documented()
    unexplained = {each: value for each, value in scene.found.items() if each not in known}
    assert not unexplained, "\n".join(
        f"{each.place} {each.kind}: {str(value)[:120]}" for each, value in sorted(unexplained.items())
    )
    always = {each for each in known if each.kind != "null"}  # what is null depends on the market
    assert always <= scene.found.keys(), "these no longer differ"
    assert all(known.values())
