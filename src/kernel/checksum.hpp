// The texts that venues make a CRC32 of.
#pragma once

#include "crc32.hpp"
#include "number.hpp"
#include "side.hpp"

namespace deltawire {

/// Copies digits: one word where that is enough, of which what is too much is written over later. Needs a word more
/// on either side.
inline char *copy_digits(char *at, const char *digits, size_t count) {
    std::memcpy(at, digits, WORD);
    if (count > WORD)
        std::memcpy(at + WORD, digits + WORD, count - WORD);
    return at + count;
}

/// Writes a decimal as a venue wrote it: `zeros` superfluous ones in front, `behind` digits behind the point.
/// The mantissa, which is not negative, stands at 10^-places. Needs 128 bytes.
inline char *write_noted(char *at, int64_t mantissa, int places, int zeros, int behind) {
    for (; zeros > 0; --zeros)
        *at++ = '0';
    char digits[64 + WORD];
    char *end = digits + 64;
    uint64_t value = magnitude(mantissa);
    int shown = behind;
    if (behind < places)
        value /= static_cast<uint64_t>(POWERS[places - behind]);
    else
        shown = places;
    char *start = write_backwards(end, value);
    while (end - start <= shown)
        *--start = '0';
    const auto whole = static_cast<size_t>(end - start - shown);
    at = copy_digits(at, start, whole);
    if (!behind)
        return at;
    *at++ = '.';
    at = copy_digits(at, start + whole, static_cast<size_t>(shown));
    for (; shown < behind; ++shown)
        *at++ = '0';
    return at;
}

/// How the levels of a checksum are written.
struct DigitsText { // Kraken v2: ticks and lots, nothing between
    static constexpr size_t LEVELS = 10;
    static char *write_price(char *at, int64_t price, Note, int) { return write_integer(at, price); }
    static char *write_size(char *at, int64_t size, Note, int) { return write_integer(at, size); }
};

struct NotedText { // OKX v5: price:size, as the venue wrote them
    static constexpr size_t LEVELS = 25;
    static char *write_price(char *at, int64_t price, Note note, int places) {
        at = write_noted(at, price, places, note.price_zeros, note.price_places);
        *at++ = ':';
        return at;
    }
    static char *write_size(char *at, int64_t size, Note note, int places) {
        return write_noted(at, size, places, note.size_zeros, note.size_places);
    }
};

/// A side, and where it is known what has been done to it since a version, the prices that were set.
struct Touched {
    const Side &side;
    uint64_t since = 0;
    const std::vector<int64_t> *prices = nullptr;
};

/// The texts of a side's best levels; those that have not changed are not written again.
template <class Text> class SideTexts {
  public:
    struct alignas(64) Line { // a usual text lies in the cache line where the rest is
        Level level;
        Note note;
        uint16_t size, price_size;
        char text[232];
    };

    SideTexts() {
        for (size_t i = 0; i < Text::LEVELS; ++i)
            spare_[i] = static_cast<uint8_t>(i);
    }

    /// Brings the texts up to the side, whose version tells whether there is anything to do; true when they changed.
    bool update(const Touched &touched, int price_places, int size_places) {
        const Side &side = touched.side;
        if (version_ == side.version())
            return false;
        const uint32_t doubted = version_ && version_ == touched.since ? doubt(side, *touched.prices) : ANYTHING;
        version_ = side.version();
        if (!(doubted & MOVED))
            return refresh(side, doubted, price_places, size_places); // nothing, if what was set lies behind them
        side.top(Text::LEVELS, now_);
        bool changed = now_.size() != count_;
        const std::array<uint8_t, Text::LEVELS> before = order_;
        const size_t known = count_;
        size_t old = 0, spare = Text::LEVELS - known, missed = 0;
        std::array<uint8_t, Text::LEVELS> missing;
        count_ = now_.size();
        for (size_t i = 0; i < count_; ++i) {
            const int64_t price = now_[i];
            while (old < known && better(side.bid(), prices_[old], price))
                spare_[spare++] = before[old++];
            if (old < known && prices_[old] == price) {
                order_[i] = before[old];
                if (doubted >> old & 1)
                    changed |= refresh(lines_[before[old]], side, price_places, size_places);
                ++old;
            } else {
                missing[missed++] = static_cast<uint8_t>(i);
            }
        }
        while (old < known)
            spare_[spare++] = before[old++];
        for (size_t i = 0; i < missed; ++i) {
            const uint8_t place = order_[missing[i]] = spare_[--spare];
            write(lines_[place], now_[missing[i]], side, price_places, size_places);
        }
        prices_.swap(now_);
        return changed || missed;
    }

    /// Soon there will be an update.
    void expect() const {
        for (const Line &line : lines_)
            __builtin_prefetch(&line);
    }

    size_t count() const { return count_; }
    const Line &operator[](size_t i) const { return lines_[order_[i]]; }

  private:
    static_assert(Text::LEVELS < 31);
    static constexpr uint32_t MOVED = uint32_t{1} << 31, ANYTHING = ~uint32_t{0};

    /// Which of the lines, by their place, these prices are among; most venues name the best first. `MOVED` as well
    /// when other prices are the best now.
    uint32_t doubt(const Side &side, const std::vector<int64_t> &prices) const {
        uint32_t found = 0;
        size_t at = 0;
        for (const int64_t price : prices) {
            if (at && !better(side.bid(), prices_[at - 1], price))
                at = 0;
            while (at < count_ && better(side.bid(), prices_[at], price))
                ++at;
            if (at == Text::LEVELS)
                continue;
            const bool among = at < count_ && prices_[at] == price, there = side.size_at(price) != 0;
            found |= (among ? uint32_t{1} << at : 0) | (among == there ? 0 : MOVED);
        }
        return found;
    }

    /// Writes what has changed of these lines, whose prices are the same; true when anything has.
    bool refresh(const Side &side, uint32_t doubted, int price_places, int size_places) {
        bool changed = false;
        for (; doubted; doubted &= doubted - 1)
            changed |= refresh(lines_[order_[std::countr_zero(doubted)]], side, price_places, size_places);
        return changed;
    }

    static void write(Line &line, int64_t price, const Side &side, int price_places, int size_places) {
        line.level = Level{price, side.look(price, line.note)};
        char *end = Text::write_price(line.text, price, line.note, price_places);
        line.price_size = static_cast<uint16_t>(end - line.text);
        end = Text::write_size(end, line.level.size, line.note, size_places);
        line.size = static_cast<uint16_t>(end - line.text);
    }

    /// Writes what has changed of a line whose price is the same; true when anything has.
    static bool refresh(Line &line, const Side &side, int price_places, int size_places) {
        Note note;
        const int64_t size = side.look(line.level.price, note);
        const bool same_price = note.price_places == line.note.price_places &&
                                note.price_zeros == line.note.price_zeros;
        if (!same_price) {
            write(line, line.level.price, side, price_places, size_places);
            return true;
        }
        if (size == line.level.size && std::memcmp(&line.note, &note, sizeof note) == 0)
            return false;
        line.level.size = size;
        line.note = note;
        char *end = Text::write_size(line.text + line.price_size, size, note, size_places);
        line.size = static_cast<uint16_t>(end - line.text);
        return true;
    }

    std::vector<int64_t> prices_, now_; // of the lines, best first, as they are and as they will be
    std::array<Line, Text::LEVELS> lines_;
    std::array<uint8_t, Text::LEVELS> order_{}, spare_;
    size_t count_ = 0;
    uint64_t version_ = 0; // a side's versions begin at 1
};

/// Copies a short text: whole words, of which what is too much is written over by the next. Needs 8 bytes more.
inline char *append(char *at, const char *text, size_t size) {
    for (size_t i = 0; i < size; i += 8)
        std::memcpy(at + i, text + i, 8);
    return at + size;
}

/// CRC32 of the best ten asks, then the best ten bids.
class KrakenChecksum {
  public:
    void expect() const {
        asks_.expect();
        bids_.expect();
    }

    uint32_t operator()(const Touched &bids, const Touched &asks, int price_places, int size_places) {
        const bool asks_changed = asks_.update(asks, price_places, size_places);
        if (asks_changed || !known_)
            asks_crc_ = crc(asks_, 0);
        if (bids_.update(bids, price_places, size_places) || asks_changed || !known_)
            crc_ = crc(bids_, asks_crc_);
        known_ = true;
        return crc_;
    }

  private:
    static uint32_t crc(const SideTexts<DigitsText> &side, uint32_t before) {
        char text[DigitsText::LEVELS * 40 + 8];
        char *at = text;
        for (size_t i = 0; i < side.count(); ++i)
            at = append(at, side[i].text, side[i].size);
        return Crc32::of(text, static_cast<size_t>(at - text), before);
    }

    SideTexts<DigitsText> bids_, asks_;
    uint32_t asks_crc_ = 0, crc_ = 0;
    bool known_ = false;
};

/// CRC32 of the best 25 bids and asks in turns, all joined by colons; the longer side goes on alone.
class OkxChecksum {
  public:
    void expect() const {
        bids_.expect();
        asks_.expect();
    }

    uint32_t operator()(const Touched &bids, const Touched &asks, int price_places, int size_places) {
        const bool bids_changed = bids_.update(bids, price_places, size_places);
        const bool asks_changed = asks_.update(asks, price_places, size_places);
        if (known_ && !bids_changed && !asks_changed)
            return crc_;
        known_ = true;
        char text[2 * NotedText::LEVELS * 257 + 8];
        char *at = text;
        const size_t most = std::max(bids_.count(), asks_.count());
        for (size_t i = 0; i < most; ++i) {
            for (const auto *side : {&bids_, &asks_}) {
                if (i >= side->count())
                    continue;
                at = append(at, (*side)[i].text, (*side)[i].size);
                *at++ = ':';
            }
        }
        return crc_ = Crc32::of(text, static_cast<size_t>(at - text - (at != text)));
    }

  private:
    SideTexts<NotedText> bids_, asks_;
    uint32_t crc_ = 0;
    bool known_ = false;
};

} // namespace deltawire
