# distutils: language = c++
# cython: language_level=3, boundscheck=False, wraparound=False, binding=False, freethreading_compatible=False
"""The compiled twin of `deltawire.book.pure`: the same values from the same bytes. See `book/kernel.py`.

Everything that touches memory is in the C++ headers beside this file; here Python objects meet it.
"""

from dataclasses import dataclass

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool as boolean
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

import msgspec

from deltawire.model.events import BeyondChanges, BookDelta
from deltawire.model.events import Changes as PlainChanges
from deltawire.model.events import Levels as PlainLevels
from deltawire.model.known_range import WHOLE, KnownRange


cdef extern from "side.hpp" namespace "deltawire" nogil:
    cdef struct Level:
        int64_t price
        int64_t size

    cdef struct Change:
        int64_t price
        int64_t size
        int64_t previous

    cdef struct Note:
        uint8_t price_places
        uint8_t price_zeros
        uint8_t size_places
        uint8_t size_zeros

    cdef cppclass CSide "deltawire::Side":
        CSide(boolean) except +
        boolean bid()
        size_t count()
        uint64_t version()
        void take_notes() except +
        boolean noted()
        int64_t size_at(int64_t)
        Note note_at(int64_t)
        void note(int64_t, Note)
        void reserve(size_t) except +
        int64_t set(int64_t, int64_t) except +
        void settle() except +
        void touch()
        void revert(const Change*, size_t) except +
        boolean empty()
        int64_t best()
        void top(size_t, vector[int64_t]&) except +
        void levels(size_t, vector[Level]&) except +
        void load(const int64_t*, const int64_t*, size_t) except +
        void truncate(size_t, vector[Change]&) except +
        void rescale(int64_t, int64_t) except +
        boolean same_levels(const CSide&)
        const vector[Level]& slots()


cdef extern from "pending.hpp" namespace "deltawire" nogil:
    cdef cppclass CPending "deltawire::Pending":
        boolean empty()
        void clear()
        void add(const Change*, size_t) except +
        void take(const CSide&, vector[Change]&) except +
        void rescale(int64_t, int64_t) except +
        void follow(const CPending&) except +
        const Level* at(int64_t)
        const vector[Level]& before()

    cdef cppclass CTop "deltawire::Top":
        CTop(size_t) except +
        boolean touched()
        void add(boolean)
        void take(const CSide&, vector[Change]&) except +
        void rescale(int64_t, int64_t) except +
        int64_t size_at(int64_t)
        const vector[Level]& published()

    void changes_between(boolean, const vector[Level]&, const vector[Level]&, vector[Change]&) except +


cdef extern from "levels.hpp" namespace "deltawire" nogil:
    cdef enum class Form:
        text_pairs
        text_rows
        number_objects
        action_rows

    cdef enum class Action(uint8_t):
        none
        fresh
        change
        remove

    cdef struct Places:
        int price
        int size

    cdef cppclass Columns:
        vector[int64_t] prices
        vector[int64_t] sizes
        vector[Note] notes
        vector[Action] actions

    const char* read_levels(Form, const char*, Places, Columns&) except +
    void load_columns(CSide&, const Columns&) except +
    boolean find_places(Form, const char*, const char*, Columns&, Places&) except +


cdef extern from "json.hpp" namespace "deltawire" nogil:
    cdef cppclass Buffer:
        void clear()
        const char* data()
        size_t size()
        void add(const char*, size_t) except +
        void add_integer(int64_t) except +

    cdef struct Text:
        const char* data
        size_t size

    cdef struct Opening:
        Text head
        Text more
        Text named
        int64_t seq
        int64_t prev_seq
        int64_t at_ms
        int64_t change_id
        boolean chained
        boolean change

    void write_opening(Buffer&, const Opening&) except +
    boolean write_changes(Buffer&, const Change*, size_t, Places) except +


cdef extern from "checksum.hpp" namespace "deltawire" nogil:
    cdef char* write_noted(char*, int64_t, int, int, int)


cdef extern from "scan.hpp" namespace "deltawire" nogil:
    cdef enum class Role(uint8_t):
        constant
        object
        sole
        refused
        label
        symbol
        first
        last
        previous
        checksum
        venue_ms
        any_ms
        time
        bids
        asks

    cdef cppclass Member:
        string key
        Role role
        boolean required
        boolean quoted
        string before
        uint32_t child

    cdef cppclass Layout:
        uint32_t add_object() except +
        void add_member(uint32_t, Member) except +


cdef extern from "track.hpp" namespace "deltawire" nogil:
    cdef enum class Rule:
        previous_id
        range
        bridged
        counter
        none

    cdef enum class Proof:
        none
        kraken
        okx

    cdef cppclass Texts:
        void forget()

    cdef struct Edge:
        boolean fixed
        int64_t price

    cdef cppclass CTrack "deltawire::Track":
        void* owner
        CSide* bids
        CSide* asks
        string symbol
        string label
        boolean armed
        boolean bridged
        Places places
        size_t depth
        int64_t last
        int64_t sequence
        int64_t deltas
        int64_t checksums_ok
        Edge bid_edge
        Edge ask_edge
        Texts texts

    cdef cppclass Name "std::string_view":
        const char* data()
        size_t size()

    cdef cppclass Fields:
        Name label
        Name symbol
        int64_t last
        int64_t venue_ns

    cdef struct Step:
        CTrack* track
        int64_t venue_ns
        vector[Change] bids
        vector[Change] asks
        vector[Change] far_bids
        vector[Change] far_asks
        boolean range_moved

    cdef cppclass CRouter "deltawire::Router":
        CRouter(Form, Rule, Proof) except +
        Layout& add_update() except +
        Layout& add_image() except +
        void add(CTrack*) except +
        boolean take(const char*, size_t, Step&) except +
        boolean begin_image(const char*, size_t) except +
        const Fields& image_fields()
        boolean read_image(const char*, size_t, Places, boolean, size_t, CSide&, CSide&, boolean&) except +
        void image_levels(const CSide&, const CSide&, vector[Level]&, vector[Level]&) except +


FORMS = {"text_pairs": <int>Form.text_pairs, "text_rows": <int>Form.text_rows,
         "number_objects": <int>Form.number_objects, "action_rows": <int>Form.action_rows}
RULES = {"previous_id": <int>Rule.previous_id, "range": <int>Rule.range, "bridged": <int>Rule.bridged,
         "counter": <int>Rule.counter, "none": <int>Rule.none}
PROOFS = {"": <int>Proof.none, "digits": <int>Proof.kraken, "texts": <int>Proof.okx}
ROLES = {"constant": <int>Role.constant, "object": <int>Role.object, "sole": <int>Role.sole,
         "refused": <int>Role.refused, "label": <int>Role.label, "symbol": <int>Role.symbol, "first": <int>Role.first,
         "last": <int>Role.last, "previous": <int>Role.previous, "checksum": <int>Role.checksum,
         "venue_ms": <int>Role.venue_ms, "any_ms": <int>Role.any_ms, "time": <int>Role.time, "bids": <int>Role.bids,
         "asks": <int>Role.asks}


@dataclass
class _ChangesFields:
    """As what msgspec sees `Changes`, so that it can be encoded like the plain one."""

    prices: list
    sizes: list
    previous: list


@dataclass
class _LevelsFields:
    """As what msgspec sees `Levels`."""

    prices: list
    sizes: list


cdef Buffer buffer
cdef object make_delta = BookDelta
cdef object whole = WHOLE

cdef tuple ACTIONS = (None, "new", "change", "delete")


cdef inline int places_of(int exponent) except -1:
    """How many digits behind the point an exponent means."""
    if not -18 <= exponent <= 0:
        raise ValueError(f"exponent {exponent} is not between -18 and 0")
    return -exponent


cdef boolean read_whole(str form, bytes raw, Places places, Columns& columns) except *:
    """Whether all of this is a level array, of the plain shape of this form, which is in `columns` then."""
    cdef const char* start = PyBytes_AS_STRING(raw)
    return read_levels(<Form><int>FORMS[form], start, places, columns) == start + PyBytes_GET_SIZE(raw)


@cython.freelist(16)
cdef class Changes:
    """What happened to one side; see `deltawire.model.events.Changes`. The columns are made when they are asked for."""

    cdef vector[Change] items
    __dataclass_fields__ = _ChangesFields.__dataclass_fields__

    def __init__(self, prices, sizes, previous):
        cdef Change change
        for change.price, change.size, change.previous in zip(prices, sizes, previous, strict=True):
            self.items.push_back(change)

    @property
    def prices(self):
        """Ticks."""
        cdef size_t i
        return [self.items[i].price for i in range(self.items.size())]

    @property
    def sizes(self):
        """Lots now, 0: gone."""
        cdef size_t i
        return [self.items[i].size for i in range(self.items.size())]

    @property
    def previous(self):
        """Lots before, 0: was not there."""
        cdef size_t i
        return [self.items[i].previous for i in range(self.items.size())]

    def __bool__(self):
        return self.items.size() != 0

    def __len__(self):
        return <Py_ssize_t>self.items.size()

    def __eq__(self, other):
        if not isinstance(other, (Changes, PlainChanges)):
            return NotImplemented
        return (self.prices, self.sizes, self.previous) == (other.prices, other.sizes, other.previous)

    def __hash__(self):
        raise TypeError("changes are lists")

    def __repr__(self):
        return f"Changes(prices={self.prices}, sizes={self.sizes}, previous={self.previous})"

    def __reduce__(self):
        return PlainChanges, (self.prices, self.sizes, self.previous)


cdef class Levels:
    """One side of a book; see `deltawire.model.events.Levels`. The columns are made when they are asked for."""

    cdef vector[Level] items
    __dataclass_fields__ = _LevelsFields.__dataclass_fields__

    @property
    def prices(self):
        """Ticks, best first."""
        cdef size_t i
        return [self.items[i].price for i in range(self.items.size())]

    @property
    def sizes(self):
        """Lots."""
        cdef size_t i
        return [self.items[i].size for i in range(self.items.size())]

    def __eq__(self, other):
        if not isinstance(other, (Levels, PlainLevels)):
            return NotImplemented
        return (self.prices, self.sizes) == (other.prices, other.sizes)

    def __hash__(self):
        raise TypeError("levels are lists")

    def __repr__(self):
        return f"Levels(prices={self.prices}, sizes={self.sizes})"

    def __reduce__(self):
        return PlainLevels, (self.prices, self.sizes)


@dataclass
class _BeyondFields:
    """As what msgspec sees `BeyondChanges`."""

    bids: object
    asks: object


@cython.no_gc
@cython.freelist(8)
cdef class Beyond:
    """Changes outside a book's known range; see `deltawire.model.events.BeyondChanges`."""

    cdef readonly Changes bids
    cdef readonly Changes asks
    __dataclass_fields__ = _BeyondFields.__dataclass_fields__

    def __eq__(self, other):
        if not isinstance(other, (Beyond, BeyondChanges)):
            return NotImplemented
        return self.bids == other.bids and self.asks == other.asks

    def __hash__(self):
        raise TypeError("changes are lists")

    def __repr__(self):
        return f"BeyondChanges(bids={self.bids}, asks={self.asks})"

    def __reduce__(self):
        return BeyondChanges, (self.bids, self.asks)


cdef Changes UNCHANGED = Changes.__new__(Changes)
cdef object ZERO = 0
cdef object ONE = 1


cdef inline Changes wrap_changes(vector[Change]& items):
    """These as a value; the vector is empty then."""
    if items.empty():
        return UNCHANGED
    cdef Changes found = Changes.__new__(Changes)
    found.items.swap(items)
    return found


cdef inline Changes copy_changes(const vector[Change]& items):
    """These as a value; the vector keeps its memory."""
    if items.empty():
        return UNCHANGED
    cdef Changes found = Changes.__new__(Changes)
    found.items = items
    return found


cdef Changes own_changes(object changes):
    """Changes as ours, whoever made them."""
    if isinstance(changes, Changes):
        return <Changes>changes
    return Changes(changes.prices, changes.sizes, changes.previous)


cdef Levels own_levels(object levels):
    if isinstance(levels, Levels):
        return <Levels>levels
    cdef Levels found = Levels.__new__(Levels)
    cdef Level level
    for level.price, level.size in zip(levels.prices, levels.sizes, strict=True):
        found.items.push_back(level)
    return found


cdef class Side:
    """One side of a book, bids or asks; see `deltawire.book.pure.Side`."""

    cdef CSide* side
    cdef bint _bid
    cdef Places places

    def __cinit__(self, *, bint bid):
        self.side = new CSide(bid)
        self._bid = bid
        self.places = Places(0, 0)

    def __dealloc__(self):
        del self.side

    @property
    def version(self):
        """Counts changes: the same number of the same side means the same levels."""
        return self.side.version()

    def load(self, prices, sizes):
        """Replace every level; of a price that comes twice the last size counts, zero means no level."""
        cdef vector[int64_t] price_column = prices
        cdef vector[int64_t] size_column = sizes
        if price_column.size() != size_column.size():
            raise ValueError("columns are not equally long")
        self.side.load(price_column.data(), size_column.data(), price_column.size())

    def read(self, str form, bytes raw, int price_exponent, int size_exponent):
        """Replace every level by those of a level array; False, and nothing done, when its reader must judge it."""
        cdef Columns columns
        cdef Places places = Places(places_of(price_exponent), places_of(size_exponent))
        if not read_whole(form, raw, places, columns):
            return False
        load_columns(self.side[0], columns)
        self.places = places
        return True

    def become(self, levels):
        """Replace every level by these."""
        cdef Levels own = own_levels(levels)
        cdef vector[int64_t] prices, sizes
        cdef size_t i
        for i in range(own.items.size()):
            prices.push_back(own.items[i].price)
            sizes.push_back(own.items[i].size)
        self.side.load(prices.data(), sizes.data(), prices.size())

    def apply(self, prices, sizes):
        """Set sizes in order (0 removes) and return what really changed, with the sizes before."""
        cdef vector[Change] changes
        cdef vector[int64_t] price_column = prices
        cdef vector[int64_t] size_column = sizes
        if price_column.size() != size_column.size():
            raise ValueError("columns are not equally long")
        cdef size_t i
        cdef int64_t before
        self.side.reserve(price_column.size())
        for i in range(price_column.size()):
            before = self.side.set(price_column[i], size_column[i])
            if before != size_column[i]:
                changes.push_back(Change(price_column[i], size_column[i], before))
        self.side.settle()
        if not changes.empty():
            self.side.touch()
        return wrap_changes(changes)

    def follow(self, changes):
        """Do changes that have been verified elsewhere; returns whether the best level is another now."""
        cdef Changes own = own_changes(changes)
        cdef size_t i
        if own.items.empty():
            return False
        cdef bint none = self.side.empty()
        cdef int64_t best = 0 if none else self.side.best()
        cdef int64_t size = 0 if none else self.side.size_at(best)
        self.side.reserve(own.items.size())
        for i in range(own.items.size()):
            self.side.set(own.items[i].price, own.items[i].size)
        self.side.settle()
        self.side.touch()
        if none or self.side.empty():
            return none != self.side.empty()
        return best != self.side.best() or size != self.side.size_at(best)

    def revert(self, changes):
        """Undo what `apply` returned; nothing may have happened in between."""
        cdef Changes own = own_changes(changes)
        if not own.items.empty():
            self.side.revert(own.items.data(), own.items.size())

    def diff(self, levels):
        """What turns this side into these levels, best first, without touching it."""
        cdef Levels wanted = own_levels(levels)
        cdef vector[Level] known
        cdef vector[Change] changes
        self.side.levels(self.side.count(), known)
        changes_between(self._bid, known, wanted.items, changes)
        return wrap_changes(changes)

    def truncate(self, size_t depth):
        """Drop all levels beyond the best `depth`."""
        cdef vector[Change] dropped
        self.side.truncate(depth, dropped)
        return wrap_changes(dropped)

    def copy(self):
        """A side of its own with the same levels."""
        cdef Side twin = Side(bid=self._bid)
        cdef vector[Level] levels
        cdef size_t i
        self.side.levels(self.side.count(), levels)
        twin.side.reserve(levels.size())
        for i in range(levels.size()):
            twin.side.set(levels[i].price, levels[i].size)
        twin.side.settle()
        return twin

    def rescale(self, int64_t price_factor, int64_t size_factor):
        """Express the same levels in finer ticks and lots; `OverflowError` when one does not fit 64 bits."""
        self.side.rescale(price_factor, size_factor)
        self.places.price += len(str(price_factor)) - 1
        self.places.size += len(str(size_factor)) - 1

    def best(self):
        """The best price in ticks, or None when the side is empty."""
        return None if self.side.empty() else self.side.best()

    def size(self, int64_t price):
        """The size at a price in lots; 0 where there is no level."""
        return self.side.size_at(price)

    def top(self, size_t count):
        """The best `count` prices, best first; fewer when the side has fewer."""
        cdef vector[int64_t] prices
        self.side.top(count, prices)
        return prices

    def digits(self, size_t count):
        """Ticks and lots of the best `count` levels, one after the other, as text."""
        cdef vector[Level] levels
        self.side.levels(count, levels)
        return digits_of(levels, count)

    def levels(self, depth=None):
        """The side as columns, best first; at most `depth` levels when given."""
        cdef Levels found = Levels.__new__(Levels)
        self.side.levels(self.side.count() if depth is None else <size_t>depth, found.items)
        return found

    def note(self, prices, texts, exponents):
        """Keep how the venue wrote these levels; texts of levels that are not there are not kept."""
        cdef Note note
        cdef int64_t price
        self.places = Places(places_of(exponents[0]), places_of(exponents[1]))
        self.side.take_notes()
        for price, (price_text, size_text) in zip(prices, texts, strict=True):
            note.price_zeros, note.price_places = describe(price_text)
            note.size_zeros, note.size_places = describe(size_text)
            self.side.note(price, note)

    def text(self, int64_t price):
        """A level as the venue last wrote it: `price:size`."""
        cdef char text[512]
        cdef char* at = text
        if not self.side.noted() or not self.side.size_at(price):
            raise KeyError(price)
        cdef Note note = self.side.note_at(price)
        at = write_noted(at, price, self.places.price, note.price_zeros, note.price_places)
        at[0] = c":"
        at = write_noted(at + 1, self.side.size_at(price), self.places.size, note.size_zeros, note.size_places)
        return text[: at - text].decode("ascii")

    def __len__(self):
        return <Py_ssize_t>self.side.count()

    def __eq__(self, other):
        if not isinstance(other, Side):
            return NotImplemented
        return self.side.same_levels((<Side>other).side[0])

    def __hash__(self):
        raise TypeError("a side changes")


cdef tuple describe(str text):
    """Superfluous zeros in front, and digits behind the point, of a plain decimal text."""
    cdef str whole, fraction
    whole, _, fraction = text.partition(".")
    return len(whole) - max(1, len(whole.lstrip("0"))), len(fraction)


cdef class Pending:
    """Changes to one side since it was last published; see `deltawire.book.pure.Pending`."""

    cdef CPending pending

    def add(self, changes):
        """Note changes that have just been applied to the side."""
        cdef Changes own = own_changes(changes)
        self.pending.add(own.items.data(), own.items.size())

    def follow(self, Pending later):
        """Note what was noted after this, elsewhere."""
        self.pending.follow(later.pending)

    def size(self, Side side, int64_t price):
        """The size at a price as it was last published."""
        cdef const Level* known = self.pending.at(price)
        return side.side.size_at(price) if known == NULL else known.size

    def before(self):
        """Every price touched, with its size back then."""
        cdef const vector[Level]* before = &self.pending.before()
        cdef size_t i
        return {before[0][i].price: before[0][i].size for i in range(before[0].size())}

    def take(self, Side side):
        """One set of changes from the published side to the side as it is, which counts as published now."""
        cdef vector[Change] changes
        self.pending.take(side.side[0], changes)
        return wrap_changes(changes)

    def rescale(self, int64_t price_factor, int64_t size_factor):
        """Express the same changes in finer ticks and lots, as the side is now."""
        self.pending.rescale(price_factor, size_factor)

    def published(self, Side side, depth=None):
        """The side as it was last published."""
        if self.pending.empty():
            return side.levels(depth)
        cdef Side restored = side.copy()
        cdef const vector[Level]* before = &self.pending.before()
        cdef size_t i
        restored.side.reserve(before[0].size())
        for i in range(before[0].size()):
            restored.side.set(before[0][i].price, before[0][i].size)
        restored.side.settle()
        return restored.levels(depth)

    def __bool__(self):
        return not self.pending.empty()


cdef class Top:
    """The best levels of a side as they were last published; see `deltawire.book.pure.Top`."""

    cdef CTop* top

    def __cinit__(self, size_t depth):
        self.top = new CTop(depth)

    def __dealloc__(self):
        del self.top

    def add(self, changes):
        """The side has changed, perhaps among its best."""
        self.top.add(bool(changes))

    def take(self, Side side):
        """One set of changes from the best levels published to those of now, which count as published now."""
        cdef vector[Change] changes
        self.top.take(side.side[0], changes)
        return wrap_changes(changes)

    def rescale(self, int64_t price_factor, int64_t size_factor):
        """Express the same levels in finer ticks and lots."""
        self.top.rescale(price_factor, size_factor)

    def published(self, side, depth=None):
        """The levels last published, best first."""
        cdef Levels found = Levels.__new__(Levels)
        cdef const vector[Level]* known = &self.top.published()
        cdef size_t count = known[0].size()
        if depth is not None and <size_t>depth < count:
            count = depth
        found.items.assign(known[0].begin(), known[0].begin() + count)
        return found

    def size(self, side, int64_t price):
        """The size at a price as it was last published."""
        return self.top.size_at(price)

    def __bool__(self):
        return self.top.touched()


def join_changes(one, other):
    """Changes of one side that touch different prices, together."""
    cdef Changes first = own_changes(one)
    cdef Changes second = own_changes(other)
    cdef Changes found = Changes.__new__(Changes)
    found.items.reserve(first.items.size() + second.items.size())
    found.items.insert(found.items.end(), first.items.begin(), first.items.end())
    found.items.insert(found.items.end(), second.items.begin(), second.items.end())
    return found


def level_digits(levels, size_t count):
    """Ticks and lots of the best `count` levels, one after the other, as text."""
    return digits_of(own_levels(levels).items, count)


cdef bytes digits_of(const vector[Level]& levels, size_t count):
    cdef size_t i
    buffer.clear()
    for i in range(min(count, levels.size())):
        buffer.add_integer(levels[i].price)
        buffer.add_integer(levels[i].size)
    return PyBytes_FromStringAndSize(buffer.data(), buffer.size())


def read_columns(str form, bytes raw, int price_exponent, int size_exponent):
    """A level array as (prices, sizes, actions), or None when it is not of the plain shape of this form."""
    cdef Columns columns
    if not read_whole(form, raw, Places(places_of(price_exponent), places_of(size_exponent)), columns):
        return None
    cdef size_t i
    actions = [ACTIONS[<int>columns.actions[i]] for i in range(columns.actions.size())] if columns.actions.size() else None
    return columns.prices, columns.sizes, actions


def read_places(str form, bytes raw not None):
    """How many digits a level array shows behind the point, at most: of prices and of sizes; else None. See the twin."""
    cdef Columns columns
    cdef Places found
    cdef const char* start = PyBytes_AS_STRING(raw)
    if not find_places(<Form><int>FORMS[form], start, start + PyBytes_GET_SIZE(raw), columns, found):
        return None
    return found.price, found.size


cdef Edge edge_of(object price):
    return Edge(False, 0) if price is None else Edge(True, price)


cdef object price_of(Edge edge):
    return edge.price if edge.fixed else None


cdef class Track:
    """One book on the fast path; see `deltawire.book.pure.Track`."""

    cdef CTrack* track
    cdef Side bids
    cdef Side asks
    cdef object instrument
    cdef readonly object known

    def __cinit__(self, str symbol):
        self.known = WHOLE
        self.track = new CTrack()
        self.track.owner = <void*>self
        self.track.symbol = symbol.encode()

    def __dealloc__(self):
        del self.track

    @property
    def symbol(self):
        """The venue's name of the instrument."""
        return self.track.symbol.decode()

    @property
    def sequence(self):
        """Our own number of the book as it stands."""
        return self.track.sequence

    @property
    def last(self):
        """The venue's number of the book as it stands."""
        return self.track.last

    @property
    def enabled(self):
        """Whether messages may take the fast path."""
        return self.track.armed

    def enable(self, str label, instrument, Side bids, Side asks, size_t depth, int64_t sequence, int64_t last,
            bint bridged, known=WHOLE):
        """The book is live and stands as given: messages may take the fast path from here."""
        self.bids, self.asks, self.instrument, self.known = bids, asks, instrument, known
        self.track.bid_edge, self.track.ask_edge = edge_of(known.bids), edge_of(known.asks)
        self.track.bids, self.track.asks = bids.side, asks.side
        self.track.label = label.encode()
        self.track.places = Places(places_of(instrument.price_exponent), places_of(instrument.size_exponent))
        self.track.depth, self.track.sequence, self.track.last = depth, sequence, last
        self.track.bridged = bridged
        self.track.texts.forget()
        self.track.armed = True

    cdef object stepped(self, Step* step, now):
        """What a message has done to the book, None if nothing."""
        cdef Beyond beyond = None
        if not (step.far_bids.empty() and step.far_asks.empty()):
            beyond = Beyond.__new__(Beyond)
            beyond.bids, beyond.asks = copy_changes(step.far_bids), copy_changes(step.far_asks)
        cdef bint covers = not (step.bids.empty() and step.asks.empty())
        if not covers and beyond is None:
            return None
        bids, asks = wrap_changes(step.bids), wrap_changes(step.asks)
        if self.known is whole:
            return make_delta(self.instrument, self.track.sequence, bids, asks, step.venue_ns, now, self.track.last)
        if step.range_moved:
            self.known = KnownRange(price_of(self.track.bid_edge), price_of(self.track.ask_edge))
        return make_delta(self.instrument, self.track.sequence, bids, asks, step.venue_ns, now, self.track.last,
                          ONE if covers else ZERO, self.known, beyond)

    def stop(self):
        """No message takes the fast path until `enable`."""
        self.track.armed = False

    def counted(self):
        """Deltas and right checksums since this was last asked."""
        found = self.track.deltas, self.track.checksums_ok
        self.track.deltas = self.track.checksums_ok = 0
        return found


cdef class Image:
    """A book image that has been read and found right; see `deltawire.book.pure.Image`."""

    cdef readonly str symbol
    cdef readonly str label
    cdef readonly Side bids
    cdef readonly Side asks
    cdef readonly Levels bid_levels
    cdef readonly Levels ask_levels
    cdef readonly int64_t last
    cdef readonly int64_t venue_ns
    cdef readonly bint proved


cdef uint32_t add_object(Layout& layout, members) except *:
    """Add an object with all that is in it; see `deltawire.book.pure.Declared`."""
    cdef uint32_t number = layout.add_object()
    cdef Member member
    for key, role, before, quoted, required, children in members:
        member.key = key.encode()
        member.role = <Role><int>ROLES[role]
        member.before, member.quoted = before.encode(), quoted
        member.required = required
        member.child = add_object(layout, children) if children else 0
        layout.add_member(number, member)
    return number


cdef class Router:
    """The fast path of one connection's book messages; see `deltawire.book.pure.Router`."""

    cdef CRouter* router
    cdef Step step
    cdef dict tracks
    cdef readonly Track recent
    cdef readonly uint64_t taken
    cdef readonly uint64_t imaged
    cdef public object heard_ns, took
    cdef object otherwise, expect, opened

    def __cinit__(self, str form, str rule, str proof, updates, images, *, otherwise, expect, opened):
        self.otherwise, self.expect, self.opened = otherwise, expect, opened
        self.router = new CRouter(<Form><int>FORMS[form], <Rule><int>RULES[rule], <Proof><int>PROOFS[proof])
        self.tracks = {}
        for members in updates:
            add_object(self.router.add_update(), members)
        for members in images:
            add_object(self.router.add_image(), members)

    def __dealloc__(self):
        del self.router

    def track(self, str symbol):
        """The track of a book, made when it is first asked for."""
        cdef Track track = self.tracks.get(symbol)
        if track is None:
            track = self.tracks[symbol] = Track(symbol)
            self.router.add(track.track)
        return track

    def received(self, bytes frame not None, now):
        """What a frame gives, whichever way it goes."""
        self.heard_ns = now
        if self.router.take(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), self.step):
            return self.taken_fast(now)
        cdef Image image = self.image(frame)
        return self.otherwise(frame, now) if image is None else self.opened(image, now)

    cdef object taken_fast(self, now):
        cdef Track track = <Track>self.step.track.owner
        self.recent = track
        self.taken += 1
        delta = track.stepped(&self.step, now)
        cdef list events = [] if delta is None else [delta]
        return events if self.took is None else self.took(events, now)

    cdef Image image(self, bytes frame):
        """The book image in a frame, or None when it must go the slower way. Nothing has happened to any book."""
        if not self.router.begin_image(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame)):
            return None
        cdef const Fields* fields = &self.router.image_fields()
        cdef Image image = Image.__new__(Image)
        try:
            image.symbol = fields.symbol.data()[: fields.symbol.size()].decode()
            image.label = fields.label.data()[: fields.label.size()].decode()
        except UnicodeDecodeError:
            return None
        expected = self.expect(image.symbol, image.label)
        if expected is None:
            return None
        instrument, depth = expected
        cdef Places places = Places(places_of(instrument.price_exponent), places_of(instrument.size_exponent))
        cdef Side bids = Side(bid=True)
        cdef Side asks = Side(bid=False)
        cdef boolean proved = False
        if not self.router.read_image(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), places, instrument.stated, depth, bids.side[0], asks.side[0], proved):
            return None
        bids.places = asks.places = places
        image.bids, image.asks = bids, asks
        image.bid_levels, image.ask_levels = Levels.__new__(Levels), Levels.__new__(Levels)
        self.router.image_levels(bids.side[0], asks.side[0], image.bid_levels.items, image.ask_levels.items)
        image.last, image.venue_ns, image.proved = fields.last, fields.venue_ns, proved
        self.imaged += 1
        return image


encode = msgspec.json.encode
fields_of = msgspec.structs.astuple


cdef inline Text text_of(bytes text) noexcept:
    return Text(PyBytes_AS_STRING(text), <size_t>PyBytes_GET_SIZE(text))


cdef inline void add_text(bytes text) except *:
    buffer.add(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef class BookFormat:
    """One channel's book notifications as JSON; see `deltawire.wire.notifications.BookFormat`."""

    cdef bytes head, named
    cdef object name, instrument, plain
    cdef Places places

    def __init__(self, bytes head, plain):
        self.head, self.plain = head, plain
        self.name = self.instrument = None

    def format(self, int64_t seq, prev_seq, note, bytes more=b""):
        """One notification, an image where `prev_seq` is None; numbers that are too long to be written here are left to the plain format."""
        kind, at_ns, name, instrument, change_id, found_bids, found_asks, before, status, checksum, exponents, known = fields_of(note)
        cdef Changes bids = own_changes(found_bids)
        cdef Changes asks = own_changes(found_asks)
        if instrument is not self.instrument:
            self.places = Places(places_of(instrument.price_exponent), places_of(instrument.size_exponent))
            self.instrument = instrument
        if name is not self.name:
            self.named = b',"instrument_name":' + encode(name) + b',"change_id":'
            self.name = name
        cdef Opening opening
        opening.head, opening.more, opening.named = text_of(self.head), text_of(more), text_of(self.named)
        opening.seq, opening.chained = seq, prev_seq is not None
        opening.prev_seq = prev_seq if opening.chained else 0
        opening.at_ms, opening.change_id = <int64_t>at_ns // 1_000_000, change_id
        opening.change = kind == "change"
        buffer.clear()
        write_opening(buffer, opening)
        buffer.add(b',"bids":', 8)
        if not write_changes(buffer, bids.items.data(), bids.items.size(), self.places):
            return self.plain.format(seq, prev_seq, note, more)
        buffer.add(b',"asks":', 8)
        if not write_changes(buffer, asks.items.data(), asks.items.size(), self.places):
            return self.plain.format(seq, prev_seq, note, more)
        if before is not None:
            buffer.add(b',"prev_change_id":', 18)
            buffer.add_integer(before)
        if status is not None:
            add_text(b',"status":' + encode(status))
        if checksum is not None:
            add_text(b',"checksum":')
            buffer.add_integer(checksum)
        if exponents:
            add_text(b',"price_exponent":%d,"size_exponent":%d' % (instrument.price_exponent, instrument.size_exponent))
        if known is not None:
            add_text(b"," + encode(known.members(instrument.price_exponent))[1:-1])
        buffer.add(b"}}}", 3)
        return PyBytes_FromStringAndSize(buffer.data(), buffer.size())
