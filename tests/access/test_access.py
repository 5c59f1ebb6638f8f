"""Who somebody is: logins, tokens, nonces, addresses, and what guessing costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.access.access import Access, HttpRequest, Signature
from deltawire.access.backoff import Backoff, BackoffPolicy
from deltawire.access.keys import KeyRing, is_within
from deltawire.access.signatures import SECOND_NS, WINDOW_S, NonceCache, request_text, sign
from deltawire.access.tokens import SESSION_S, SESSIONS_PER_KEY, Grant, Identity
from deltawire.errors import RequestError
from tests.support.credentials import ALICE, BOB, READER, SECRET, access_of, changed, signed_login
from tests.support.market_events import START_NS

NOW_MS = START_NS // 1_000_000
HERE = "192.0.2.7"
REQUEST = HttpRequest("GET", "/api/v2/private/list_api_keys?x=1", b"")


def sign_in(
    access: Access, scope: str = "", now: int = START_NS, address: str = HERE, *, over_http: bool = False
) -> Grant:
    return access.by_secret("alice-id", SECRET, scope, address, now, over_http=over_http)


def signed(access: Access, now: int = START_NS, timestamp_ms: int = NOW_MS, **more: str) -> Grant:
    made = signed_login(ALICE, timestamp_ms)
    words = (made["client_id"], timestamp_ms, made["nonce"], made["data"], made["signature"])
    login = Signature(*words)._replace(**more)
    return access.by_signature(login, "", HERE, now, over_http=False)


def header(timestamp_ms: int = NOW_MS, nonce: str = "n", request: HttpRequest = REQUEST) -> str:
    text = request_text(str(timestamp_ms), nonce, request.method, request.uri, request.body)
    return f"deri-hmac-sha256 id=alice-id, nonce={nonce},ts={timestamp_ms} ,sig={sign(SECRET, text)}"


def code(call: object) -> int:
    assert callable(call)
    with pytest.raises(RequestError) as caught:
        call()
    return caught.value.code


def test_a_login_gives_the_rights_of_its_key_or_less() -> None:
    access = access_of(ALICE)
    assert sign_in(access).identity.rights == ("account:read", "trade:read_write")
    reading = sign_in(access, "trade:read session:s1").identity
    assert (reading.account, reading.session, reading.rights) == ("alice", "s1", ("trade:read",))
    assert not reading.may("trade:read_write")


def test_a_key_signs_in_by_its_name_and_secret() -> None:
    access = access_of(ALICE)
    for name in ("alice-bot", "alice-id"):
        assert (
            access.by_password(name, SECRET, "", HERE, START_NS, over_http=True).identity.account == "alice"
        )
    assert code(lambda: access.by_password("alice-bot", "x", "", HERE, START_NS, over_http=True)) == 13004


@pytest.mark.parametrize("off_s", [-600, -61, 61, 600, 7200, -7200])
def test_a_signature_from_another_time_is_refused(off_s: int) -> None:
    assert code(lambda: signed(access_of(ALICE), timestamp_ms=NOW_MS + off_s * 1000)) == 13004


@pytest.mark.parametrize("off_s", [-60, 0, 60])
def test_a_signature_within_the_window_is_good_once(off_s: int) -> None:
    access = access_of(ALICE)
    assert signed(access, timestamp_ms=NOW_MS + off_s * 1000).identity.client_id == "alice-id"
    assert code(lambda: signed(access, timestamp_ms=NOW_MS + off_s * 1000)) == 13004


@pytest.mark.parametrize(
    "altered", [{"data": "x"}, {"nonce": "n2"}, {"client_id": "bob-id"}, {"signature": "0" * 64}]
)
def test_an_altered_login_is_refused(altered: dict[str, str]) -> None:
    assert code(lambda: signed(access_of(ALICE, BOB), **altered)) == 13004


def test_a_failed_login_does_not_use_up_the_nonce_of_its_owner() -> None:
    access = access_of(ALICE)
    assert code(lambda: signed(access, signature="0" * 64)) == 13004
    assert signed(access).identity.account == "alice"


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from("abc")), max_size=40))
def test_a_nonce_is_remembered_for_two_windows_at_least(uses: list[tuple[int, str]]) -> None:
    replays, last = NonceCache(), dict[str, int]()
    for second, nonce in sorted(uses):
        new = replays.is_new("id", nonce, second * SECOND_NS)
        if nonce in last and second - last[nonce] <= 2 * WINDOW_S:
            assert not new
        if new:
            last[nonce] = second


def test_a_signed_request_counts_once_and_its_parts_come_in_any_order() -> None:
    access = access_of(ALICE)
    assert access.by_header(header(), REQUEST, HERE, START_NS).account == "alice"
    assert code(lambda: access.by_header(header(), REQUEST, HERE, START_NS)) == 13004
    other = HttpRequest("GET", "/api/v2/private/other", b"")
    assert access.by_header(header(request=other), other, HERE, START_NS).account == "alice"


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", REQUEST.uri, b""),
        HttpRequest("GET", REQUEST.uri + "&y=2", b""),
        HttpRequest("GET", REQUEST.uri, b"{}"),
    ],
    ids=["method", "query", "body"],
)
def test_an_altered_request_is_refused(request_: HttpRequest) -> None:
    assert code(lambda: access_of(ALICE).by_header(header(), request_, HERE, START_NS)) == 13004


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!",
        "Basic YWxpY2UtaWQ6eA==",
        "deri-hmac-sha256",
        "deri-hmac-sha256 id=alice-id,ts=x,sig=,nonce=",
        "Basic /w==",
    ],
)
def test_a_header_that_proves_nothing_is_refused(value: str) -> None:
    assert code(lambda: access_of(ALICE).by_header(value, REQUEST, HERE, START_NS)) == 13004


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer nonsense", "Digest x"])
def test_a_header_that_names_nobody_is_unauthorized(value: str) -> None:
    assert code(lambda: access_of(ALICE).by_header(value, REQUEST, HERE, START_NS)) == 13009


def test_a_refresh_token_is_good_once_and_takes_its_access_token_along() -> None:
    access = access_of(ALICE)
    first = sign_in(access, "session:s trade:read")
    second = access.by_refresh_token(first.refresh_token, "", HERE, START_NS, over_http=False)
    assert second.identity == changed(first.identity, grant=second.identity.grant)
    assert code(lambda: access.by_token(first.access_token, HERE, START_NS)) == 13009
    assert (
        code(lambda: access.by_refresh_token(first.refresh_token, "", HERE, START_NS, over_http=False))
        == 13004
    )
    assert access.by_token(second.access_token, HERE, START_NS) == second.identity


def test_a_session_ends_on_time_and_can_be_refreshed_after_it() -> None:
    access = access_of(ALICE)
    grant = sign_in(access, over_http=True)
    late = START_NS + SESSION_S * SECOND_NS
    assert access.by_token(grant.access_token, HERE, late - 1).account == "alice"
    assert code(lambda: access.by_token(grant.access_token, HERE, late)) == 13009
    assert (
        access.by_refresh_token(grant.refresh_token, "", HERE, late, over_http=True).identity.account
        == "alice"
    )


def test_a_token_dies_with_its_key_and_with_its_keys_expiry() -> None:
    short = changed(ALICE, expires_ms=NOW_MS + 1000)
    access = access_of(short, BOB)
    grant = sign_in(access)
    assert code(lambda: access.by_token(grant.access_token, HERE, START_NS + 2 * SECOND_NS)) == 13009
    assert code(lambda: sign_in(access, now=START_NS + 2 * SECOND_NS)) == 13004
    access.replace([BOB])
    assert code(lambda: access.by_token(grant.access_token, HERE, START_NS)) == 13009
    assert len(access.tokens) == 0


def test_a_key_with_other_rights_is_another_key() -> None:
    access = access_of(ALICE)
    grant = sign_in(access)
    access.replace([changed(ALICE, rights=("trade:read",))])
    assert code(lambda: access.by_token(grant.access_token, HERE, START_NS)) == 13009


def test_sessions_per_key_are_bounded_and_the_oldest_goes() -> None:
    access = access_of(ALICE)
    grants = [sign_in(access, over_http=True) for _ in range(SESSIONS_PER_KEY + 1)]
    assert code(lambda: access.by_token(grants[0].access_token, HERE, START_NS)) == 13009
    assert all(access.by_token(grant.access_token, HERE, START_NS) for grant in grants[1:])


def test_a_key_is_good_only_from_its_addresses() -> None:
    access = access_of(changed(ALICE, addresses=("192.0.2.0/24", "2001:db8::/32")))
    assert sign_in(access, address="2001:db8::1").identity.account == "alice"
    assert sign_in(access, address="::ffff:192.0.2.9").identity.account == "alice"
    for elsewhere in ("198.51.100.1", "", "nonsense"):
        assert code(lambda there=elsewhere: sign_in(access, address=there)) == 13021  # type: ignore[misc]
    with pytest.raises(RequestError, match="address"):
        access.by_header(header(), REQUEST, "198.51.100.1", START_NS)


def test_a_login_may_bind_itself_to_an_address() -> None:
    access = access_of(ALICE)
    grant = sign_in(access, f"ip:{HERE}")
    assert access.by_token(grant.access_token, HERE, START_NS)
    assert code(lambda: access.by_token(grant.access_token, "192.0.2.8", START_NS)) == 13021


def test_after_five_failures_an_address_waits_and_only_that_one() -> None:
    access = access_of(ALICE)

    def guess(now: int) -> int:
        return code(lambda: access.by_secret("alice-id", "guess", "", HERE, now, over_http=False))

    assert [guess(START_NS) for _ in range(6)] == [13004] * 5 + [10028]
    assert code(lambda: sign_in(access)) == 10028
    assert sign_in(access, address="192.0.2.8").identity.account == "alice"
    assert sign_in(access, now=START_NS + SECOND_NS).identity.account == "alice"
    assert guess(START_NS + SECOND_NS) == 13004


def test_unknown_keys_and_wrong_secrets_get_the_same_answer() -> None:
    answers = []
    for client_id in ("alice-id", "bob-id", "nobody", ""):
        with pytest.raises(RequestError) as caught:
            access_of(ALICE, BOB).by_secret(client_id, "guess", "", HERE, START_NS, over_http=False)
        answers.append((caught.value.code, caught.value.message, caught.value.data))
    assert set(map(str, answers)) == {"(13004, 'invalid_credentials', None)"}


def test_waiting_doubles_up_to_a_bound_and_memory_is_bounded() -> None:
    backoff = Backoff(BackoffPolicy(free=2, first_s=1, longest_s=5, addresses=3))
    waits = []
    for _ in range(7):
        backoff.failed("a", 0)
        waits.append(backoff.wait_ns("a", 0) // SECOND_NS)
    assert waits == [0, 1, 2, 4, 5, 5, 5]
    for number in range(3):
        backoff.failed(f"b{number}", 0)
    assert backoff.wait_ns("a", 0) == 0


def test_no_secret_shows_in_text() -> None:
    access = access_of(ALICE, READER)
    grant = sign_in(access)
    assert SECRET not in repr([ALICE, list(access.ring)])
    assert not {grant.access_token, grant.refresh_token} & {*repr(grant).replace("'", " ").split()}


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("11.0.0.1", False),
        ("x", False),
    ],
)
def test_networks_know_their_addresses(address: str, inside: bool) -> None:
    assert is_within(address, ["10.0.0.0/8", "fe80::/10"]) is inside


@pytest.mark.parametrize(
    ("pattern", "channel", "covered"),
    [
        ("book.*", "book.BTC-PERPETUAL.raw", True),
        ("book.*", "quote.BTC-PERPETUAL", False),
        ("book.BTC-*", "book.BTC-*.raw", True),
        ("book.BTC-*", "book.*.raw", False),
        ("book.?.raw", "book.*.raw", False),
        ("book.[*].raw", "book.*.raw", False),
        ("book.*.raw", "book.*.raw", True),
        ("*.raw", "book.*.raw", False),
        ("*", "book.*.raw", True),
    ],
)
def test_a_key_for_some_channels_covers_a_pattern_only_as_a_whole(
    pattern: str, channel: str, covered: bool
) -> None:
    identity = Identity("id", "account", (), channels=(pattern,))
    assert identity.may_subscribe(channel) is covered


def test_a_ring_finds_by_id_and_by_name() -> None:
    ring = KeyRing([ALICE, BOB])
    assert ring.find("bob-id", 0) is ring.named("bob-id", 0) is BOB
    assert ring.named("alice-bot", 0) is ALICE
    assert ring.find("alice-bot", 0) is None
