"""Sides and what is pending: any history of calls gives the same levels and the same changes."""

import atheris

with atheris.instrument_imports(include=["deltawire.book"]):
    from deltawire.book import _kernel, pure

from fuzz.harness import run

EDGES = (0, 1, -1, (1 << 63) - 1, -(1 << 63), 1 << 62, 10**15, 10**18)


def target(data: bytes) -> None:
    """Bytes become steps."""
    provider = atheris.FuzzedDataProvider(data)
    bid = provider.ConsumeBool()
    sides = [module.Side(bid=bid) for module in (_kernel, pure)]
    pending = [module.Pending() for module in (_kernel, pure)]
    for _ in range(provider.ConsumeIntInRange(0, 30)):
        kind = provider.ConsumeIntInRange(0, 6)
        prices, sizes = levels(provider)
        count = provider.ConsumeIntInRange(0, 500)
        changes = [step(side, kind, prices, sizes, count, bid=bid) for side in sides]
        assert changes[0] == changes[1], (kind, prices, sizes)
        if kind in (0, 1):
            for each, change in zip(pending, changes, strict=True):
                each.add(change)
        else:
            pending = [module.Pending() for module in (_kernel, pure)]
        assert sides[0].levels() == sides[1].levels()
        assert sides[0].best() == sides[1].best()
        assert sides[0].top(count) == sides[1].top(count)
    taken = [each.take(side) for each, side in zip(pending, sides, strict=True)]
    assert taken[0] == taken[1]


def levels(provider: atheris.FuzzedDataProvider) -> tuple[list[int], list[int]]:
    """Columns: mostly small, sometimes at the edges of 64 bits."""
    prices, sizes = [], []
    for _ in range(provider.ConsumeIntInRange(0, 60)):
        kind = provider.ConsumeIntInRange(0, 9)
        prices.append(EDGES[kind] if kind < len(EDGES) else provider.ConsumeIntInRange(-400, 400))
        sizes.append(EDGES[kind] if kind == 3 else provider.ConsumeIntInRange(0, 3))
    return prices, sizes


def step(side: object, kind: int, prices: list[int], sizes: list[int], count: int, *, bid: bool) -> object:
    """One call; what it returned, or that it was refused."""
    if kind == 0:
        return side.apply(prices, sizes)
    if kind == 1:
        start = prices[0] % 1000 if prices else 0
        return side.apply(range(start, start + count), [1] * count)
    if kind == 2:
        return side.truncate(count)
    if kind == 3:
        return side.load(prices, sizes)
    if kind == 4:
        side.revert(side.apply(prices, sizes))
        return None
    if kind == 5:
        target = type(side)(bid=bid)
        target.load(prices, sizes)
        return side.diff(target.levels())
    if all(abs(price) < 10**15 for price in side.levels().prices):
        side.rescale(10, 1)
    return None


if __name__ == "__main__":
    run(target, b"\x01" + bytes(range(200)), b"\x00" * 64, bytes(range(255, 0, -1)))
