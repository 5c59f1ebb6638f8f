"""What is received: recordings, and what their venues say of the instruments in them."""

from typing import Any, NamedTuple

from bench.frames import CHOICES, RECORDINGS, Frames, load_choice
from deltawire.testing.simulators.market import Contract


class ReceiveSet(NamedTuple):
    """A recording to be sent `loops` times; 0 where no image in it starts it again."""

    name: str
    title: str
    contracts: tuple[Contract, ...]
    loops: int
    symbols: tuple[str, ...]
    """The same instruments in ccxt's names."""
    simulator: dict[str, Any]
    peers: frozenset[str]
    """Those that keep a book and were made to read this recording from an address of ours."""

    def frames(self) -> Frames:
        """Its book frames."""
        return load_choice(next(choice for choice in CHOICES if choice.name == self.title))

    @property
    def there(self) -> bool:
        """Whether the recording is."""
        return any(choice.name == self.title and (RECORDINGS / choice.file).is_file() for choice in CHOICES)


SETS = (
    ReceiveSet(
        "binance_usdm",
        "Binance USD-M depth@0ms",
        (Contract("BTCUSDT", -2, -3, 6_183_763),),
        0,
        ("BTC/USDT:USDT",),
        {},
        frozenset(),
    ),
    ReceiveSet(
        "okx",
        "OKX books (CRC32)",
        (
            Contract("BTC-USD-220527", -1, 0, 300_000),
            Contract("BTC-USDT", -1, -8, 300_000),
            Contract("UNI-USD-SWAP", -3, 0, 5_000),
        ),
        100,
        ("BTC-USD-220527", "BTC-USDT", "UNI-USD-SWAP"),
        {"numbered": False, "summed": True},
        frozenset({"ccxt", "cryptofeed 2.4.1", "cryptofeed 3.0.1"}),
    ),
    ReceiveSet(
        "kraken",
        "Kraken v2 book (CRC32)",
        (Contract("BTC/USD", -1, -8, 630_050),),
        30,
        ("BTC/USD",),
        {"subscribed": 25},
        frozenset({"ccxt", "cryptofeed 3.0.1"}),  # 2.4.1 speaks the older protocol
    ),
)


def find(name: str) -> ReceiveSet:
    """The set of this name."""
    return next(each for each in SETS if each.name == name)
