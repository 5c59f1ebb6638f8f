"""Who may hear and do what, said with sets: an oracle that shares no line with the code it judges."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

QUARTER_S, WEEK_S = 900, 7 * 86_400
SESSIONS = 16
AREAS = ("account", "trade", "wallet")
CHANNEL_RIGHTS = {
    "user.orders.BTC-PERPETUAL.raw": "trade read",
    "user.changes.any.any.raw": "trade read",
    "user.lock": "account read",
    "quote.BTC-PERPETUAL": "",
    "book.BTC-PERPETUAL.raw": "",
}
METHOD_RIGHTS = {
    "private/get_open_orders": "trade read",
    "private/buy": "trade write",
    "private/get_positions": "trade read",
    "private/get_account_summaries": "account read",
    "private/list_api_keys": "account read",
    "private/change_margin_model": "account write",
    "private/get_subaccounts": "account read",
    "private/get_transaction_log": "account read",
    "private/get_transfers": "wallet read",
    "private/get_trigger_order_history": "trade read",
    "private/simulate_portfolio": "account read",
}
FAMILIES = {"alice": "alice", "alice_1": "alice", "bob": "bob", "bob_1": "bob"}
"""Whose accounts these are; keys are of main accounts only."""
Rights = frozenset[str]


def rights_of(words: dict[str, str]) -> Rights:
    """`{"trade": "read_write"}` as a set of single rights."""
    levels = {"none": (), "read": ("read",), "read_write": ("read", "write")}
    return frozenset(f"{area} {level}" for area, word in words.items() for level in levels[word])


@dataclass(eq=False)
class KeyFact:
    """A key as its owner has made it; another object after every alteration."""

    id: str
    account: str
    rights: Rights
    addresses: frozenset[str]
    prefixes: tuple[str, ...]
    ends_s: float


@dataclass(eq=False)
class Grant:
    """What a login gave. `owner` is the connection that it dies with, None in a session."""

    key: KeyFact
    rights: Rights
    address: str
    until_s: float
    end_s: float
    refreshable_s: float
    owner: "Line | None"
    session: str = ""
    header: bool = False
    dead: bool = False
    access: str = ""
    refresh: str = ""
    number: int = field(default_factory=count().__next__)
    acts_for: str = ""
    """The account if it is not the key's own."""

    @property
    def account(self) -> str:
        """The account that it acts for."""
        return self.acts_for or self.key.account


@dataclass(eq=False)
class Line:
    """A connection: who it is, and what it hears: by name the account, and the grant if it is another's."""

    address: str
    own: Grant | None = None
    heard: dict[str, tuple[str, Grant | None]] = field(default_factory=dict)
    open: bool = True
    left: list[str] = field(default_factory=list)
    """Channels that it was made to leave since somebody looked."""


class Oracle:
    """All keys, grants and connections, and the time in seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.keys: dict[str, KeyFact] = {}
        self.grants: list[Grant] = []
        self.lines: list[Line] = []
        self.closed_to: set[str] = set()
        """Sub-accounts whose login is disabled."""

    # What holds.

    def counts(self, key: KeyFact) -> bool:
        """Whether a key is there, unaltered, and has not expired."""
        return self.keys.get(key.id) is key and self.now_s < key.ends_s

    def alive(self, grant: Grant, address: str) -> bool:
        """Whether a grant is good at an address."""
        good = not grant.dead and self.counts(grant.key) and self.now_s < min(grant.until_s, grant.end_s)
        return good and self.welcome(grant, address)

    def welcome(self, grant: Grant, address: str) -> bool:
        """Whether its key and itself may come from there."""
        return address in (grant.key.addresses or {address}) and grant.address in ("", address)

    def who(self, line: Line, token: Grant | None) -> Grant | None:
        """By which grant a connection asks, None for nobody."""
        return token or line.own

    def may(self, grant: Grant | None, right: str, address: str) -> bool:
        """Whether somebody may do something from somewhere."""
        return grant is not None and self.alive(grant, address) and right in grant.rights

    def may_subscribe(self, grant: Grant | None, name: str) -> bool:
        """Whether a grant is for a channel."""
        right = CHANNEL_RIGHTS[name]
        if grant is None:
            return not right
        prefixes = grant.key.prefixes or ("",)
        return (not right or right in grant.rights) and name.startswith(prefixes)

    def by_itself(self, own: Grant | None, account: str, name: str) -> bool:
        """Whether a connection hears a channel of an account by its own right."""
        if not CHANNEL_RIGHTS[name]:
            return own is None or self.may_subscribe(own, name)
        return own is not None and own.account == account and self.may_subscribe(own, name)

    def listeners(self, name: str, account: str) -> list[Line]:
        """Who hears of an account on a channel."""
        return [line for line in self.lines if line.open and line.heard.get(name, ("",))[0] == account]

    def may_exchange(self, grant: Grant, account: str) -> bool:
        """Whether a grant may become one for an account: of the same owner, and open to sessions."""
        return FAMILIES.get(account) == FAMILIES[grant.account] and account not in self.closed_to

    # What happens.

    def toggled(self, account: str, *, enabled: bool) -> None:
        """A sub-account is opened to sessions, or closed, which ends those that act for it."""
        if enabled:
            self.closed_to.discard(account)
            return
        self.closed_to.add(account)
        for grant in self.grants:
            grant.dead = grant.dead or grant.account == account
        self.settle()

    def settle(self) -> None:
        """Whatever has lost its right ends."""
        for line in self.lines:
            if line.open and line.own is not None and not self.alive(line.own, line.address):
                self.close(line)
        for line in self.lines:
            lost = [
                name
                for name, (_, by) in line.heard.items()
                if by is not None and not self.alive(by, line.address)
            ]
            for name in lost if line.open else ():
                del line.heard[name]
                line.left.append(name)

    def close(self, line: Line) -> None:
        """A connection is over, and with it what dies with it; that may end others."""
        line.open, line.heard = False, {}
        for grant in self.grants:
            grant.dead = grant.dead or grant.owner is line
        line.own = None
        self.settle()

    def granted(
        self,
        key: KeyFact,
        rights: Rights,
        *,
        address: str = "",
        end_s: float = float("inf"),
        owner: Line | None = None,
        session: str = "",
        acts_for: str = "",
    ) -> Grant:
        """A new grant; of a key's sessions the oldest beyond sixteen goes."""
        lasting = owner is None
        until_s = self.now_s + QUARTER_S if lasting else float("inf")
        refreshable_s = min(self.now_s + WEEK_S, end_s)
        grant = Grant(key, rights, address, until_s, end_s, refreshable_s, owner, session, acts_for=acts_for)
        sessions = [each for each in self.grants if each.key is key and each.owner is None and not each.dead]
        if lasting and len(sessions) >= SESSIONS:
            sessions[0].dead = True
        self.grants.append(grant)
        return grant

    def signed_in(self, line: Line, grant: Grant) -> None:
        """A connection is somebody from now on."""
        before = line.own
        for each in self.grants:
            each.dead = each.dead or (each.owner is line and each is not grant)
        line.own = grant
        for name, (account, by) in list(line.heard.items()):
            mine = self.by_itself(grant, account, name)
            if by is not None:
                line.heard[name] = (account, None if mine else by)
            elif not mine:
                del line.heard[name]
                line.left.append(name)
        assert before is None or before is not grant

    def subscribed(self, line: Line, names: list[str], by: Grant | None) -> list[str]:
        """A connection asks for channels; those that it gets."""
        got = [name for name in names if self.may_subscribe(by, name)]
        for name in got:
            account = by.account if by is not None and CHANNEL_RIGHTS[name] else ""
            mine = self.by_itself(line.own, account, name)
            line.heard[name] = (account, None if mine else by)
        return got


def words_of(scope: list[str]) -> dict[str, Any]:
    """What a scope asks for, None where it says nothing valid."""
    asked: dict[str, Any] = {"rights": None, "session": "", "expires": None, "ip": ""}
    for word in scope:
        name, _, value = word.partition(":")
        if name in AREAS:
            asked["rights"] = (asked["rights"] or frozenset()) | rights_of({name: value})
        elif name == "custody":
            asked["rights"] = asked["rights"] or frozenset()
        elif name in asked:
            asked[name] = int(value) if name == "expires" else value
    return asked
