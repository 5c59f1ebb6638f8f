import pytest

from deltawire.errors import UsageError
from deltawire.sources.live.addresses import check_bases, rest_addresses, socket_addresses
from deltawire.venues import REGISTRY

USDM = REGISTRY["binance_usdm"]().limits
DEPTH = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT"


def test_the_venues_own_addresses_come_first() -> None:
    assert socket_addresses(USDM, "market") == ["wss://fstream.binance.com/market/stream"]
    assert rest_addresses(USDM, DEPTH) == [DEPTH]
    okx = REGISTRY["okx"]().limits
    assert [url.split("/")[2] for url in rest_addresses(okx, "https://www.okx.com/api/v5/x?a=b")] == [
        "www.okx.com",
        "openapi.okx.com",
    ]


def test_another_host_keeps_path_and_query() -> None:
    bases = ["ws://127.0.0.1:1", "wss://gate:2/prefix/"]
    assert socket_addresses(USDM, "public", bases) == [
        "ws://127.0.0.1:1/public/stream",
        "wss://gate:2/prefix/public/stream",
    ]
    assert rest_addresses(USDM, DEPTH, bases) == [
        "http://127.0.0.1:1/fapi/v1/depth?symbol=BTCUSDT",
        "https://gate:2/prefix/fapi/v1/depth?symbol=BTCUSDT",
    ]


def test_rest_may_be_elsewhere() -> None:
    bases = ["ws://127.0.0.1:1", "http://127.0.0.1:2"]
    assert socket_addresses(USDM, "public", bases) == ["ws://127.0.0.1:1/public/stream"]
    assert rest_addresses(USDM, DEPTH, bases) == ["http://127.0.0.1:2/fapi/v1/depth?symbol=BTCUSDT"]


@pytest.mark.parametrize("base", ["", "127.0.0.1:80", "ftp://a", "ws://", "ws://a?b=c"])
def test_other_text_is_refused(base: str) -> None:
    with pytest.raises(UsageError, match="an endpoint is"):
        check_bases([base])
