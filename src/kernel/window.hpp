// Which prices near the best are taken, a bit each: finding the best, and the best after it, needs no search.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace deltawire {

/// What all differences of a book's prices are multiples of: ticks as the market has them, of the ticks we count in.
/// Exact division is a product (Granlund and Montgomery, "Division by Invariant Integers", 1994, section 9).
class Grain {
  public:
    /// Takes another difference into account.
    void add(uint64_t difference) {
        if (!divides(difference))
            become(std::gcd(size_, difference));
    }

    /// Forgets all differences.
    void reset() { become(0); }

    bool divides(uint64_t difference) const { return size_ ? steps(difference) <= most_ : !difference; }

    /// A multiple, divided; of what is none a number larger than that of any multiple.
    uint64_t steps(uint64_t difference) const { return std::rotr(difference * inverse_, twos_); }

    /// No larger than that a window of it fits 64 bits.
    void limit() {
        if (size_ == 0 || size_ > LARGEST)
            become(1);
    }

    uint64_t size() const { return size_; }

  private:
    static constexpr uint64_t LARGEST = uint64_t{1} << 50;

    void become(uint64_t size) {
        size_ = size;
        if (!size)
            return;
        twos_ = std::countr_zero(size);
        const uint64_t odd = size >> twos_;
        inverse_ = odd; // right in three bits, then in six, …
        for (int bits = 3; bits < 64; bits *= 2)
            inverse_ *= 2 - odd * inverse_;
        most_ = UINT64_MAX / size;
    }

    uint64_t size_ = 1, inverse_ = 1, most_ = UINT64_MAX;
    int twos_ = 0;
};

/// A set of keys (bigger is better) that knows every key from its base on. Those below it drops, and never knew.
class Window {
  public:
    /// How many keys are held.
    size_t count() const { return count_; }

    /// The biggest key; there must be one.
    int64_t best() const { return key_of(top()); }

    /// Whether keys may be missing that should be held: the best has come so low, or there was an unusual one.
    bool low() const { return !count_ || top() < SPAN / 8; }

    /// Holds nothing, with room for keys below and above this one, at this grain.
    void restart(int64_t key, Grain grain) {
        grain_ = grain;
        grain_.limit();
        clear();
        lost_ = false;
        const uint64_t room = (static_cast<uint64_t>(key) - static_cast<uint64_t>(INT64_MIN)) / grain_.size();
        base_ = key;
        base_ = key_of(0 - (room < BELOW ? room : BELOW));
    }

    /// Adds a key that is not held; when it is too big, the window moves up to it. One below the base is let go.
    void add(int64_t key) {
        if (key < base_ || lost_)
            return;
        uint64_t index = index_of(key);
        if (index >= SPAN) {
            if (!grain_.divides(difference(key)))
                return lose();
            rise(key, index);
            index = index_of(key);
        }
        words_[index / BITS] |= uint64_t{1} << index % BITS;
        taken_ |= uint64_t{1} << index / BITS;
        ++count_;
    }

    /// Removes a key that is held, or lies below the base.
    void remove(int64_t key) {
        if (key < base_ || lost_)
            return;
        const uint64_t index = index_of(key);
        uint64_t &word = words_[index / BITS];
        word &= ~(uint64_t{1} << index % BITS);
        if (!word)
            taken_ &= ~(uint64_t{1} << index / BITS);
        --count_;
    }

    /// Calls `found` with the biggest keys, biggest first; as many must be held.
    template <class Found> void each_best(size_t most, Found found) const {
        uint64_t taken = taken_;
        while (most) {
            const size_t at = highest(taken);
            taken &= ~(uint64_t{1} << at);
            for (uint64_t word = words_[at]; word && most; --most) {
                const size_t bit = highest(word);
                word &= ~(uint64_t{1} << bit);
                found(key_of(at * BITS + bit));
            }
        }
    }

  private:
    static constexpr size_t BITS = 64, WORDS = 64, SPAN = WORDS * BITS;
    static constexpr uint64_t BELOW = SPAN / 8 * 7;

    static size_t highest(uint64_t word) { return BITS - 1 - static_cast<size_t>(std::countl_zero(word)); }

    uint64_t difference(int64_t key) const { return static_cast<uint64_t>(key) - static_cast<uint64_t>(base_); }
    uint64_t index_of(int64_t key) const { return grain_.steps(difference(key)); }
    int64_t key_of(uint64_t index) const {
        return static_cast<int64_t>(static_cast<uint64_t>(base_) + index * grain_.size());
    }

    size_t top() const {
        const size_t at = highest(taken_);
        return at * BITS + highest(words_[at]);
    }

    /// Moves up by whole words, until a key above the window has room above it.
    void rise(int64_t key, uint64_t index) {
        const uint64_t words = (index - BELOW) / BITS + 1;
        if (words >= WORDS)
            return restart(key, grain_);
        for (size_t i = 0; i < words; ++i)
            count_ -= static_cast<size_t>(std::popcount(words_[i]));
        for (size_t i = 0; i < WORDS; ++i)
            words_[i] = i + words < WORDS ? words_[i + words] : 0;
        taken_ >>= words;
        base_ = key_of(words * BITS);
    }

    /// A key of another grain: nothing is held from here on, and all is let go, until `restart`.
    void lose() {
        clear();
        lost_ = true;
    }

    void clear() {
        words_.fill(0);
        taken_ = 0;
        count_ = 0;
    }

    Grain grain_;
    std::array<uint64_t, WORDS> words_{};
    uint64_t taken_ = 0; // the words that are not zero
    size_t count_ = 0;
    int64_t base_ = 0;
    bool lost_ = true;
};

} // namespace deltawire
