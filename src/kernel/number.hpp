// Plain decimals as 64-bit integers and back: nothing is rounded, and what is unusual is refused.
#pragma once

#include <cstdint>
#include <cstring>

namespace deltawire {

/// Digits that fit a signed 64-bit integer whatever they are.
inline constexpr int MOST_DIGITS = 18;

/// So many digits may stand behind a point.
inline constexpr int MOST_BEHIND = 40;

inline constexpr int64_t POWERS[MOST_DIGITS + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// A decimal as it was read: its mantissa, and how many digits stood behind the point.
struct Decimal {
    int64_t mantissa;
    int places;
};

/// Reads `digits[.digits]` at 10^-places; returns what follows, or null for whatever a slower reader must judge:
/// signs, exponents, a superfluous leading zero, digits beyond `places`, more than 18 digits in all.
/// The text must end in a character that is no digit and no point.
[[gnu::always_inline]] inline const char *read_decimal(const char *at, int places, Decimal &found) {
    const char *start = at;
    uint64_t value = 0;
    while (is_digit(*at))
        value = value * 10 + static_cast<uint64_t>(*at++ - '0');
    const auto whole = at - start;
    if (whole == 0 || whole + places > MOST_DIGITS || (*start == '0' && whole > 1))
        return nullptr;
    found.places = 0;
    int missing = places;
    if (*at == '.') {
        const char *point = at++;
        while (missing > 0 && is_digit(*at)) {
            value = value * 10 + static_cast<uint64_t>(*at++ - '0');
            --missing;
        }
        while (*at == '0')
            ++at;
        const auto behind = at - point - 1;
        if (behind == 0 || behind > MOST_BEHIND || is_digit(*at))
            return nullptr;
        found.places = static_cast<int>(behind);
    }
    found.mantissa = static_cast<int64_t>(value * static_cast<uint64_t>(POWERS[missing]));
    return at;
}

/// Reads `digits[.digits]e[+-]digits` at 10^-places likewise; null for other forms. `found.places` are those of the
/// same number written without an exponent.
[[gnu::noinline]] inline const char *read_scientific(const char *at, int places, Decimal &found) {
    const char *start = at;
    uint64_t value = 0;
    int digits = 0, behind = 0;
    for (bool fraction = false;; ++at) {
        if (is_digit(*at)) {
            if (++digits > MOST_DIGITS)
                return nullptr;
            behind += fraction;
            value = value * 10 + static_cast<uint64_t>(*at - '0');
        } else if (*at == '.' && !fraction && digits && is_digit(at[1])) {
            fraction = true;
        } else {
            break;
        }
    }
    if (!digits || (*start == '0' && is_digit(start[1])) || (*at | 0x20) != 'e')
        return nullptr;
    const bool negative = at[1] == '-';
    at += 1 + (negative || at[1] == '+');
    int exponent = 0;
    const char *first = at;
    while (is_digit(*at) && at - first < 3)
        exponent = exponent * 10 + (*at++ - '0');
    if (at == first || at - first > 2)
        return nullptr;
    behind -= negative ? -exponent : exponent; // of the plain number, below zero where zeros stand before the point
    if (behind > MOST_BEHIND)
        return nullptr;
    const int missing = places - behind;
    if (missing >= 0) {
        if (value && digits + missing > MOST_DIGITS)
            return nullptr;
        value *= value ? static_cast<uint64_t>(POWERS[missing]) : 0;
    } else {
        if (value && -missing > MOST_DIGITS)
            return nullptr;
        const auto divisor = static_cast<uint64_t>(value ? POWERS[-missing] : 1);
        if (value % divisor)
            return nullptr;
        value /= divisor;
    }
    found.places = behind > 0 ? behind : 0;
    found.mantissa = static_cast<int64_t>(value);
    return at;
}

/// Reads a number as JSON writes it, with an exponent or without, and the character `End` behind it.
template <char End> inline const char *read_number(const char *at, int places, Decimal &found) {
    const char *after = read_decimal(at, places, found);
    if (after && *after == End) [[likely]]
        return after + 1;
    after = read_scientific(at, places, found);
    return after && *after == End ? after + 1 : nullptr;
}

/// Reads an integer of at most 18 digits as JSON writes it; null when it is none.
inline const char *read_integer(const char *at, int64_t &found) {
    const bool negative = *at == '-';
    at += negative;
    const char *start = at;
    uint64_t value = 0;
    while (is_digit(*at))
        value = value * 10 + static_cast<uint64_t>(*at++ - '0');
    const auto digits = at - start;
    if (digits == 0 || digits > MOST_DIGITS || (*start == '0' && (digits > 1 || negative)))
        return nullptr;
    found = negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
    return at;
}

inline constexpr char PAIRS[201] = "0001020304050607080910111213141516171819"
                                   "2021222324252627282930313233343536373839"
                                   "4041424344454647484950515253545556575859"
                                   "6061626364656667686970717273747576777879"
                                   "8081828384858687888990919293949596979899";

/// Writes the digits of a number backwards from `end`; returns where they begin.
inline char *write_backwards(char *end, uint64_t value) {
    while (value >= 100) {
        const auto pair = static_cast<unsigned>(value % 100);
        value /= 100;
        end -= 2;
        std::memcpy(end, PAIRS + 2 * pair, 2);
    }
    if (value >= 10) {
        end -= 2;
        std::memcpy(end, PAIRS + 2 * value, 2);
    } else {
        *--end = static_cast<char>('0' + value);
    }
    return end;
}

inline uint64_t magnitude(int64_t value) {
    return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

/// Writes an integer; returns what follows. Needs 20 bytes.
inline char *write_integer(char *at, int64_t value) {
    char digits[20];
    char *end = digits + sizeof digits;
    char *start = write_backwards(end, magnitude(value));
    if (value < 0)
        *at++ = '-';
    const auto size = static_cast<size_t>(end - start);
    std::memcpy(at, start, size);
    return at + size;
}

/// What is copied at once where at most so many bytes count.
inline constexpr size_t WORD = 16;

/// Mantissas below this many are exact doubles, and the shortest text of the double is the decimal itself.
inline constexpr int64_t DOUBLE_EXACT = 1000000000000000;

/// Writes mantissa * 10^-places as the shortest JSON number of the double nearest to it, as msgspec writes doubles;
/// null when the mantissa is too long for that to be the decimal itself. Needs 40 bytes.
inline char *write_double(char *at, int64_t mantissa, int places) {
    if (mantissa <= -DOUBLE_EXACT || mantissa >= DOUBLE_EXACT)
        return nullptr;
    if (mantissa < 0)
        *at++ = '-';
    if (mantissa == 0) {
        std::memcpy(at, "0.0", 3);
        return at + 3;
    }
    char digits[16 + WORD]; // the last digit stands before the slack, so that a word can be copied from anywhere
    char *end = digits + 16;
    const char *start = write_backwards(end, magnitude(mantissa));
    while (places > 0 && end[-1] == '0') {
        --end;
        --places;
    }
    const int count = static_cast<int>(end - start);
    const int point = count - places; // digits before the point; none or fewer: zeros behind it
    if (point > 0) {
        std::memcpy(at, start, WORD);
        at += point;
        *at++ = '.';
        if (places == 0) {
            *at++ = '0';
            return at;
        }
        std::memcpy(at, start + point, WORD);
        return at + places;
    }
    if (point > -5) {
        std::memcpy(at, "0.0000", 6);
        at += 2 - point;
        std::memcpy(at, start, WORD);
        return at + count;
    }
    *at++ = *start;
    if (count > 1) {
        *at++ = '.';
        std::memcpy(at, start + 1, WORD);
        at += count - 1;
    }
    std::memcpy(at, "e-", 2);
    return write_integer(at + 2, 1 - point);
}

} // namespace deltawire
