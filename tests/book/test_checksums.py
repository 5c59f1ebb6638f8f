"""Checksums, against vectors that venues published or sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltawire.book.checksums import KrakenChecksum, OkxChecksum
from deltawire.book.columns import NumberObjects, Reader, TextRows, mantissa
from deltawire.book.ladder import Ladder, Side

ALGO_BIDS = (
    b'[{"price":0.12291,"qty":27039.62776299},{"price":0.12290,"qty":8136.33288180},'
    b'{"price":0.12287,"qty":10984.20817349},{"price":0.12283,"qty":28027.05025639},'
    b'{"price":0.12280,"qty":9705.60000000},{"price":0.12279,"qty":15215.53522714},'
    b'{"price":0.12275,"qty":4067.00000000},{"price":0.12274,"qty":30639.39949109},'
    b'{"price":0.12268,"qty":2531.96119986},{"price":0.12267,"qty":16299.00000000}]'
)
ALGO_ASKS = (
    b'[{"price":0.12307,"qty":600.00000000},{"price":0.12308,"qty":4042.11919517},'
    b'{"price":0.12312,"qty":10284.53891000},{"price":0.12314,"qty":16155.08885299},'
    b'{"price":0.12315,"qty":5186.05778473},{"price":0.12316,"qty":32828.24000000},'
    b'{"price":0.12317,"qty":7751.65718582},{"price":0.12318,"qty":32298.82000000},'
    b'{"price":0.12319,"qty":1864.66899600},{"price":0.12322,"qty":4718.99755630}]'
)
ETH_PUT = (
    b'[["0.035","1550","0","1"],["0.031","200","0","1"],["0.0305","2888","0","1"],["0.0285","1500","0","1"],'
    b'["0.026","500","0","1"]]',
    b'[["0.038","200","0","1"],["0.0385","1550","0","1"],["0.0395","2888","0","1"],["0.0435","1500","0","1"]]',
)


def load(reader: Reader, bids: bytes, asks: bytes) -> Ladder:
    book = Ladder()
    for side, raw in ((book.bids, bids), (book.asks, asks)):
        columns = reader(raw)
        side.load(columns.prices, columns.sizes)
    return book


class TestKraken:
    def test_an_image_and_an_update_that_were_sent(self) -> None:
        reader, checksum = NumberObjects(-5, -8), KrakenChecksum()
        book = load(reader, ALGO_BIDS, ALGO_ASKS)
        assert checksum(book) == 2375857985
        update = reader(b'[{"price":0.12275,"qty":6597.51731160}]')
        book.bids.apply(update.prices, update.sizes)
        assert checksum(book) == 1100635717

    def test_the_documented_example(self) -> None:
        book = Ladder()
        asks = range(5005, 5055, 5)
        bids = [5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950]
        book.asks.load(asks, [500] * 10)
        book.bids.load(bids, [500] * 10)
        assert KrakenChecksum()(book) == 974947235

    def test_levels_beyond_the_tenth_do_not_count(self) -> None:
        book = load(NumberObjects(-5, -8), ALGO_BIDS, ALGO_ASKS)
        book.bids.apply([12266, 1], [5, 5])
        book.asks.apply([12323, 99999], [5, 5])
        assert KrakenChecksum()(book) == 2375857985

    @pytest.mark.parametrize("place", range(10))
    @pytest.mark.parametrize("name", ["bids", "asks"])
    def test_each_of_the_ten_best_levels_counts(self, name: str, place: int) -> None:
        book = load(NumberObjects(-5, -8), ALGO_BIDS, ALGO_ASKS)
        side = getattr(book, name)
        price = side.top(10)[place]
        side.apply([price], [side.size(price) + 1])
        assert KrakenChecksum()(book) != 2375857985

    def test_a_thin_book_has_a_checksum_of_what_there_is(self) -> None:
        assert KrakenChecksum()(Ladder()) == 0


class OkxBook:
    """A book, its reader and its checksum."""

    def __init__(self, bids: bytes, asks: bytes, price_exponent: int = 0) -> None:
        self.exponents = price_exponent, 0
        self.reader = TextRows(*self.exponents)
        self.book = Ladder()
        self.apply(bids, asks)

    def apply(self, bids: bytes, asks: bytes) -> None:
        for side, raw in ((self.book.bids, bids), (self.book.asks, asks)):
            columns = self.reader(raw)
            side.apply(columns.prices, columns.sizes)
            side.note(columns.prices, columns.texts or [], self.exponents)

    def now(self) -> int:
        return OkxChecksum()(self.book)


class TestOkx:
    def test_an_image_that_was_sent(self) -> None:
        assert OkxBook(*ETH_PUT, -4).now() == 750243667

    def test_texts_count_as_they_were_sent(self) -> None:
        bids = ETH_PUT[0].replace(b'"0.035"', b'"0.0350"')
        assert OkxBook(bids, ETH_PUT[1], -4).now() != 750243667

    def test_finer_units_change_no_text(self) -> None:
        okx = OkxBook(*ETH_PUT, -4)
        okx.book.rescale(100, 100)
        assert okx.now() == 750243667

    def test_a_level_that_changes_sides_keeps_its_new_text(self) -> None:
        okx = OkxBook(b'[["10","1","0","1"]]', b'[["12","1","0","1"]]')
        okx.apply(b'[["12","3","0","1"]]', b'[["12","0","0","0"],["13","4","0","1"]]')
        same = OkxBook(b'[["12","3","0","1"],["10","1","0","1"]]', b'[["13","4","0","1"]]')
        assert okx.now() == same.now()

    @given(
        texts=st.lists(
            st.tuples(
                st.from_regex(r"0{0,3}[0-9]{1,9}(\.[0-9]{1,4}0{0,9})?", fullmatch=True),
                st.from_regex(r"0{0,3}[1-9][0-9]{0,8}(\.[0-9]{1,6}0{0,3})?", fullmatch=True),
            ),
            min_size=1,
            max_size=30,
            unique_by=lambda text: mantissa(text[0], -4),
        ),
        finer=st.integers(0, 2),
    )
    def test_texts_come_back_as_they_were_sent(self, texts: list[tuple[str, str]], finer: int) -> None:
        side = Side(bid=True)
        prices = [mantissa(price, -4) for price, _ in texts]
        side.load(prices, [mantissa(size, -6) for _, size in texts])
        side.note(prices, texts, (-4, -6))
        side.rescale(10**finer, 10**finer)
        for price, (price_text, size_text) in zip(prices, texts, strict=True):
            assert side.text(price * 10**finer) == f"{price_text}:{size_text}"

    def test_a_level_that_is_gone_has_no_text(self) -> None:
        okx = OkxBook(b'[["10","1","0","1"]]', b"[]")
        okx.apply(b'[["10","0","0","1"]]', b"[]")
        with pytest.raises(KeyError):
            okx.book.bids.text(10)
