// One pass over a venue's frame: the members that are declared, in whatever order, and everything else passed over.
// A frame that a JSON parser might refuse, anywhere in it, is refused here as well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "levels.hpp"

namespace deltawire {

inline bool is_hex(char c) {
    return is_digit(c) || static_cast<unsigned char>((c | 0x20) - 'a') < 6;
}

/// From behind an opening quote to the next quote, backslash or control character.
inline const char *skip_plain(const char *at) {
    while (static_cast<unsigned char>(*at) >= ' ' && *at != '"' && *at != '\\')
        ++at;
    return at;
}

/// From behind an opening quote to behind the closing one. Escaped surrogates are left to a parser.
inline const char *skip_string(const char *at) {
    for (;;) {
        at = skip_plain(at);
        if (*at == '"')
            return at + 1;
        if (*at != '\\')
            return nullptr;
        if (at[1] == 'u') {
            for (int i = 2; i < 6; ++i) // stops at a NUL, so never runs past the end
                if (!is_hex(at[i]))
                    return nullptr;
            if ((at[2] | 0x20) == 'd' && (at[3] > '7'))
                return nullptr;
            at += 6;
        } else if (at[1] && std::strchr("\"\\/bfnrt", at[1])) {
            at += 2;
        } else {
            return nullptr;
        }
    }
}

inline const char *skip_digits(const char *at) {
    if (!is_digit(*at))
        return nullptr;
    while (is_digit(*at))
        ++at;
    return at;
}

inline const char *skip_number(const char *at) {
    at += *at == '-';
    if (*at == '0')
        ++at;
    else if (!(at = skip_digits(at)))
        return nullptr;
    if (*at == '.' && !(at = skip_digits(at + 1)))
        return nullptr;
    if ((*at | 0x20) == 'e') {
        ++at;
        at += *at == '+' || *at == '-';
        at = skip_digits(at);
    }
    return at;
}

/// How deep a value that nobody reads may be nested.
inline constexpr int DEEPEST = 32;

/// Any JSON value without spaces, in a text that ends with a NUL; returns what follows, or null.
inline const char *skip_value(const char *at, int depth = 0) {
    switch (*at) {
    case '"':
        return skip_string(at + 1);
    case '{':
    case '[': {
        const bool named = *at++ == '{';
        const char close = named ? '}' : ']';
        if (*at == close)
            return at + 1;
        if (depth == DEEPEST)
            return nullptr;
        for (;; ++at) {
            if (named && (*at != '"' || !(at = skip_string(at + 1)) || *at++ != ':'))
                return nullptr;
            if (!(at = skip_value(at, depth + 1)))
                return nullptr;
            if (*at == close)
                return at + 1;
            if (*at != ',')
                return nullptr;
        }
    }
    case 't':
        return skip(at, "true");
    case 'f':
        return skip(at, "false");
    case 'n':
        return skip(at, "null");
    default:
        return skip_number(at);
    }
}

/// What a member is to us.
enum class Role : uint8_t {
    constant, // must be this text
    object,   // holds declared members
    sole,     // an array of one such object
    refused,  // its frame is left to the parser, which reads it
    unread,   // nobody reads it
    label,
    symbol,
    first,
    last,
    previous,
    checksum,
    venue_ms,
    any_ms,
    time,
    bids,
    asks,
};

struct Member {
    std::string key; // as it stands in a frame: `"symbol":`
    Role role = Role::unread;
    bool required = false;
    bool quoted = false; // whether a quote stands behind what is read
    std::string before;  // the text before it, with its own quote where it is a string
    uint32_t child = 0;  // of `object` and `sole`: which object
    uint64_t bit = 0;
};

using Object = std::vector<Member>;

/// A frame's text up to something that is read, and what that is.
struct Part {
    std::string text;
    Role role;
    uint64_t bit;
    size_t begun; // how much of a name stands at the end of the text already
};

/// The text of a whole frame, with holes: how frames of a layout look that a scan has found right.
struct Shape {
    std::vector<Part> parts;
    std::string rest;
};

/// A day as it was last written, and its beginning in seconds since 1970; -1: there is none.
struct Day {
    static constexpr size_t SIZE = 11;
    char text[SIZE + 1] = {};
    int64_t begins = -1;
};

/// A kind of frame: its declared members, and the shapes in which such frames have come.
class Layout {
  public:
    uint32_t add_object() {
        objects_.emplace_back();
        return static_cast<uint32_t>(objects_.size() - 1);
    }

    void add_member(uint32_t object, Member member) {
        if (member.role != Role::refused) {
            member.bit = uint64_t{1} << count_++;
            if (member.required)
                required_ |= member.bit;
            if (member.role == Role::label || member.role == Role::symbol)
                names_ |= member.bit;
        }
        objects_[object].push_back(std::move(member));
    }

    const Object &object(uint32_t number) const { return objects_[number]; }
    bool complete(uint64_t seen) const { return (seen & required_) == required_; }

    /// Whether all names have been seen that a frame of this kind has.
    bool named(uint64_t seen) const { return (seen & names_) == names_; }

    /// The shapes learned, of which a venue keeps to few: each search begins with that of the message before.
    size_t shapes() const { return shapes_.size(); }
    const Shape &usual() const { return shapes_[usual_]; }
    void next() { usual_ = usual_ + 1 == shapes_.size() ? 0 : usual_ + 1; }

    void learn(Shape shape) {
        if (shapes_.size() < MOST_SHAPES) {
            usual_ = shapes_.size();
            shapes_.push_back(std::move(shape));
        } else {
            next();
            shapes_[usual_] = std::move(shape);
        }
    }

    mutable Day day;

  private:
    static constexpr size_t MOST_SHAPES = 4;

    std::vector<Object> objects_;
    std::vector<Shape> shapes_;
    size_t usual_ = 0;
    uint64_t required_ = 0, names_ = 0;
    int count_ = 0;
};

struct Fields {
    std::string_view label, symbol;
    int64_t first = 0, last = 0, previous = 0, checksum = 0, venue_ns = 0;
};

inline constexpr int64_t LATEST_MS = INT64_MAX / 1000000;

inline const char *read_two(const char *at, int64_t &found) {
    if (!is_digit(at[0]) || !is_digit(at[1]))
        return nullptr;
    found = (at[0] - '0') * 10 + (at[1] - '0');
    return at + 2;
}

/// Days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
inline int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    const int64_t era = year / 400, of_era = year % 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// `2026-08-01T`, in seconds; null for any other form, and outside 1970 to 2199.
inline const char *read_day(const char *at, int64_t &found) {
    int64_t century, year, month, day;
    if (!(at = read_two(at, century)) || !(at = read_two(at, year)) || *at++ != '-' || !(at = read_two(at, month)) ||
        *at++ != '-' || !(at = read_two(at, day)) || *at++ != 'T')
        return nullptr;
    year += century * 100;
    if (year < 1970 || year > 2199 || month < 1 || month > 12)
        return nullptr;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int64_t days = month == 2 ? 28 + leap : 30 + ((month + (month > 7)) & 1);
    if (day < 1 || day > days)
        return nullptr;
    found = days_from_civil(year, month, day) * 86400;
    return at;
}

/// `2026-08-01T02:53:59.880024Z` in nanoseconds; null for any other form, and outside 1970 to 2199. Of the same day
/// as the last one only the time is read.
inline const char *read_time(const char *at, Day &known, int64_t &found) {
    if (known.begins < 0 || std::strncmp(at, known.text, Day::SIZE) != 0) {
        int64_t begins;
        if (!read_day(at, begins))
            return nullptr;
        std::memcpy(known.text, at, Day::SIZE);
        known.begins = begins;
    }
    at += Day::SIZE;
    int64_t hour, minute, second, part, micros = 0;
    if (!(at = read_two(at, hour)) || *at++ != ':' || !(at = read_two(at, minute)) || *at++ != ':' ||
        !(at = read_two(at, second)) || *at++ != '.')
        return nullptr;
    for (int i = 0; i < 3; ++i) {
        if (!(at = read_two(at, part)))
            return nullptr;
        micros = micros * 100 + part;
    }
    if (*at++ != 'Z' || hour > 23 || minute > 59 || second > 59)
        return nullptr;
    found = ((known.begins + hour * 3600 + minute * 60 + second) * 1000000 + micros) * 1000;
    return at;
}

/// A pass over one frame, which ends with a NUL. `Sink` is told the names (`named`: whether to go on) and reads the
/// level arrays (`levels`: what follows, or null).
template <class Sink> class Scan {
  public:
    Scan(const Layout &layout, const char *frame, size_t size, Sink &sink)
        : layout_(layout), frame_(frame), end_(frame + size), sink_(sink) {}

    /// Whether the frame is of this layout, complete and without a fault.
    bool whole() {
        return *frame_ == '{' && read_members(layout_.object(0), frame_ + 1) == end_ && layout_.complete(seen_);
    }

    /// Whether the frame is of a shape. Whatever is of a shape that was learned is of its layout as well.
    bool fits(const Shape &shape) {
        const char *at = frame_;
        for (const Part &part : shape.parts) {
            if (!begins(at, part.text))
                return false;
            at += part.text.size();
            seen_ |= part.bit;
            if (!(at = read_field(part.role, at - part.begun, at)))
                return false;
        }
        return begins(at, shape.rest) && at + shape.rest.size() == end_;
    }

    /// The shape of a frame that `whole` has found right; nothing when it has too many parts to be worth it.
    void teach(Layout &layout) const {
        if (marked_ > MOST_MARKS)
            return;
        Shape shape;
        const char *at = frame_;
        for (size_t i = 0; i < marked_; ++i) {
            const Mark &mark = marks_[i];
            shape.parts.push_back(Part{std::string(at, mark.start), mark.role, mark.bit, mark.begun});
            at = mark.end;
        }
        shape.rest.assign(at, end_);
        layout.learn(std::move(shape));
    }

    Fields fields{};

  private:
    /// Something that has been read.
    struct Mark {
        const char *start, *end;
        Role role;
        uint64_t bit;
        size_t begun;
    };

    static constexpr size_t MOST_MARKS = 32;

    /// From behind an opening brace to behind the closing one.
    const char *read_members(const Object &object, const char *at) {
        if (*at == '}')
            return at + 1;
        for (;; ++at) {
            const char *stop;
            if (*at != '"' || *(stop = skip_plain(at + 1)) != '"' || stop[1] != ':')
                return nullptr;
            const std::string_view key(at, static_cast<size_t>(stop + 2 - at));
            at = read_member(find(object, key), stop + 2);
            if (!at)
                return nullptr;
            if (*at != ',')
                return *at == '}' ? at + 1 : nullptr;
        }
    }

    static const Member &find(const Object &object, std::string_view key) {
        static const Member unread;
        for (const Member &member : object)
            if (member.key == key)
                return member;
        return unread;
    }

    const char *read_member(const Member &member, const char *at) {
        if (member.role == Role::refused || seen_ & member.bit || !begins(at, member.before))
            return nullptr;
        seen_ |= member.bit;
        at += member.before.size();
        switch (member.role) {
        case Role::object:
            return read_members(layout_.object(member.child), at);
        case Role::sole:
            at = read_members(layout_.object(member.child), at);
            return at && *at == ']' ? at + 1 : nullptr;
        case Role::constant:
            return at;
        default:
            const size_t begun = member.before.empty() ? 0 : member.before.size() - 1; // without the quote
            const char *end = read_field(member.role, at - begun, at);
            if (!end || (member.quoted && *end != '"'))
                return nullptr;
            if (marked_ < MOST_MARKS)
                marks_[marked_] = Mark{at, end, member.role, member.bit, begun};
            ++marked_;
            return end + member.quoted;
        }
    }

    const char *read_field(Role role, const char *start, const char *at) {
        int64_t ms;
        switch (role) {
        case Role::unread:
            return skip_value(at);
        case Role::label:
            return read_name(start, at, fields.label);
        case Role::symbol:
            return read_name(start, at, fields.symbol);
        case Role::first:
            return read_integer(at, fields.first);
        case Role::last:
            return read_integer(at, fields.last);
        case Role::previous:
            return read_integer(at, fields.previous);
        case Role::checksum:
            return read_integer(at, fields.checksum);
        case Role::venue_ms:
            if (!(at = read_integer(at, ms)) || ms <= 0 || ms > LATEST_MS)
                return nullptr;
            fields.venue_ns = ms * 1000000;
            return at;
        case Role::any_ms:
            return (at = read_integer(at, ms)) && ms >= 0 && ms <= LATEST_MS ? at : nullptr;
        case Role::time:
            return read_time(at, layout_.day, fields.venue_ns);
        case Role::bids:
            return sink_.levels(true, at);
        case Role::asks:
            return sink_.levels(false, at);
        default:
            return nullptr;
        }
    }

    /// A name is all that stands between its quotes, and that is something.
    const char *read_name(const char *start, const char *at, std::string_view &name) {
        at = skip_plain(at);
        name = std::string_view(start, static_cast<size_t>(at - start));
        return *at == '"' && !name.empty() && (!layout_.named(seen_) || sink_.named(fields)) ? at : nullptr;
    }

    bool begins(const char *at, const std::string &text) const {
        return static_cast<size_t>(end_ - at) >= text.size() && std::memcmp(at, text.data(), text.size()) == 0;
    }

    const Layout &layout_;
    const char *frame_, *end_;
    Sink &sink_;
    uint64_t seen_ = 0;
    size_t marked_ = 0;
    Mark marks_[MOST_MARKS];
};

} // namespace deltawire
