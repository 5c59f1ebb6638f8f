"""What we export is read by the programs it is for, and says the same as the events."""

from itertools import pairwise
from pathlib import Path

import databento_dbn as dbn
import numpy as np
import pytest

from deltawire.errors import RecordingError, UsageError
from deltawire.model.events import BookDelta, BookImage, Event, Trade
from deltawire.recording.exports import dbn as our_dbn
from deltawire.recording.exports import hftbacktest, tardis
from deltawire.roles.exporting import Export, write
from deltawire.sources.tabular import replay
from deltawire.tables import rows
from deltawire.tables.books import TrackedBooks
from deltawire.testing.recordings import make_recording, write_log

NAME = "BTC-PERPETUAL"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(make_recording(11, steps=500, losses=[150]), tmp_path_factory.mktemp("log") / "tape.log")


@pytest.fixture(scope="module")
def events(log: Path) -> list[Event]:
    return [event for event in replay(log, "deribit") if _name(event) == NAME]


def _name(event: Event) -> str:
    instrument = getattr(event, "instrument", None)
    return getattr(instrument, "name", "")


def book_at_end(events: list[Event]) -> tuple[dict[str, str], dict[str, str]]:
    books = TrackedBooks()
    for event in events:
        book = books.take(event)
    (book,) = books
    instrument = book.instrument
    sides = book.ladder.bids.levels(1 << 20), book.ladder.asks.levels(1 << 20)
    bids, asks = (
        {
            f"{instrument.price(price):.8f}": f"{instrument.size(size):.8f}"
            for price, size in zip(side.prices, side.sizes, strict=True)
        }
        for side in sides
    )
    return bids, asks


class TestTardis:
    @pytest.mark.parametrize("schema", ["book", "trades"])
    def test_a_round_trip_says_the_same(
        self, tmp_path: Path, log: Path, events: list[Event], schema: str
    ) -> None:
        out, again = tmp_path / "one.csv", tmp_path / "two.csv"
        count = write(log, Export(schema, "tardis", NAME, "deribit"), out)
        assert count > 50
        assert tardis.is_tardis(out)
        read = list(tardis.read(out))
        if schema == "book":
            assert book_at_end(read) == book_at_end(events)
            assert sum(isinstance(event, BookImage) for event in read) == 1
            assert write(out, Export(schema, "tardis"), again) == count
            assert out.read_bytes() == again.read_bytes()
        else:
            ours = [event for event in events if isinstance(event, Trade)]
            assert [(e.trade_id, e.price, e.size, e.side) for e in read if isinstance(e, Trade)] == [
                (e.trade_id, e.price, e.size, e.side) for e in ours
            ]
            assert [e.seen_ns for e in read if isinstance(e, Trade)] == [
                e.seen_ns // 1000 * 1000 for e in ours
            ]

    def test_a_file_as_tardis_sells_it(self, tmp_path: Path) -> None:
        """Rows in their documented form: snapshots within the stream, deletions as amount 0."""
        path = tmp_path / "okex_incremental_book_L2.csv"
        path.write_text(
            ",".join(tardis.COLUMNS["book"]) + "\n"
            "okex,BTC-USDT,1585699200245000,1585699200300000,false,bid,1,1\n"
            "okex,BTC-USDT,1585699200345000,1585699200400000,true,bid,6421.5,18640\n"
            "okex,BTC-USDT,1585699200345000,1585699200400000,true,ask,6422,10.25\n"
            "okex,BTC-USDT,1585699200445000,1585699200500000,false,ask,6422,0\n"
            "okex,BTC-USDT,1585699200445000,1585699200500000,false,ask,6422.5,7\n"
            "okex,BTC-USDT,1585699200545000,1585699200600000,true,bid,6420.5,1\n"
            "okex,BTC-USDT,1585699200545000,1585699200600000,true,ask,6422.5,7\n"
        )
        read = list(tardis.read(path))
        assert [type(event).__name__ for event in read] == ["Status", "BookImage", "BookDelta", "BookDelta"]
        assert [(str(c.price), c.action) for c in read[2].ask_changes] == [
            ("6422.0", "delete"),
            ("6422.5", "new"),
        ]  # type: ignore[union-attr]
        assert book_at_end(read) == ({"6420.50000000": "1.00000000"}, {"6422.50000000": "7.00000000"})

    @pytest.mark.parametrize(
        "line", ["okex,A,1,2,false,bid,x,1", "okex,A,1", "okex,A,one,2,true,bid,1,1\nokex,B,1,2,true,bid,1,1"]
    )
    def test_a_line_that_is_none_is_named(self, tmp_path: Path, line: str) -> None:
        path = tmp_path / "bad.csv"
        path.write_text(",".join(tardis.COLUMNS["book"]) + "\nokex,A,1,2,true,bid,1,1\n" + line + "\n")
        with pytest.raises(RecordingError, match=r"line [34]: no level of a book"):
            list(tardis.read(path))


class TestDbn:
    @pytest.mark.parametrize("schema", ["trades", "mbp-1", "mbp-10", "bbo-1s", "ohlcv-1m"])
    def test_databentos_decoder_reads_what_we_write(
        self, tmp_path: Path, events: list[Event], schema: str
    ) -> None:
        made = list(rows(schema, events))  # type: ignore[arg-type]
        path = tmp_path / "out.dbn"
        assert our_dbn.write(schema, made, path) == len(made) > 0
        decoder = dbn.DBNDecoder()
        decoder.write(path.read_bytes())
        metadata, *records = decoder.decode()
        assert metadata.schema == schema
        assert metadata.symbols == [NAME]
        assert len(records) == len(made)
        names = our_dbn.SCHEMAS[schema].names
        for row, record in zip(made, records, strict=True):
            assert type(record).__name__ == our_dbn.RECORDS[schema]
            members = dict(zip(names, row.values, strict=True))
            assert record.ts_event == members["ts_event"]
            price = "open" if schema.startswith("ohlcv") else "price"
            if members[price] is not None:
                assert getattr(record, price) == members[price] * 10 ** (row.instrument.price_exponent + 9)
            for level in range(our_dbn.SCHEMAS[schema].levels):
                best = members[f"bid_px_{level:02}"]
                expected = (
                    our_dbn.UNDEFINED_PRICE
                    if best is None
                    else best * 10 ** (row.instrument.price_exponent + 9)
                )
                assert record.levels[level].bid_px == expected

    def test_what_dbn_cannot_hold_is_refused(self, tmp_path: Path, events: list[Event]) -> None:
        with pytest.raises(UsageError, match="no DBN of ticker"):
            our_dbn.write("ticker", [], tmp_path / "x")
        trade = next(rows("trades", events))
        large = trade._replace(
            values=tuple((1 << 40) + 1 if v == trade.values[8] else v for v in trade.values)
        )
        with pytest.raises(UsageError, match="no room in the 32 bits"):
            our_dbn.write("trades", [large], tmp_path / "x")

    def test_large_sizes_are_in_the_coarsest_unit_in_which_they_are_whole(
        self, tmp_path: Path, events: list[Event]
    ) -> None:
        trades = list(rows("trades", events))[:3]
        place = our_dbn.SCHEMAS["trades"].names.index("size")
        lots = [12_345_000_000, 5_000_000, 70_000_000_000_000]
        sized = [
            row._replace(values=(*row.values[:place], size, *row.values[place + 1 :]))
            for row, size in zip(trades, lots, strict=True)
        ]
        finest = trades[0].instrument.size_exponent
        our_dbn.write("trades", sized, tmp_path / "x")
        decoder = dbn.DBNDecoder()
        decoder.write((tmp_path / "x").read_bytes())
        metadata, *records = decoder.decode()
        assert metadata.dataset == f"DELTAWIRE.E{finest + 6}"
        assert [record.size for record in records] == [12_345, 5, 70_000_000]

    def test_our_names_are_databentos(self) -> None:
        ours = {"venue", "symbol", "trade_id", "liquidation"}
        for schema, record in our_dbn.RECORDS.items():
            theirs = {name for name, _ in getattr(dbn, record)._dtypes} | {"publisher_id"}
            assert set(our_dbn.SCHEMAS[schema].names) - ours <= theirs | {"rtype"}


class TestHftbacktest:
    def test_applying_the_rows_gives_our_book(self, tmp_path: Path, events: list[Event]) -> None:
        path = tmp_path / "out.npz"
        count = hftbacktest.write(events, path)
        data = np.load(path)["data"]
        assert len(data) == count
        sides: dict[int, dict[str, str]] = {hftbacktest.BUY: {}, hftbacktest.SELL: {}}
        for row in data:
            kind, side = int(row["ev"]) & 0xFF, int(row["ev"]) & (hftbacktest.BUY | hftbacktest.SELL)
            if kind == hftbacktest.DEPTH_CLEAR:
                sides[hftbacktest.BUY].clear()
                sides[hftbacktest.SELL].clear()
            elif kind in (hftbacktest.DEPTH, hftbacktest.SNAPSHOT):
                sides[side][f"{row['px']:.8f}"] = f"{row['qty']:.8f}"
                if not row["qty"]:
                    del sides[side][f"{row['px']:.8f}"]
        assert (sides[hftbacktest.BUY], sides[hftbacktest.SELL]) == book_at_end(events)
        assert sum((data["ev"] & 0xFF) == hftbacktest.TRADE) == sum(isinstance(e, Trade) for e in events)
        assert (np.diff(data["exch_ts"]) >= 0).all()
        assert (data["local_ts"] >= data["exch_ts"]).all()

    def test_a_file_is_of_one_instrument(self, log: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="add --symbol"):
            hftbacktest.write(replay(log, "deribit"), tmp_path / "x")


def test_deltas_follow_each_other(events: list[Event]) -> None:
    """What the others here rest on."""
    deltas = [event for event in events if isinstance(event, BookDelta)]
    assert all(b.sequence - b.covers == a.sequence for a, b in pairwise(deltas))
