"""Level arrays: whatever the kernel reads, the readers read the same; what they refuse, it leaves to them."""

import atheris

with atheris.instrument_imports(include=["deltawire.book", "deltawire.model"]):
    from deltawire.book import _kernel, pure
    from deltawire.book.columns import ActionRows, NumberObjects, TextPairs, TextRows
    from deltawire.book.refinement import read_exponents
    from deltawire.errors import VenueError

from fuzz.harness import run

READERS = (TextPairs, TextRows, NumberObjects, ActionRows)
SEEDS = (
    b'\x00\x02\x03[["61837.60","1.5"],["1","0.000"]]',
    b'\x01\x01\x08[["30239.6","3.10","0","1"],["30240","0","0","0"]]',
    b'\x02\x01\x08[{"price":63005.0,"qty":2.08665551},{"price":1,"qty":0.0}]',
    b'\x03\x04\x01[["new",0.0015,4714.0],["change",0.001,861.5],["delete",0.0005,0.0]]',
    b'\x02\x01\x08[{"price":6.3005e4,"qty":2.08665551},{"price":1e1,"qty":2.80e-4}]',
    b'\x03\x04\x01[["new",1.5E-3,6.0e3],["change",0.001,1.0002e+6],["delete",5e-4,0e0]]',
    b"\x00\x00\x00[]",
)


def target(data: bytes) -> None:
    """Form, price places, size places, then the array."""
    if len(data) < 3:
        return
    reader = READERS[data[0] % 4]
    exponents = -(data[1] % 19), -(data[2] % 19)
    raw = data[3:]
    check_places(reader, raw)
    found = _kernel.read_columns(reader.form, raw, *exponents)
    side = _kernel.Side(bid=True)
    loaded = side.read(reader.form, raw, *exponents)
    assert loaded == (found is not None)
    if found is None:
        return
    compiled, pure.read_columns = pure.read_columns, lambda *_: None
    try:
        wanted = reader(*exponents)._decode(raw)
    except VenueError as error:
        raise AssertionError(f"the kernel reads {raw!r}, which is refused") from error
    finally:
        pure.read_columns = compiled
    assert len(wanted) == len(found[0]) == len(found[1])
    plain = pure.Side(bid=True)
    plain.load(*columns(reader, raw, exponents))
    assert side.levels() == plain.levels()
    assert found[:2] == columns(reader, raw, exponents)


def check_places(reader: type, raw: bytes) -> None:
    """What an array is said to show is what its texts show, and they fit at any exponents down to -8."""
    shown = _kernel.read_places(reader.form, raw)
    if shown is None:
        return
    prices, sizes = read_exponents(reader(0, 0).texts(raw))
    assert (-shown[0], -shown[1]) == (prices, sizes)
    for exponents in ((prices, sizes), (pure.MEASURED, pure.MEASURED)):
        columns(reader, raw, exponents)


def columns(reader: type, raw: bytes, exponents: tuple[int, int]) -> tuple[list[int], list[int]]:
    """What the readers make of it, in pure Python."""
    import deltawire.book.columns as module

    kept, module.read_columns = module.read_columns, pure.read_columns
    try:
        found = reader(*exponents)(raw)
    finally:
        module.read_columns = kept
    return found.prices, found.sizes


if __name__ == "__main__":
    run(target, *SEEDS)
