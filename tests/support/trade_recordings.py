"""Small recordings, written by hand in the formats that people keep."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_S = 1_700_000_000
START_NS = START_S * 1_000_000_000


class DeribitTape:
    """A `wss://… <-> t` log of one Deribit connection; each message comes a tenth of a second after the one before."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._tenths = 0
        self._change_id = 100
        self.connects()

    def connects(self) -> "DeribitTape":
        """A connection is opened."""
        self._lines.append(f"wss://www.deribit.com/ws/api/v2 <-> {self._now()}")
        return self

    def image(
        self, bids: Mapping[float, float], asks: Mapping[float, float], name: str = "BTC-PERPETUAL"
    ) -> "DeribitTape":
        """A whole book."""
        levels = {"bids": _new(bids), "asks": _new(asks)}
        return self._book(name, {"type": "snapshot", "change_id": self._change_id} | levels)

    def change(
        self, *bids: tuple[str, float, float], skips: int = 0, name: str = "BTC-PERPETUAL"
    ) -> "DeribitTape":
        """Changes to the bids; with `skips` so many ids were lost before it."""
        before = self._change_id + skips
        self._change_id = before + 1
        ids = {"type": "change", "prev_change_id": before, "change_id": self._change_id}
        return self._book(name, ids | {"bids": list(bids), "asks": []})

    def trade(self, price: float, amount: float, number: int, name: str = "BTC-PERPETUAL") -> "DeribitTape":
        """A trade."""
        one = {
            "trade_id": str(number),
            "trade_seq": number,
            "timestamp": self._now_ms(),
            "instrument_name": name,
            "direction": "buy",
            "price": price,
            "amount": amount,
        }
        return self._notify(f"trades.{name}.100ms", [one])

    def says(self, frame: str) -> "DeribitTape":
        """Any frame at all."""
        self._tenths += 1
        self._lines.append(f"{self._now()}: {frame}")
        return self

    def breaks(self) -> "DeribitTape":
        """A line that is none."""
        self._lines.append("here the disk was full")
        return self

    def write(self, path: Path) -> Path:
        """Write it."""
        path.write_text("\n".join([*self._lines, ""]))
        return path

    def _book(self, name: str, data: dict[str, Any]) -> "DeribitTape":
        known = {"timestamp": self._now_ms(), "instrument_name": name}
        return self._notify(f"book.{name}.100ms", known | data)

    def _notify(self, channel: str, data: Any) -> "DeribitTape":
        params = {"channel": channel, "data": data}
        return self.says(json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}))

    def _now(self) -> str:
        return f"{START_S + self._tenths // 10}.{self._tenths % 10}"

    def _now_ms(self) -> int:
        return START_S * 1000 + self._tenths * 100


def _new(levels: Mapping[float, float]) -> list[tuple[str, float, float]]:
    return [("new", price, amount) for price, amount in levels.items()]


def deribit_tape(path: Path, changes: int = 3) -> Path:
    """A perpetual: an image, so many changes of the best bid, a trade after each."""
    tape = DeribitTape().image({100.0: 10.0, 99.5: 20.0}, {100.5: 30.0})
    for number in range(1, changes + 1):
        tape.change(("change", 100.0, 10.0 + number)).trade(100.5, 10.0 * number, number)
    return tape.write(path)


def usdm_tape(path: Path, changes: int = 3) -> Path:
    """`<ns> <json>` lines of Binance USD-M: BTCUSDT, updates with the image by REST between them."""
    image = {
        "lastUpdateId": 1000,
        "T": START_S * 1000,
        "bids": [["60000.10", "1.500"], ["59999.90", "2.000"]],
        "asks": [["60000.20", "0.700"]],
    }
    frames = [
        _usdm_update(0, 995),
        image,
        *[_usdm_update(number, 1000 + number) for number in range(changes)],
    ]
    lines = [f"{START_NS + at * 100_000_000} {json.dumps(frame)}\n" for at, frame in enumerate(frames)]
    path.write_text("".join(lines))
    return path


def _usdm_update(number: int, last: int) -> dict[str, Any]:
    return {
        "stream": "btcusdt@depth@0ms",
        "data": {
            "e": "depthUpdate",
            "E": START_S * 1000 + number,
            "T": START_S * 1000 + number,
            "s": "BTCUSDT",
            "U": last,
            "u": last,
            "pu": last - 1,
            "b": [["60000.10", f"{number + 1}.000"]],
            "a": [],
        },
    }
