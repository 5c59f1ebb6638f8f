"""Proof of a secret, held to the vectors of Deribit's documentation and of unmodified clients."""

import base64
from collections.abc import Callable
from functools import partial

import pytest

from deltawire.access.keys import Key
from deltawire.access.signatures import knows_secret, login_text, request_text, sign, verified
from tests.support.counting import called
from tests.support.credentials import ALICE, BOB, PRIVATE, changed

BODY = b'{"jsonrpc":"2.0","id":3,"method":"private/get_account_summaries","params":{}}'


@pytest.mark.parametrize(
    ("secret", "timestamp", "nonce", "signature"),
    [
        (
            "ABCD",
            1554883365000,
            "fdbmmz79",
            "e20c9cd5639d41f8bbc88f4d699c4baf94a4f0ee320e9a116b72743c449eb994",
        ),
        (
            "SECRET",
            1795224098250,
            "1795224098250",
            "a10158b78c8aad7855f0c693351984e6e4fa320ea5ac5698cf22adf66ce03c50",
        ),
        (
            "SECRET",
            1795225402228,
            "161cf293-6e78-40fd-8c4e-6c6e38916bc5",
            "6edc4b4aaf3563bef12a5f35ec59687f690bc26f16473c8d56c594f71bcd9440",
        ),
    ],
    ids=["documentation", "ccxt", "nautilus_trader"],
)
def test_logins_are_signed_as_others_sign_them(
    secret: str, timestamp: int, nonce: str, signature: str
) -> None:
    assert sign(secret, login_text(timestamp, nonce, "")) == signature
    assert verified(changed(ALICE, secret=secret), login_text(timestamp, nonce, ""), signature)


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (
            request_text(
                "1795224098511", "1795224098511", "GET", "/api/v2/private/get_account_summaries", b""
            ),
            "51c365f48c76f73e95a5a3875031cb29df0e3743e0ed3815c9ed57c9d5a0f6a2",
        ),
        (
            request_text("1795225417101", "cceb6705-9866-4f65-abdc-cd29ef1c9bd0", "POST", "/api/v2", BODY),
            "8be6cda31579bf9b8f7c2cf1e07050be542b3e848dc29ec3b8133ab52bf1ef0f",
        ),
    ],
    ids=["ccxt", "nautilus_trader"],
)
def test_requests_are_signed_as_others_sign_them(text: bytes, signature: str) -> None:
    assert sign("SECRET", text) == signature


@pytest.mark.parametrize(
    "encode",
    [
        bytes.hex,
        lambda raw: base64.b64encode(raw).decode(),
        lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ],
)
def test_an_ed25519_signature_may_be_hex_or_either_base64(encode: object) -> None:
    assert callable(encode)
    signature = encode(PRIVATE.sign(b"text"))
    assert verified(BOB, b"text", signature)
    assert not verified(BOB, b"other text", signature)
    assert not verified(ALICE, b"text", signature)
    assert not verified(None, b"text", signature)


@pytest.mark.parametrize("signature", ["", "00", "é", "ab" * 32, "A" * 88, "z" * 128])
def test_what_is_no_signature_verifies_nothing(signature: str) -> None:
    assert not any(verified(key, b"text", signature) for key in (ALICE, BOB, None))


def test_the_secret_that_stands_in_for_nobody_opens_nothing() -> None:
    stand_in = "0" * 43
    assert not verified(None, b"text", sign(stand_in, b"text"))
    assert not verified(BOB, b"text", sign(stand_in, b"text"))
    assert not knows_secret(None, stand_in)
    assert not knows_secret(BOB, BOB.secret)
    assert knows_secret(ALICE, ALICE.secret)


def test_a_wrong_secret_of_a_key_costs_the_calls_of_one_of_nobody() -> None:
    """What was skipped for nobody would tell by the time of the answer who is somebody."""
    other = PRIVATE.sign(b"other").hex()
    cases: list[tuple[Key, Callable[[Key | None], bool]]] = [
        (ALICE, lambda key: knows_secret(key, "guess")),
        (ALICE, lambda key: verified(key, b"text", "0" * 64)),
        (BOB, lambda key: verified(key, b"text", other)),
    ]
    for known, check in cases:
        of_known, of_nobody = called(partial(check, known)), called(partial(check, None))
        assert of_known == of_nobody
        assert len(of_known) > 3


def test_a_signature_is_not_altered_into_another_good_one() -> None:
    """S and S + L satisfy one equation (RFC 8032, 5.1.7: S is below L)."""
    order = 2**252 + 27742317777372353535851937790883648493
    raw = PRIVATE.sign(b"text")
    larger = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    assert verified(BOB, b"text", raw.hex())
    assert not verified(BOB, b"text", (raw[:32] + larger).hex())
