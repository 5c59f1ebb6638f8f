// One side of a book: sizes by price in an open hash table, and a window on which prices near the best are taken.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "window.hpp"

namespace deltawire {

struct Level {
    int64_t price, size;
};

struct Change {
    int64_t price, size, previous;
};

/// How a venue wrote a level's numbers, where a checksum is made of its texts: digits behind the point and
/// superfluous zeros in front, of the price and of the size.
struct Note {
    uint8_t price_places = 0, price_zeros = 0, size_places = 0, size_zeros = 0;
};

/// Whether one price comes before another on a side.
inline bool better(bool bid, int64_t one, int64_t other) { return bid ? one > other : one < other; }

inline int64_t times(int64_t value, int64_t factor) {
    int64_t product;
    if (__builtin_mul_overflow(value, factor, &product))
        throw std::overflow_error("ticks or lots beyond 64 bits");
    return product;
}

/// Prices in ticks, sizes in lots, never a size of zero. A slot whose size is zero is free.
class Side {
  public:
    explicit Side(bool bid) : bid_(bid) { clear(); }

    bool bid() const { return bid_; }
    size_t count() const { return count_; }
    uint64_t version() const { return version_; }

    /// Removes all levels, and makes room for so many.
    void clear(size_t count = 0) {
        slots_.assign(std::bit_ceil(std::max(FEWEST_SLOTS, 2 * count)), Level{0, 0});
        notes_.clear();
        shift_ = 64 - std::countr_zero(slots_.size());
        count_ = 0;
        looked_ = 0;
        ++version_;
    }

    /// Keep notes from now on.
    void take_notes() {
        if (notes_.empty())
            notes_.assign(slots_.size(), Note{});
    }

    bool noted() const { return !notes_.empty(); }

    int64_t size_at(int64_t price) const { return slots_[find(price)].size; }

    Note note_at(int64_t price) const { return notes_[find(price)]; }

    /// A level's size and, where there are any, its note.
    int64_t look(int64_t price, Note &note) const {
        const size_t slot = find(price);
        note = noted() ? notes_[slot] : Note{};
        return slots_[slot].size;
    }

    void note(int64_t price, Note note) {
        const size_t slot = find(price);
        if (slots_[slot].size)
            notes_[slot] = note;
    }

    /// Room for so many levels more, so that `set` may be called as often.
    void reserve(size_t more) {
        size_t slots = slots_.size();
        while ((count_ + more) * 2 > slots)
            slots *= 2;
        if (slots != slots_.size())
            rehash(slots);
    }

    /// Soon a size will be set here.
    void expect(int64_t price) const {
        const size_t slot = home(price);
        __builtin_prefetch(&slots_[slot]);
        if (noted())
            __builtin_prefetch(&notes_[slot]);
    }

    /// Sets the size at a price (0 removes); returns the size before. `settle` must follow.
    int64_t set(int64_t price, int64_t size) { return set_slot(find(price), price, size); }

    /// The same, with how the level was written; a side that came empty has kept no notes so far.
    int64_t set(int64_t price, int64_t size, Note note) {
        take_notes();
        const size_t slot = find(price);
        const int64_t before = set_slot(slot, price, size);
        if (size)
            notes_[slot] = note;
        return before;
    }

  private:
    int64_t set_slot(size_t slot, int64_t price, int64_t size) {
        const int64_t before = slots_[slot].size;
        if (size == before)
            return before;
        if (size) {
            slots_[slot] = Level{price, size};
            if (!before) {
                if (noted())
                    notes_[slot] = Note{};
                if (!count_++)
                    window_.restart(key_of(price), Grain{});
                window_.add(key_of(price));
            }
        } else {
            free(slot);
            --count_;
            window_.remove(key_of(price));
        }
        return before;
    }

  public:
    /// The window is made fit again after any number of `set`.
    void settle() {
        if (window_.count() < count_ && (window_.low() || count_ / 2 > looked_))
            lay_again();
    }

    /// Something has changed.
    void touch() { ++version_; }

    /// Undoes changes; nothing may have happened in between.
    void revert(const Change *changes, size_t count) {
        reserve(count);
        while (count-- > 0)
            set(changes[count].price, changes[count].previous);
        settle();
        touch();
    }

    bool empty() const { return !count_; }
    int64_t best() const { return price_of(window_.best()); }

    /// The best `most` prices, best first.
    void top(size_t most, std::vector<int64_t> &found) const {
        found.clear();
        most = std::min(most, count_);
        found.reserve(most);
        if (most <= window_.count()) {
            window_.each_best(most, [&](int64_t key) { found.push_back(price_of(key)); });
            return;
        }
        std::vector<int64_t> keys = all_keys();
        keep_best(keys, most);
        for (size_t i = 0; i < most; ++i)
            found.push_back(price_of(keys[most - 1 - i]));
    }

    void levels(size_t most, std::vector<Level> &found) const {
        std::vector<int64_t> prices;
        top(most, prices);
        found.clear();
        found.reserve(prices.size());
        for (const int64_t price : prices)
            found.push_back(Level{price, size_at(price)});
    }

    /// Replaces every level; of a price that comes twice the last size counts. `notes`: how each was written.
    void load(const int64_t *prices, const int64_t *sizes, size_t count, const Note *notes = nullptr) {
        const bool keep = noted() || notes;
        clear(count);
        if (keep)
            take_notes();
        if (in_order(prices, sizes, count)) {
            load_in_order(prices, sizes, count, notes);
            return;
        }
        for (size_t i = 0; i < count; ++i)
            notes ? set(prices[i], sizes[i], notes[i]) : set(prices[i], sizes[i]);
        settle();
    }

    /// Whether columns are levels as a side would list them: best first, each price once, no size of zero.
    bool in_order(const int64_t *prices, const int64_t *sizes, size_t count) const {
        for (size_t i = 0; i < count; ++i)
            if (!sizes[i] || (i && key_of(prices[i - 1]) <= key_of(prices[i])))
                return false;
        return true;
    }

    /// Drops all levels beyond the best `depth`; appends what it dropped, nearest first.
    void truncate(size_t depth, std::vector<Change> &dropped) {
        if (count_ <= depth)
            return;
        top(count_, ranked_);
        for (size_t i = depth; i < ranked_.size(); ++i)
            dropped.push_back(Change{ranked_[i], 0, set(ranked_[i], 0)});
        settle();
        touch();
    }

    /// The same levels in finer ticks and lots; changes nothing when one would not fit 64 bits.
    void rescale(int64_t price_factor, int64_t size_factor) {
        std::vector<int64_t> prices, sizes;
        std::vector<Note> notes;
        for (size_t i = 0; i < slots_.size(); ++i) {
            if (!slots_[i].size)
                continue;
            prices.push_back(times(slots_[i].price, price_factor));
            sizes.push_back(times(slots_[i].size, size_factor));
            if (noted())
                notes.push_back(notes_[i]);
        }
        load(prices.data(), sizes.data(), prices.size(), noted() ? notes.data() : nullptr);
    }

    bool same_levels(const Side &other) const {
        if (bid_ != other.bid_ || count_ != other.count_)
            return false;
        return std::all_of(slots_.begin(), slots_.end(), [&](const Level &level) {
            return !level.size || other.size_at(level.price) == level.size;
        });
    }

    const std::vector<Level> &slots() const { return slots_; }

  private:
    static constexpr size_t FEWEST_SLOTS = 16;

    /// Bigger is better, and -1 - x never overflows.
    int64_t key_of(int64_t price) const { return bid_ ? price : ~price; }
    int64_t price_of(int64_t key) const { return bid_ ? key : ~key; }

    size_t home(int64_t price) const {
        return static_cast<size_t>((static_cast<uint64_t>(price) * 0x9E3779B97F4A7C15u) >> shift_);
    }

    /// Where a price is, or the free slot where it would be.
    size_t find(int64_t price) const {
        const size_t mask = slots_.size() - 1;
        size_t slot = home(price);
        while (slots_[slot].size && slots_[slot].price != price)
            slot = (slot + 1) & mask;
        return slot;
    }

    /// Frees a slot and moves up what had to step aside because of it.
    void free(size_t slot) {
        const size_t mask = slots_.size() - 1;
        for (size_t next = (slot + 1) & mask; slots_[next].size; next = (next + 1) & mask) {
            const size_t wanted = home(slots_[next].price);
            if (((next - wanted) & mask) < ((next - slot) & mask))
                continue;
            slots_[slot] = slots_[next];
            if (noted())
                notes_[slot] = notes_[next];
            slot = next;
        }
        slots_[slot].size = 0;
    }

    void rehash(size_t slots) {
        std::vector<Level> old(slots, Level{0, 0});
        std::vector<Note> old_notes(noted() ? slots : 0);
        old.swap(slots_);
        old_notes.swap(notes_);
        shift_ = 64 - std::countr_zero(slots);
        for (size_t i = 0; i < old.size(); ++i) {
            if (!old[i].size)
                continue;
            const size_t slot = find(old[i].price);
            slots_[slot] = old[i];
            if (noted())
                notes_[slot] = old_notes[i];
        }
    }

    std::vector<int64_t> all_keys() const {
        std::vector<int64_t> keys(count_ + 1); // one more: written even when a slot is free, without a branch
        size_t count = 0;
        for (const Level &level : slots_) {
            keys[count] = key_of(level.price);
            count += level.size != 0;
        }
        keys.resize(count_);
        return keys;
    }

    /// Keeps the biggest `most` keys, sorted.
    static void keep_best(std::vector<int64_t> &keys, size_t most) {
        if (most < keys.size()) {
            const auto first = keys.end() - static_cast<std::ptrdiff_t>(most);
            std::nth_element(keys.begin(), first, keys.end());
            keys.erase(keys.begin(), first);
        }
        std::sort(keys.begin(), keys.end());
    }

    void load_in_order(const int64_t *prices, const int64_t *sizes, size_t count, const Note *notes) {
        for (size_t i = 0; i < count; ++i) {
            const size_t slot = find(prices[i]);
            slots_[slot] = Level{prices[i], sizes[i]};
            if (notes)
                notes_[slot] = notes[i];
        }
        count_ = count;
        std::vector<int64_t> keys(count);
        for (size_t i = 0; i < count; ++i)
            keys[i] = key_of(prices[i]);
        lay_window(keys);
    }

    /// Moves the window to the best price, from wherever it was; its grain is that of the levels as they are now.
    void lay_again() {
        lay_window(all_keys());
    }

    void lay_window(const std::vector<int64_t> &keys) {
        looked_ = count_;
        if (keys.empty())
            return;
        const int64_t best = *std::max_element(keys.begin(), keys.end());
        Grain grain;
        grain.reset();
        for (const int64_t key : keys)
            grain.add(static_cast<uint64_t>(best) - static_cast<uint64_t>(key));
        window_.restart(best, grain);
        for (const int64_t key : keys)
            window_.add(key);
    }

    bool bid_;
    std::vector<Level> slots_;
    std::vector<Note> notes_;
    int shift_ = 0;
    size_t count_ = 0;
    uint64_t version_ = 0;
    Window window_; // holds every key from its base on
    size_t looked_ = 0; // how many levels there were when the window was last laid
    std::vector<int64_t> ranked_; // by `truncate`, kept for the next time
};

} // namespace deltawire
