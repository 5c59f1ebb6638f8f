// A venue's level arrays, from JSON text to columns. Each reader takes exactly its shape; whatever else it meets is
// left to the slower reader, which knows how to judge it.
#pragma once

#include <algorithm>
#include <vector>

#include "number.hpp"
#include "side.hpp"

namespace deltawire {

enum class Form { text_pairs, text_rows, number_objects, action_rows };
enum class Action : uint8_t { none, fresh, change, remove };

struct Columns {
    std::vector<int64_t> prices, sizes;
    std::vector<Note> notes;
    std::vector<Action> actions;

    void clear() {
        prices.clear();
        sizes.clear();
        notes.clear();
        actions.clear();
    }
};

struct Places {
    int price, size;
};

template <size_t N> inline const char *skip(const char *at, const char (&text)[N]) {
    return std::strncmp(at, text, N - 1) == 0 ? at + (N - 1) : nullptr;
}

inline const char *skip_digits_text(const char *at) {
    if (!(at = skip(at, ",\"")))
        return nullptr;
    while (is_digit(*at))
        ++at;
    return *at == '"' ? at + 1 : nullptr;
}

/// One number in quotes.
[[gnu::always_inline]] inline const char *read_quoted(const char *at, int places, Decimal &found) {
    if (*at != '"' || !(at = read_decimal(at + 1, places, found)) || *at != '"')
        return nullptr;
    return at + 1;
}

struct TextPair {
    static constexpr bool noted = false;
    static const char *read(const char *at, Places places, Decimal &price, Decimal &size, Action &) {
        if (*at != '[' || !(at = read_quoted(at + 1, places.price, price)))
            return nullptr;
        if (*at != ',' || !(at = read_quoted(at + 1, places.size, size)))
            return nullptr;
        return *at == ']' ? at + 1 : nullptr;
    }
};

struct TextRow {
    static constexpr bool noted = true;
    static const char *read(const char *at, Places places, Decimal &price, Decimal &size, Action &) {
        if (*at != '[' || !(at = read_quoted(at + 1, places.price, price)))
            return nullptr;
        if (*at != ',' || !(at = read_quoted(at + 1, places.size, size)))
            return nullptr;
        if (!(at = skip_digits_text(at)) || !(at = skip_digits_text(at)))
            return nullptr;
        return *at == ']' ? at + 1 : nullptr;
    }
};

struct NumberObject {
    static constexpr bool noted = false;
    static const char *read(const char *at, Places places, Decimal &price, Decimal &size, Action &) {
        if (!(at = skip(at, "{\"price\":")) || !(at = read_number<','>(at, places.price, price)))
            return nullptr;
        return (at = skip(at, "\"qty\":")) ? read_number<'}'>(at, places.size, size) : nullptr;
    }
};

/// The doubles stand for decimals: exact below 15 digits.
struct ActionRow {
    static constexpr bool noted = false;
    static const char *read(const char *at, Places places, Decimal &price, Decimal &size, Action &action) {
        if (const char *after = skip(at, "[\"change\",")) {
            at = after;
            action = Action::change;
        } else if ((after = skip(at, "[\"new\","))) {
            at = after;
            action = Action::fresh;
        } else if ((after = skip(at, "[\"delete\","))) {
            at = after;
            action = Action::remove;
        } else {
            return nullptr;
        }
        if (!(at = read_number<','>(at, places.price, price)) || !(at = read_number<']'>(at, places.size, size)))
            return nullptr;
        if (price.mantissa >= DOUBLE_EXACT || size.mantissa >= DOUBLE_EXACT)
            return nullptr;
        return (action == Action::remove) == (size.mantissa == 0) ? at : nullptr;
    }
};

/// How many digits were shown behind the point, at most, of prices and of sizes.
struct Shown {
    Places most{0, 0};
    void add(const Decimal &price, const Decimal &size) {
        most.price = std::max(most.price, price.places);
        most.size = std::max(most.size, size.places);
    }
};

/// Nobody asks how many.
struct NotShown {
    void add(const Decimal &, const Decimal &) {}
};

template <class Row, class Counter>
const char *read_rows(const char *at, Places places, Columns &columns, Counter &counter) {
    Decimal price, size;
    Action action = Action::none;
    if (*at != '[')
        return nullptr;
    if (at[1] == ']')
        return at + 2;
    do {
        if (!(at = Row::read(at + 1, places, price, size, action)))
            return nullptr;
        columns.prices.push_back(price.mantissa);
        columns.sizes.push_back(size.mantissa);
        counter.add(price, size);
        if constexpr (Row::noted)
            columns.notes.push_back(
                Note{static_cast<uint8_t>(price.places), 0, static_cast<uint8_t>(size.places), 0});
        if (action != Action::none)
            columns.actions.push_back(action);
    } while (*at == ',');
    return *at == ']' ? at + 1 : nullptr;
}

/// Reads an array in a text that ends with a NUL; returns what follows it, or null.
template <class Counter>
const char *read_levels(Form form, const char *at, Places places, Columns &columns, Counter &counter) {
    columns.clear();
    switch (form) {
    case Form::text_pairs:
        return read_rows<TextPair>(at, places, columns, counter);
    case Form::text_rows:
        return read_rows<TextRow>(at, places, columns, counter);
    case Form::number_objects:
        return read_rows<NumberObject>(at, places, columns, counter);
    case Form::action_rows:
        return read_rows<ActionRow>(at, places, columns, counter);
    }
    return nullptr;
}

inline const char *read_levels(Form form, const char *at, Places places, Columns &columns) {
    NotShown nobody;
    return read_levels(form, at, places, columns, nobody);
}

/// Places at which nearly every number of an array can be read whose own are not known yet.
inline constexpr Places ENOUGH{8, 8};

/// How many places the decimals of an array show; false for whatever a slower reader must judge. What is found is no
/// more than `ENOUGH`, at which every number fits.
inline bool find_places(Form form, const char *at, const char *end, Columns &columns, Places &found) {
    Shown shown;
    if (form == Form::action_rows || read_levels(form, at, ENOUGH, columns, shown) != end)
        return false;
    found = shown.most;
    return found.price <= ENOUGH.price && found.size <= ENOUGH.size;
}

/// Replaces every level of a side by columns that have been read.
inline void load_columns(Side &side, const Columns &columns) {
    const Note *notes = columns.notes.empty() ? nullptr : columns.notes.data();
    side.load(columns.prices.data(), columns.sizes.data(), columns.prices.size(), notes);
}

/// The levels of a side that was loaded from these columns and perhaps cut, best first.
inline void list_levels(const Side &side, const Columns &columns, std::vector<Level> &found) {
    const size_t count = columns.prices.size();
    if (side.count() > count || !side.in_order(columns.prices.data(), columns.sizes.data(), count))
        return side.levels(side.count(), found);
    found.resize(side.count());
    for (size_t i = 0; i < found.size(); ++i)
        found[i] = Level{columns.prices[i], columns.sizes[i]};
}

} // namespace deltawire
