"""Binance's wire format: ranges of update ids, images by REST, best prices with the id at which they hold."""

from decimal import Decimal
from typing import Any

import msgspec

from deltawire.testing.simulators.market import Contract, Walk
from deltawire.testing.simulators.simulator import PublishedBook, Simulator, best

PRINTED_PLACES = 8


class BinanceSpotSimulator(Simulator):
    """Three spot pairs; the range of an update starts one above the end of the previous one."""

    name = "binance_spot"
    contracts = (
        Contract("BTCUSDT", -2, -5, 6_183_763),
        Contract("ETHUSDT", -2, -4, 268_540),
        Contract("SHIBUSDT", -8, 0, 1_402),
    )
    fetched_images = True
    stream = "depth@100ms"

    def answer(self, request: str) -> list[bytes]:
        """An acknowledgement; starts the diff streams."""
        asked = msgspec.json.decode(request)
        for stream in asked["params"]:
            name = stream.partition("@")[0].upper()
            if stream.partition("@")[2].startswith("depth") and name in self.walks:
                self.subscribe(name)
        return [_encode({"result": None, "id": asked["id"]})]

    def body(self, url: str) -> bytes:
        """`exchangeInfo` or `depth`."""
        path, _, query = url.partition("?")
        if path.endswith("exchangeInfo"):
            stated = [self._stated(walk.contract) for walk in self.walks.values()] if self.listed else []
            return _encode({"timezone": "UTC", "symbols": stated})
        name = query.partition("symbol=")[2].partition("&")[0]
        if name not in self.walks:
            return _encode({"code": -1121, "msg": "Invalid symbol."})
        return self.image(name)

    def image(self, name: str) -> bytes:
        """The present book; the next update may be part of it already."""
        walk = self.walks[name]
        bids, asks = (
            [self._texts(walk.contract, *level) for level in walk.book.levels(side)]
            for side in ("bids", "asks")
        )
        return _encode({"lastUpdateId": walk.id, **self._image_times(), "bids": bids, "asks": asks})

    def trade(self, name: str) -> bytes:
        """`@trade`."""
        price, size, bought, number = self._next_trade(self.walks[name])
        price, size = self._printed(price), self._printed(size)
        trade = {"e": "trade", "E": self._ms, "s": name, "t": number, "p": price, "q": size}
        return self._push(name, "trade", trade | {"T": self._ms, "m": not bought, "M": True})

    def ticker(self, name: str) -> bytes:
        """`@bookTicker`."""
        walk = self.walks[name]
        bid, bid_size, ask, ask_size = best(walk)
        (b, bid_text), (a, ask_text) = (
            self._texts(walk.contract, bid, bid_size),
            self._texts(walk.contract, ask, ask_size),
        )
        top = {"u": walk.id, "s": name, "b": b, "B": bid_text, "a": a, "A": ask_text}
        return self._push(name, "bookTicker", top | self._event_times("bookTicker"))

    def _delta(self, walk: Walk, before: PublishedBook, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        depth = {
            "e": "depthUpdate",
            "E": self._ms,
            **self._event_times(""),
            "s": walk.contract.name,
            **self._range(walk, before),
            "b": [self._texts(walk.contract, *level) for level in bids.items()],
            "a": [self._texts(walk.contract, *level) for level in asks.items()],
        }
        return self._push(walk.contract.name, self.stream, depth)

    def _range(self, walk: Walk, before: PublishedBook) -> dict[str, int]:
        return {"U": before.id + 1, "u": walk.id}

    def _image_times(self) -> dict[str, int]:
        return {}

    def _event_times(self, event: str) -> dict[str, Any]:
        return {}

    def _texts(self, contract: Contract, price: int, size: int) -> tuple[str, str]:
        return self._printed(contract.price(price)), self._printed(contract.size(size))

    def _printed(self, text: str) -> str:
        """A number as spot prints it: with eight decimal places, whatever the increment."""
        return f"{Decimal(text):.{PRINTED_PLACES}f}"

    def _stated(self, contract: Contract) -> dict[str, Any]:
        tick, step = self._texts(contract, contract.step, contract.lot)
        return {
            "symbol": contract.name,
            "status": "TRADING",
            "baseAsset": contract.name.partition("USDT")[0],
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": step, "minQty": step},
            ],
        }

    def _push(self, name: str, stream: str, data: dict[str, Any]) -> bytes:
        return _encode({"stream": f"{name.lower()}@{stream}", "data": data})


class BinanceUsdmSimulator(BinanceSpotSimulator):
    """Three USD-M contracts; an update names the end of the previous one, and ranges do not touch."""

    name = "binance_usdm"
    contracts = (
        Contract("BTCUSDT", -1, -3, 618_002),
        Contract("ETHUSDT", -2, -3, 268_540),
        Contract("BTCUSDT_301227", -1, -3, 630_500),
    )
    stream = "depth@0ms"

    def _range(self, walk: Walk, before: PublishedBook) -> dict[str, int]:
        """The range of ids: other contracts use the same counter, so it starts somewhere after the last one."""
        return {"U": walk.publish(), "u": walk.id, "pu": before.id}

    def _image_times(self) -> dict[str, int]:
        return {"E": self._ms, "T": self._ms}

    def _event_times(self, event: str) -> dict[str, Any]:
        return ({"e": event} if event else {}) | {"T": self._ms, "E": self._ms}

    def _printed(self, text: str) -> str:
        return text

    def _stated(self, contract: Contract) -> dict[str, Any]:
        dated = "_" in contract.name
        return super()._stated(contract) | {
            "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL",
            "deliveryDate": 1_924_588_800_000 if dated else 4_133_404_800_000,
            "onboardDate": 1_569_398_400_000,
            "marginAsset": "USDT",
        }


class BinanceCoinmSimulator(BinanceUsdmSimulator):
    """Three COIN-M contracts: frames name the pair, sizes are whole contracts."""

    name = "binance_coinm"
    contracts = (
        Contract("BTCUSD_PERP", -1, 0, 618_002),
        Contract("ETHUSD_PERP", -2, 0, 268_540),
        Contract("BTCUSD_301227", -1, 0, 630_500),
    )
    stream = "depth@100ms"

    def _event_times(self, event: str) -> dict[str, Any]:
        return super()._event_times(event) | {"st": 2}

    def _stated(self, contract: Contract) -> dict[str, Any]:
        stated = super()._stated(contract)
        pair, _, end = contract.name.partition("_")
        base, state = pair.removesuffix("USD"), stated.pop("status")
        dated = end != "PERP"
        return stated | {
            "pair": pair,
            "contractStatus": state,
            "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL",
            "deliveryDate": 1_924_588_800_000 if dated else 4_133_404_800_000,
            "contractSize": 100 if base == "BTC" else 10,
            "baseAsset": base,
            "quoteAsset": "USD",
            "marginAsset": base,
        }


def _encode(frame: dict[str, Any]) -> bytes:
    return msgspec.json.encode(frame)
