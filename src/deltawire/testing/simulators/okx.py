"""OKX's v5 wire format: decimal texts, with sequence ids as today, or only checksums as until 2022."""

from typing import Any
from zlib import crc32

import msgspec

from deltawire.testing.simulators.market import Contract, PlainBook, Walk
from deltawire.testing.simulators.simulator import PublishedBook, Simulator, best

CHECKED = 25


class OkxSimulator(Simulator):
    """A spot pair, a swap and a future of OKX.

    `numbered` sends `seqId` and `prevSeqId`, `summed` the checksum, which is 0 otherwise.
    """

    name = "okx"
    contracts = (
        Contract("BTC-USDT", -1, -8, 618_375),
        Contract("BTC-USDT-SWAP", -1, -2, 618_380),
        Contract("ETH-USD-301227", -2, 0, 241_250, step=5),
    )

    def __init__(
        self, seed: int = 1, *, listed: bool = True, numbered: bool = True, summed: bool = False
    ) -> None:
        super().__init__(seed, listed=listed)
        self._numbered, self._summed = numbered, summed

    def answer(self, request: str) -> list[bytes]:
        """`pong`, or one acknowledgement per argument, and the images of the book channels."""
        if request == "ping":
            return [b"pong"]
        asked = msgspec.json.decode(request)
        acks = [self._ack(asked["op"], arg) for arg in asked["args"]]
        books = [arg["instId"] for arg in asked["args"] if arg["channel"] == "books"]
        wanted = [name for name in books if name in self.walks and asked["op"] == "subscribe"]
        return acks + [self.image(name) for name in wanted]

    def body(self, url: str) -> bytes:
        """`public/instruments` of one type."""
        kind, _, family = url.partition("instType=")[2].partition("&instFamily=")
        stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
        instruments = [
            instrument
            for instrument in stated
            if instrument["instType"] == kind and instrument["instId"].startswith(family)
        ]
        return _encode({"code": "0", "data": instruments, "msg": ""})

    def image(self, name: str) -> bytes:
        """A `snapshot`."""
        self.subscribe(name)
        walk = self.walks[name]
        bids, asks = dict(walk.book.levels("bids")), dict(walk.book.levels("asks"))
        return self._books(walk, "snapshot", bids, asks, (-1, walk.id))

    def trade(self, name: str) -> bytes:
        """`trades` with one trade."""
        price, size, bought, number = self._next_trade(self.walks[name])
        side = "buy" if bought else "sell"
        trade = {"instId": name, "tradeId": f"{number}", "px": price, "sz": size, "side": side}
        return self._push("trades", name, trade | {"ts": f"{self._ms}"})

    def ticker(self, name: str) -> bytes:
        """`tickers`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        price, size = walk.contract.price, walk.contract.size
        ticker = {
            "instType": self._kind(name),
            "instId": name,
            "last": price(bid),
            "lastSz": "",
            "askPx": price(ask),
            "askSz": size(ask_size),
            "bidPx": price(bid),
            "bidSz": size(bid_size),
            "ts": f"{self._ms}",
        }
        return self._push("tickers", name, ticker)

    def keepalive(self, name: str) -> bytes:
        """The message of an unchanged book once a minute: no levels, and the previous id."""
        walk = self.walks[name]
        return self._books(walk, "update", {}, {}, (self._published[name].id,) * 2)

    def renumber(self, name: str) -> bytes:
        """The update after maintenance whose id is below the previous one."""
        self.walks[name].id //= 2
        return self.delta(name)

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        return self._books(walk, "update", bids, asks, (before.id, walk.id))

    def _books(
        self, walk: Walk, action: str, bids: dict[int, int], asks: dict[int, int], ids: tuple[int, int]
    ) -> bytes:
        contract = walk.contract
        numbers = {"prevSeqId": ids[0], "seqId": ids[1]} if self._numbered else {}
        data = {
            "asks": [[*self._texts(contract, *level), "0", "1"] for level in asks.items()],
            "bids": [[*self._texts(contract, *level), "0", "1"] for level in bids.items()],
            "ts": f"{self._ms}",
            "checksum": self._checksum(contract, self.book(contract.name)) if self._summed else 0,
            **numbers,
        }
        arg = {"channel": "books", "instId": contract.name}
        return _encode({"arg": arg, "action": action, "data": [data]})

    def _texts(self, contract: Contract, price: int, size: int) -> tuple[str, str]:
        """Prices with trailing zeros, sizes without."""
        text = contract.size(size)
        return contract.price(price), text.rstrip("0").rstrip(".") if "." in text else text

    def _checksum(self, contract: Contract, book: PlainBook) -> int:
        """Signed CRC32 over the best 25 levels of both sides, alternating."""
        bids, asks = book.levels("bids", CHECKED), book.levels("asks", CHECKED)
        parts: list[str] = []
        for i in range(CHECKED):
            for side in (bids, asks):
                parts += self._texts(contract, *side[i]) if i < len(side) else ()
        unsigned = crc32(":".join(parts).encode())
        return unsigned - (1 << 32) if unsigned >> 31 else unsigned

    def _ack(self, operation: str, arg: dict[str, str]) -> bytes:
        if arg["channel"] in ("instruments", "opt-summary") or arg["instId"] in self.walks:
            return _encode({"event": operation, "arg": arg, "connId": "a4d3ae55"})
        reason = f"Wrong URL or instId:{arg['instId']} doesn't exist."
        return _encode({"event": "error", "code": "60018", "msg": reason, "connId": "a4d3ae55"})

    def _kind(self, name: str) -> str:
        return "SPOT" if name.count("-") == 1 else "SWAP" if name.endswith("-SWAP") else "FUTURES"

    def _stated(self, contract: Contract) -> dict[str, str]:
        kind = self._kind(contract.name)
        base, quote = contract.name.split("-")[:2]
        return {
            "instType": kind,
            "instId": contract.name,
            "baseCcy": base if kind == "SPOT" else "",
            "quoteCcy": quote if kind == "SPOT" else "",
            "settleCcy": "" if kind == "SPOT" else base if quote == "USD" else quote,
            "tickSz": contract.price(contract.step),
            "lotSz": contract.size(contract.lot),
            "minSz": contract.size(contract.lot),
            "ctVal": "" if kind == "SPOT" else "0.01",
            "ctMult": "" if kind == "SPOT" else "1",
            "ctType": "" if kind == "SPOT" else "inverse" if quote == "USD" else "linear",
            "listTime": "1606129458000",
            "expTime": "1924588800000" if kind == "FUTURES" else "",
            "state": "live",
        }

    def _push(self, channel: str, name: str, data: dict[str, Any]) -> bytes:
        return _encode({"arg": {"channel": channel, "instId": name}, "data": [data]})


class OkxOptionSimulator(OkxSimulator):
    """Two options of one family, priced in coins, and the swap."""

    contracts = (
        Contract("BTC-USD-301227-60000-P", -4, 0, 1_450, step=5),
        Contract("BTC-USD-301227-70000-C", -4, 0, 2_950, step=5),
        Contract("BTC-USD-SWAP", -1, 0, 618_380),
    )

    def summary(self) -> bytes:
        """`opt-summary`: the family's options in one message."""
        greeks = {"delta": "-0.4", "gamma": "1.2", "vega": "0.001", "theta": "-0.0003"}
        greeks |= {"deltaBS": "-0.38", "gammaBS": "0.00001", "vegaBS": "82.6", "thetaBS": "-51.5"}
        vols = {"markVol": "0.5513", "bidVol": "0", "askVol": "0.5534", "realVol": "", "volLv": "0.5"}
        data = [
            {"instType": "OPTION", "instId": name, "uly": "BTC-USD", **greeks, **vols, "fwdPx": "62588.5"}
            | {"ts": f"{self._ms}"}
            for name in self.walks
            if not name.endswith("SWAP")
        ]
        return _encode({"arg": {"channel": "opt-summary", "instFamily": "BTC-USD"}, "data": data})

    def _kind(self, name: str) -> str:
        return "SWAP" if name.endswith("-SWAP") else "OPTION"

    def _stated(self, contract: Contract) -> dict[str, str]:
        stated = super()._stated(contract)
        if stated["instType"] != "OPTION":
            return stated
        _, _, _, strike, kind = contract.name.split("-")
        return stated | {
            "instFamily": "BTC-USD",
            "uly": "BTC-USD",
            "ctType": "",
            "optType": kind,
            "stk": strike,
            "expTime": "1924588800000",
        }


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)
