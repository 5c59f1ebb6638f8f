// Levels as the dialect's JSON, byte for byte what msgspec makes of the same numbers.
#pragma once

#include <string>

#include "levels.hpp"

namespace deltawire {

/// Bytes that grow; everything is written straight into them.
class Buffer {
  public:
    Buffer() : bytes_(4096) {}

    void clear() { size_ = 0; }
    const char *data() const { return bytes_.data(); }
    size_t size() const { return size_; }

    /// Where so many bytes may be written; `wrote` must follow.
    char *room(size_t more) {
        if (size_ + more > bytes_.size())
            bytes_.resize(2 * (size_ + more));
        return bytes_.data() + size_;
    }

    void wrote(const char *end) { size_ = static_cast<size_t>(end - bytes_.data()); }

    void add(const char *text, size_t size) {
        if (!size)
            return;
        char *at = room(size);
        std::memcpy(at, text, size);
        size_ += size;
    }

    template <size_t N> void add(const char (&text)[N]) { add(text, N - 1); }

    void add_integer(int64_t value) { wrote(write_integer(room(20), value)); }

  private:
    std::vector<char> bytes_;
    size_t size_ = 0;
};

inline constexpr size_t ROW_BYTES = 128;

template <size_t N> inline char *put(char *at, const char (&text)[N]) {
    std::memcpy(at, text, N - 1);
    return at + (N - 1);
}

/// How a row begins, by its action.
struct Head {
    char text[12];
    uint32_t size;
};

inline constexpr Head HEADS[] = {{"[\"new\",", 7}, {"[\"change\",", 10}, {"[\"delete\",", 10}};

inline char *write_row(char *at, const Head &head, int64_t price, int64_t size, Places places) {
    std::memcpy(at, head.text, sizeof head.text);
    if (!(at = write_double(at + head.size, price, places.price)))
        return nullptr;
    *at++ = ',';
    if (!(at = write_double(at, size, places.size)))
        return nullptr;
    return put(at, "],");
}

/// `[["new",price,amount],…]` of changes; false when a number is too long for it.
inline bool write_changes(Buffer &buffer, const Change *changes, size_t count, Places places) {
    char *at = buffer.room(2 + count * ROW_BYTES);
    *at++ = '[';
    for (size_t i = 0; i < count; ++i) {
        const Change &change = changes[i];
        const unsigned known = change.previous != 0, gone = change.size == 0;
        at = write_row(at, HEADS[known + (known & gone)], change.price, change.size, places);
        if (!at)
            return false;
    }
    at -= count != 0;
    *at++ = ']';
    buffer.wrote(at);
    return true;
}

/// A text that somebody else keeps.
struct Text {
    const char *data;
    size_t size;
};

inline char *put(char *at, Text text) {
    std::memcpy(at, text.data, text.size);
    return at + text.size;
}

/// What a book notification says before its levels; `head` ends before `seq`, `named` before the change id.
struct Opening {
    Text head, more, named;
    int64_t seq, prev_seq, at_ms, change_id;
    bool chained; // to a predecessor
    bool change;  // else an image
};

inline void write_opening(Buffer &buffer, const Opening &opening) {
    const auto &[head, more, named, seq, prev_seq, at_ms, change_id, chained, change] = opening;
    char *at = buffer.room(head.size + more.size + named.size + 160);
    at = write_integer(put(at, head), seq);
    if (chained)
        at = write_integer(put(at, ",\"prev_seq\":"), prev_seq);
    if (more.size)
        at = put(at, more);
    at = change ? put(at, ",\"data\":{\"type\":\"change\",\"timestamp\":")
                : put(at, ",\"data\":{\"type\":\"snapshot\",\"timestamp\":");
    at = write_integer(at, at_ms);
    buffer.wrote(write_integer(put(at, named), change_id));
}

} // namespace deltawire
