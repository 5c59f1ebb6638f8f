"""The model of who may do what: random keys, logins, refreshes, forks, revocations and subscriptions, and an oracle.

The server never does more than the oracle allows, and never less. `make rights STEPS=100000` takes longer walks.
"""

import base64
import os
from collections import Counter
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deltawire.access.keys import Key
from deltawire.access.signatures import login_text, sign
from deltawire.exchange.accounts.account_records import OpenSubaccount
from tests.session.rights_oracle import (
    AREAS,
    CHANNEL_RIGHTS,
    FAMILIES,
    METHOD_RIGHTS,
    SESSIONS,
    Grant,
    KeyFact,
    Line,
    Oracle,
    rights_of,
    words_of,
)
from tests.support.gatekeeping import LOW, Gatekeeping, Peer, basic
from tests.support.market_events import START_NS

STEPS = int(os.environ.get("DELTAWIRE_RIGHTS_STEPS", "1000"))
WALK, SHORTEST_WALK = 50, 42
"""Steps of a walk: at most, and on average at least."""
ADDRESSES = ("192.0.2.7", "198.51.100.9")
ACCOUNTS = {"alice": 1, "bob": 2, "alice_1": 500_000, "bob_1": 500_001}
MAINS = sorted(set(FAMILIES.values()))
SUBS = sorted(ACCOUNTS.keys() - set(MAINS))
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"model".ljust(32, b"."))
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
KINDS = {"one": "hmac", "two": "hmac", "three": "ed25519"}
LEVELS = ("none", "read", "read_write")
PREFIXES = ((), ("user.",), ("quote.",), ("user.orders.", "quote."), ("user.lock", "book."))
NEVER_S = 10.0**9
PARAMS = {
    "private/buy": {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": LOW},
    "private/change_margin_model": {"margin_model": "segregated_sm"},
    "private/get_transaction_log": {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 10**13},
    "private/get_transfers": {"currency": "BTC"},
    "private/get_trigger_order_history": {"currency": "BTC"},
    "private/simulate_portfolio": {"currency": "BTC"},
}

ids = st.sampled_from(sorted(KINDS))
rights = st.dictionaries(st.sampled_from(AREAS), st.sampled_from(LEVELS))
addresses = st.sampled_from(ADDRESSES)
numbers = st.integers(0, 400)
maybe = st.none() | numbers
names = st.lists(st.sampled_from(sorted(CHANNEL_RIGHTS)), min_size=1, max_size=4, unique=True)
scopes = st.builds(
    lambda words, more: [*(f"{area}:{level}" for area, level in words.items()), *more],
    st.just({}) | rights,
    st.lists(
        st.sampled_from(
            ["connection", "mainaccount", "custody:read", *[f"ip:{ADDRESSES[0]}"] * 4, "expires:50"]
        )
        | st.sampled_from(["session:s", "session:s", "expires:5000", "name:x"]),
        max_size=2,
        unique_by=lambda word: word.partition(":")[0],
    ),
)
wrong_words = st.sampled_from(["trade:raed", "traed:read", "trade", "expires:0", "session:", "ip:x"])
secrets = st.sampled_from([*["s3cret"] * 9, "other"])
seldom = st.sampled_from([True, *[False] * 5])
"""Of what ends so much that little would be left to look at."""


class RightsModel(RuleBasedStateMachine):
    """The server beside the oracle."""

    taken: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.server = Gatekeeping()
        self.oracle = Oracle()
        self.secrets: dict[str, str] = {}
        self.peers: dict[Line, Peer] = {}
        self.stored: dict[str, Key] = {}
        self.nonce = 0
        exchange = self.server.exchange
        for owner in MAINS:
            record = OpenSubaccount(at_ns=exchange.now(), account=ACCOUNTS[owner], name=f"{owner}_1")
            exchange.service.submit(record)
            exchange.harness.deposit(ACCOUNTS[f"{owner}_1"], 10.0)

    @initialize(scope=scopes)
    def begin(self, scope: list[str]) -> None:
        """Three keys, a session of each, and three connections, of which two have signed in."""
        for key_id, account in zip(KINDS, ("alice", "bob", "alice"), strict=True):
            words = {"account": "read_write", "trade": "read_write"}
            self._put(key_id, account, words, frozenset(), (), NEVER_S, "s3cret")
            self.log_in(key_id, "s3cret", ["session:s"], None, None, ADDRESSES[0], signed=True)
        for number, key_id in enumerate(["one", "three", ""]):
            self.open(ADDRESSES[0], None, None, "")
            if key_id:
                self.log_in(key_id, "s3cret", scope, None, number, ADDRESSES[0], signed=True)

    @invariant()
    def nobody_hears_or_is_more_or_less_than_the_oracle_says(self) -> None:
        self.taken["steps"] += 1
        for line, peer in self.peers.items():
            assert bool(peer.code) is not line.open, (line, peer.code)
            heard = {
                name.partition(" ")[0]: name for name in peer.subscriber.channels | peer.subscriber.waiting
            }
            assert heard.keys() == line.heard.keys(), line
            for name, (account, _) in line.heard.items():
                assert heard[name].endswith(f"/{ACCOUNTS[account]}" if account else name)
            assert sorted(peer.told_off()) == sorted(line.left)
            self.taken["channels ended"] += len(line.left)
            line.left.clear()
        for line in [line for line in self.peers if not line.open]:
            self.taken["connections ended"] += 1
            self.peers.pop(line).gone()
            self.oracle.lines.remove(line)

    @invariant()
    def a_token_is_good_for_what_the_oracle_says(self) -> None:
        """One after the other, dead ones included, at each address."""
        for grant in self.oracle.grants[self.taken["steps"] % 40 :: 40]:
            self._probe(grant)

    def _probe(self, grant: Grant) -> None:
        for address in ADDRESSES:
            answer = self.server.http(address, "private/get_open_orders", access_token=grant.access)
            assert ("result" in answer) is self.oracle.may(grant, "trade read", address), grant

    def teardown(self) -> None:
        for peer in self.peers.values():
            peer.gone()
        assert len(self.server.access.tokens._holders) == 0, "nothing holds what is gone"
        assert not self.server.gateway.connections

    # Keys.

    @rule(
        key_id=ids,
        account=st.sampled_from(MAINS),
        given_rights=rights,
        only=st.sets(addresses, max_size=1),
        prefixes=st.sampled_from(PREFIXES),
        lives_s=st.sampled_from([NEVER_S, NEVER_S, NEVER_S, 100.0]),
        secret=secrets,
        really=seldom,
    )
    def alter(
        self,
        really: bool,
        key_id: str,
        account: str,
        given_rights: dict[str, str],
        only: set[str],
        prefixes: tuple[str, ...],
        lives_s: float,
        secret: str,
    ) -> None:
        if really:
            ends_s = self.oracle.now_s + lives_s if lives_s < NEVER_S else NEVER_S
            self._put(key_id, account, given_rights, frozenset(only), prefixes, ends_s, secret)

    @rule(key_id=ids, account=st.sampled_from(MAINS))
    def widen(self, key_id: str, account: str) -> None:
        """A key that is not good for much gets everything."""
        key = self.oracle.keys.get(key_id)
        if key is None or not self.oracle.counts(key) or len(key.rights) < 2 or key.addresses:
            self._put(key_id, account, dict.fromkeys(AREAS, "read_write"), frozenset(), (), NEVER_S, "s3cret")

    @rule(key_id=ids, really=seldom)
    def revoke(self, key_id: str, really: bool) -> None:
        if not really:
            return
        self.stored.pop(key_id, None)
        self.oracle.keys.pop(key_id, None)
        self._replace()

    def _put(
        self,
        key_id: str,
        account: str,
        words: dict[str, str],
        only: frozenset[str],
        prefixes: tuple[str, ...],
        ends_s: float,
        secret: str,
    ) -> None:
        ed = KINDS[key_id] == "ed25519"
        key = Key(
            key_id,
            "ed25519" if ed else "hmac",
            PUBLIC if ed else secret,
            account,
            tuple(f"{area}:{level}" for area, level in words.items()),
            expires_ms=0 if ends_s >= NEVER_S else (START_NS + int(ends_s * 1e9)) // 1_000_000,
            addresses=tuple(only),
            channels=tuple(f"{prefix}*" for prefix in prefixes),
        )
        if self.stored.get(key_id) != key:
            self.stored[key_id] = key
            self.oracle.keys[key_id] = KeyFact(key_id, account, rights_of(words), only, prefixes, ends_s)
        self._replace()

    def _replace(self) -> None:
        self.server.access.replace(list(self.stored.values()))
        self.server.gateway.rights_changed()
        self.oracle.settle()

    # Connections and time.

    @rule(address=addresses, key_id=st.none() | ids, number=maybe, secret=secrets)
    def open(self, address: str, key_id: str | None, number: int | None, secret: str) -> None:
        line = Line(address)
        header, grant = "", self._grant(number)
        if key_id is not None:
            key = self.oracle.keys.get(key_id)
            header = basic(key_id, secret)
            good = key is not None and self.oracle.counts(key) and self._knows(key_id, secret)
            line.own = (
                Grant(key, key.rights, "", *[float("inf")] * 3, None, header=True) if good and key else None
            )
            refused = line.own is None or not self.oracle.welcome(line.own, address)
        else:
            header = f"Bearer {grant.access}" if grant else ""
            line.own = grant
            refused = grant is not None and not self.oracle.alive(grant, address)
        peer = self.server.opens(address, header)
        assert (peer is None) is refused
        if peer is not None:
            self.oracle.lines.append(line)
            self.peers[line] = peer

    @precondition(lambda self: len(self.peers) > 2)
    @rule(number=numbers)
    def close(self, number: int) -> None:
        line, peer = self._line(number)
        del self.peers[line]
        own = line.own
        self.oracle.close(line)
        self.oracle.lines.remove(line)
        peer.gone()
        if own is not None and not own.header:
            self._probe(own)

    @rule(seconds=st.sampled_from([*[1] * 20, *[10] * 5, 49, 49, 100, 850, 3600, 8 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.oracle.now_s += seconds
        self.oracle.settle()
        self.server.passes(seconds)

    # Logins.

    @rule(
        key_id=ids,
        secret=secrets,
        scope=scopes,
        wrong=st.none() | wrong_words,
        number=maybe,
        address=addresses,
        signed=st.booleans(),
    )
    def log_in(
        self,
        key_id: str,
        secret: str,
        scope: list[str],
        wrong: str | None,
        number: int | None,
        address: str,
        signed: bool,
    ) -> None:
        words = [*scope, wrong] if wrong and number is not None and number % 5 == 0 else scope
        line = self._line(number)[0] if number is not None and self.peers else None
        address = line.address if line else address
        login = self._signed(key_id, secret) if signed else self._plain(key_id, secret)
        answer = self._ask(line, address, "public/auth", None, **login, scope=" ".join(words))
        key, asked = self.oracle.keys.get(key_id), words_of(scope)
        good = key is not None and self.oracle.counts(key) and self._knows(key_id, secret, signed=signed)
        good = good and words is scope and asked["ip"] in ("", address)
        good = good and key is not None and address in (key.addresses or {address})
        assert ("result" in answer) is good, answer
        if good and key is not None:
            got = key.rights if asked["rights"] is None else key.rights & asked["rights"]
            owner = None if asked["session"] else line
            end_s = self.oracle.now_s + asked["expires"] if asked["expires"] else float("inf")
            grant = self.oracle.granted(
                key, got, address=asked["ip"], end_s=end_s, owner=owner, session=asked["session"]
            )
            self._got(line, grant, answer["result"])
        if signed:
            again = self._ask(line, address, "public/auth", None, **self._respelt(login), scope="")
            assert "error" in again or again == {"closed": 1008}, "what was signed counts once"
        self.oracle.settle()

    @precondition(lambda self: self.oracle.grants)
    @rule(number=numbers, at=maybe, address=addresses, scope=st.just([]) | scopes)
    def refresh(self, number: int, at: int | None, address: str, scope: list[str]) -> None:
        parent = self._grant(number)
        line = self._line(at)[0] if at is not None and self.peers else None
        address = line.address if line else address
        assert parent is not None
        login = {"grant_type": "refresh_token", "refresh_token": parent.refresh, "scope": " ".join(scope)}
        answer = self._ask(line, address, "public/auth", None, **login)
        asked = words_of(scope)
        good = self._heritable(parent, address) and asked["session"] in ("", parent.session)
        good = good and (parent.owner is None or (line is not None and line.own is parent))
        good = (
            good
            and asked["ip"] in ("", address)
            and (not parent.address or asked["ip"] in ("", parent.address))
        )
        assert ("result" in answer) is good, answer
        if good:
            parent.dead = True
            got = parent.rights if asked["rights"] is None else parent.rights & asked["rights"]
            ends = [parent.end_s, self.oracle.now_s + asked["expires"] if asked["expires"] else parent.end_s]
            owner = line if parent.owner is not None or (line is not None and not parent.session) else None
            grant = self.oracle.granted(
                parent.key,
                got,
                address=parent.address or asked["ip"],
                end_s=min(ends),
                owner=owner,
                session=parent.session,
                acts_for=parent.acts_for,
            )
            self._got(line, grant, answer["result"])
        self.oracle.settle()

    @precondition(lambda self: self.oracle.grants)
    @rule(number=numbers, address=addresses, session=st.sampled_from(["s", "fork"]))
    def fork(self, number: int, address: str, session: str) -> None:
        parent = self._grant(number)
        assert parent is not None
        asked = {"refresh_token": parent.refresh, "session_name": session}
        answer = self.server.http(address, "public/fork_token", **asked)
        good = self._heritable(parent, address) and parent.owner is None
        assert ("result" in answer) is good, answer
        if good:
            grant = self.oracle.granted(
                parent.key,
                parent.rights,
                address=parent.address,
                end_s=parent.end_s,
                session=session,
                acts_for=parent.acts_for,
            )
            self._got(None, grant, answer["result"])
        self.oracle.settle()

    @precondition(lambda self: self.oracle.grants)
    @rule(
        number=numbers,
        account=st.sampled_from([*ACCOUNTS, *SUBS, "nobody"]),
        address=addresses,
        scope=st.just([]) | scopes,
    )
    def exchange(self, number: int, account: str, address: str, scope: list[str]) -> None:
        """A session asks for tokens for another account."""
        parent = self._grant(number)
        assert parent is not None
        subject = ACCOUNTS.get(account, 499_999)
        answer = self.server.http(
            address,
            "public/exchange_token",
            refresh_token=parent.refresh,
            subject_id=subject,
            scope=" ".join(scope),
        )
        asked = words_of(scope)
        good = self._heritable(parent, address) and parent.owner is None and asked["ip"] in ("", address)
        good = good and self.oracle.may_exchange(parent, account)
        assert ("result" in answer) is good, answer
        self.taken["tokens exchanged" if good else "exchanges refused"] += 1
        if good:
            got = parent.rights if asked["rights"] is None else parent.rights & asked["rights"]
            ends = [parent.end_s, self.oracle.now_s + asked["expires"] if asked["expires"] else parent.end_s]
            grant = self.oracle.granted(
                parent.key,
                got,
                address=parent.address or asked["ip"],
                end_s=min(ends),
                session=asked["session"] or parent.session,
                acts_for=account,
            )
            self._got(None, grant, answer["result"])
        self.oracle.settle()

    @rule(number=numbers, sub=st.sampled_from(SUBS), enabled=st.booleans(), really=st.booleans())
    def toggle(self, number: int, sub: str, enabled: bool, really: bool) -> None:
        """Somebody opens or closes a sub-account to sessions."""
        by = self._grant(number)
        if by is None or not really:
            return
        address = by.address or ADDRESSES[0]
        answer = self.server.http(
            address,
            "private/toggle_subaccount_login",
            sid=ACCOUNTS[sub],
            state="enable" if enabled else "disable",
            access_token=by.access,
        )
        allowed = self.oracle.may(by, "account write", address) and by.account == FAMILIES[sub]
        assert ("result" in answer) is allowed, answer
        if allowed:
            self.taken["logins toggled"] += 1
            self.oracle.toggled(sub, enabled=enabled)

    @rule(key_id=ids, address=addresses, really=seldom)
    def crowd(self, key_id: str, address: str, really: bool) -> None:
        """So many sessions that the older ones go."""
        if not really:
            return
        for _ in range(SESSIONS - 2):
            answer = self.server.http(address, "public/auth", **self._plain(key_id, "s3cret"))
            key = self.oracle.keys.get(key_id)
            if "result" not in answer or key is None:
                return
            self._got(None, self.oracle.granted(key, key.rights), answer["result"])
            self.oracle.settle()

    @precondition(lambda self: self.peers)
    @rule(number=numbers, token=maybe, invalidate=st.booleans(), really=seldom)
    def log_out(self, number: int, token: int | None, invalidate: bool, really: bool) -> None:
        if not really:
            return
        line, peer = self._line(number)
        by = self.oracle.who(line, self._grant(token))
        good = by is not None and self.oracle.alive(by, line.address)
        peer.sends("private/logout", invalidate_token=invalidate, **self._token(self._grant(token)))
        assert (peer.code == 1000) is good
        if good and by is not None:
            for grant in (by, line.own or by) if invalidate else ():
                grant.dead = grant.dead or not grant.header
            self.oracle.close(line)
            before = self.server.exchange.service.ticket()
            peer.sends("private/buy", **PARAMS["private/buy"], **self._token(self._grant(token)))
            assert self.server.exchange.service.ticket() == before, "behind a logout nothing acts"

    # What they do.

    @rule(number=maybe, token=maybe, address=addresses, method=st.sampled_from(sorted(METHOD_RIGHTS)))
    def request(self, number: int | None, token: int | None, address: str, method: str) -> None:
        line = self._line(number)[0] if number is not None and self.peers else None
        address = line.address if line else address
        grant = self._grant(token)
        by = self.oracle.who(line, grant) if line else grant
        before = self.server.exchange.service.ticket()
        answer = self._ask(line, address, method, grant, **PARAMS.get(method, {}))
        allowed = self.oracle.may(by, METHOD_RIGHTS[method], address)
        self.taken["requests allowed" if allowed else "requests refused"] += 1
        assert ("result" in answer) is allowed, (answer, by)
        assert allowed or self.server.exchange.service.ticket() == before, "what is refused does not act"
        self._hear(by.account if allowed and method == "private/buy" and by else "")
        for account in ACCOUNTS.values():
            self.server.exchange.service.submit(self.server.cancels(account))
        self._drain()

    @precondition(lambda self: self.peers)
    @rule(number=numbers, token=maybe, wanted=names, private=st.booleans())
    def subscribe(self, number: int, token: int | None, wanted: list[str], private: bool) -> None:
        line, _ = self._line(number)
        grant = self._grant(token)
        by = self.oracle.who(line, grant)
        method = "private/subscribe" if private else "public/subscribe"
        answer = self._ask(line, line.address, method, grant, channels=wanted)
        if (by is None and private) or (by is not None and not self.oracle.alive(by, line.address)):
            assert "error" in answer
            return
        assert answer["result"] == self.oracle.subscribed(line, wanted, by)

    @precondition(lambda self: self.peers)
    @rule(number=numbers, wanted=names)
    def unsubscribe(self, number: int, wanted: list[str]) -> None:
        line, _ = self._line(number)
        answer = self._ask(line, line.address, "public/unsubscribe", None, channels=wanted)
        assert answer["result"] == [name for name in wanted if name in line.heard]
        for name in wanted:
            line.heard.pop(name, None)

    @rule(account=st.sampled_from(sorted(ACCOUNTS)))
    def news(self, account: str) -> None:
        """Something happens to an account."""
        self._drain()
        self.server.happens(ACCOUNTS[account])
        for line, peer in self.peers.items():
            heard = {note["channel"] for note in peer.heard()} & {
                name for name, right in CHANNEL_RIGHTS.items() if right
            }
            assert heard == {name for name, (whose, _) in line.heard.items() if whose == account}
            self.taken["private channels heard"] += len(heard)

    # How.

    def _hear(self, account: str) -> None:
        """An account has placed an order; those who may hear of it do, and nobody else."""
        for line, peer in self.peers.items():
            heard = {note["channel"] for note in peer.heard()} & {"user.orders.BTC-PERPETUAL.raw"}
            allowed = line in self.oracle.listeners("user.orders.BTC-PERPETUAL.raw", account)
            assert bool(heard) is (allowed and bool(account))

    def _drain(self) -> None:
        self.server.forgets()
        for peer in self.peers.values():
            peer.heard()

    def _ask(
        self, line: Line | None, address: str, method: str, token: Grant | None, **params: Any
    ) -> dict[str, Any]:
        params |= self._token(token)
        if line is None:
            return self.server.http(address, method, **params)
        return self.peers[line].asks(method, **params)

    def _token(self, grant: Grant | None) -> dict[str, str]:
        return {"access_token": grant.access} if grant else {}

    def _got(self, line: Line | None, grant: Grant, result: dict[str, Any]) -> None:
        self.taken["grants"] += 1
        grant.access, grant.refresh = result["access_token"], result["refresh_token"]
        told = frozenset(result["scope"].split()[1:])
        levels = {area: [right for right in grant.rights if right.startswith(f"{area} ")] for area in AREAS}
        assert told == {
            f"{area}:{'read_write' if len(each) == 2 else 'read'}" for area, each in levels.items() if each
        }
        assert self.oracle.now_s + result["expires_in"] - 1 < min(grant.end_s, NEVER_S)
        self._probe(grant)
        if line is not None:
            self.oracle.signed_in(line, grant)

    def _heritable(self, parent: Grant, address: str) -> bool:
        good = not parent.dead and self.oracle.counts(parent.key) and self.oracle.now_s < parent.refreshable_s
        return good and self.oracle.welcome(parent, address)

    def _line(self, number: int) -> tuple[Line, Peer]:
        return list(self.peers.items())[number % len(self.peers)]

    def _grant(self, number: int | None) -> Grant | None:
        """Mostly one that lives, else any."""
        grants = self.oracle.grants
        living = [each for each in grants if self.oracle.alive(each, each.address or ADDRESSES[0])]
        if number is not None and number % 8 and living:
            grants = living
        return None if number is None or not grants else grants[-1 - number // 8 % len(grants)]

    def _knows(self, key_id: str, secret: str, *, signed: bool = False) -> bool:
        key = self.stored[key_id]
        return signed if key.kind == "ed25519" else key.secret == secret

    def _plain(self, key_id: str, secret: str) -> dict[str, Any]:
        return {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret}

    def _signed(self, key_id: str, secret: str) -> dict[str, Any]:
        self.nonce += 1
        at_ms, nonce = self.server.clock.now_ns // 1_000_000, f"n{self.nonce}"
        text = login_text(at_ms, nonce, "")
        signature = PRIVATE.sign(text).hex() if KINDS[key_id] == "ed25519" else sign(secret, text)
        return {
            "grant_type": "client_signature",
            "client_id": key_id,
            "timestamp": at_ms,
            "nonce": nonce,
            "signature": signature,
        }

    def _respelt(self, login: dict[str, Any]) -> dict[str, Any]:
        raw = bytes.fromhex(login["signature"])
        other = base64.b64encode(raw).decode() if len(raw) == 64 else login["signature"].upper()
        return login | {"signature": other, "timestamp": str(login["timestamp"])}


TestRights = RightsModel.TestCase
TestRights.settings = settings(
    max_examples=max(1, STEPS // SHORTEST_WALK),
    stateful_step_count=WALK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_so_many_steps_were_taken() -> None:
    """Behind the walks: says how long they were."""
    said = ", ".join(f"{number:,} {what}" for what, number in RightsModel.taken.items())
    print(f"\nrights: {said}; the server did what the oracle allows, no more and no less")
    assert RightsModel.taken["steps"] >= min(STEPS, 500)
