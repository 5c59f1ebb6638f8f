// The straight way of a book message: frame, levels, continuity, ladder, checks, all in one call and all or nothing.
// Whatever is unusual about a message is undone and left to the slower way, which says what it is.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>

#include "checksum.hpp"
#include "json.hpp"

namespace deltawire {

enum class Rule { previous_id, range, bridged, none };
enum class Proof { none, kraken, okx };

struct Track;

/// A book's changes by one message.
struct Step {
    Track *track = nullptr;
    int64_t venue_ns = 0;
    std::vector<Change> bids, asks;
};

/// One book while it is live and nothing is unusual.
struct Track {
    void *owner = nullptr;
    Side *bids = nullptr, *asks = nullptr;
    std::string symbol, label;
    bool armed = false;
    bool bridged = false;
    Places places{0, 0};
    size_t depth = 0; // 0: both sides whole
    int64_t last = 0, sequence = 0;
    int64_t deltas = 0, checksums_ok = 0;
    std::unique_ptr<KrakenChecksum> kraken; // made when first needed: most books have no checksum
    std::unique_ptr<OkxChecksum> okx;

    /// The sides may be others, or written otherwise.
    void forget_texts() {
        kraken.reset();
        okx.reset();
    }
};

struct Fields {
    std::string_view label;
    Track *track = nullptr;
    int64_t first = 0, last = 0, previous = 0, checksum = 0, venue_ns = 0;
};

enum class Hole { end, label, symbol, first, last, previous, checksum, venue_ms, time, any, bids, asks };

/// A frame's text with holes.
struct Part {
    std::string text;
    Hole hole;
};

using Shape = std::vector<Part>;

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

/// `2026-08-01T02:53:59.880024Z` in nanoseconds; null for any other form, and outside 1970 to 2199.
inline const char *read_time(const char *at, int64_t &found) {
    int64_t century, year, month, day, hour, minute, second, part, micros = 0;
    if (!(at = read_two(at, century)) || !(at = read_two(at, year)) || *at++ != '-' || !(at = read_two(at, month)) ||
        *at++ != '-' || !(at = read_two(at, day)) || *at++ != 'T' || !(at = read_two(at, hour)) || *at++ != ':' ||
        !(at = read_two(at, minute)) || *at++ != ':' || !(at = read_two(at, second)) || *at++ != '.')
        return nullptr;
    for (int i = 0; i < 3; ++i) {
        if (!(at = read_two(at, part)))
            return nullptr;
        micros = micros * 100 + part;
    }
    if (*at++ != 'Z')
        return nullptr;
    year += century * 100;
    if (year < 1970 || year > 2199 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
        return nullptr;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int64_t days = month == 2 ? 28 + leap : 30 + ((month + (month > 7)) & 1);
    if (day < 1 || day > days)
        return nullptr;
    const int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    found = (seconds * 1000000 + micros) * 1000;
    return at;
}

/// One connection's books by symbol, and the shapes of its messages.
class Router {
  public:
    Router(Form form, Rule rule, Proof proof) : form_(form), rule_(rule), proof_(proof) {}

    void add_shape(Shape shape) { shapes_.push_back(std::move(shape)); }

    void add(Track *track) { tracks_[track->symbol] = track; }

    /// True when the message was taken; `step` says what it did. False: nothing has happened.
    bool take(const char *frame, size_t size, Step &step) {
        for (const Shape &shape : shapes_) {
            Fields fields;
            if (match(shape, frame, frame + size, fields))
                return follow(fields, step);
        }
        return false;
    }

  private:
    bool match(const Shape &shape, const char *at, const char *end, Fields &fields) {
        bool seen_bids = false, seen_asks = false;
        for (const Part &part : shape) {
            const size_t size = part.text.size();
            if (static_cast<size_t>(end - at) < size || std::memcmp(at, part.text.data(), size) != 0)
                return false;
            at += size;
            switch (part.hole) {
            case Hole::end:
                return at == end && seen_bids && seen_asks && fields.track;
            case Hole::label:
                at = read_name(at, end, fields.label);
                break;
            case Hole::symbol: {
                std::string_view symbol;
                if ((at = read_name(at, end, symbol)))
                    fields.track = find(symbol);
                if (!fields.track || !fields.track->armed ||
                    (fields.label.data() && fields.label != fields.track->label))
                    return false;
                break;
            }
            case Hole::first:
                at = read_integer(at, fields.first);
                break;
            case Hole::last:
                at = read_integer(at, fields.last);
                break;
            case Hole::previous:
                at = read_integer(at, fields.previous);
                break;
            case Hole::checksum:
                at = read_integer(at, fields.checksum);
                break;
            case Hole::venue_ms: {
                int64_t ms;
                if (!(at = read_integer(at, ms)) || ms <= 0 || ms > LATEST_MS)
                    return false;
                fields.venue_ns = ms * 1000000;
                break;
            }
            case Hole::time:
                at = read_time(at, fields.venue_ns);
                break;
            case Hole::any: {
                int64_t ignored;
                if (!(at = read_integer(at, ignored)) || ignored < 0 || ignored > LATEST_MS)
                    return false;
                break;
            }
            case Hole::bids:
            case Hole::asks: {
                if (!fields.track)
                    return false;
                const bool bids = part.hole == Hole::bids;
                at = read_levels(form_, at, fields.track->places, bids ? bids_ : asks_);
                (bids ? seen_bids : seen_asks) = true;
                break;
            }
            }
            if (!at)
                return false;
        }
        return false;
    }

    static const char *read_name(const char *at, const char *end, std::string_view &name) {
        const char *start = at;
        while (at != end && *at != '"' && *at != '\\')
            ++at;
        if (at == end || *at != '"')
            return nullptr;
        name = std::string_view(start, static_cast<size_t>(at - start));
        return at;
    }

    Track *find(std::string_view symbol) {
        if (recent_ && recent_->symbol == symbol)
            return recent_;
        const auto found = tracks_.find(symbol);
        return recent_ = found == tracks_.end() ? nullptr : found->second;
    }

    /// Whether the message follows the one before; the documented procedures are in book/sequencers.py.
    bool follows(const Track &track, const Fields &fields) const {
        switch (rule_) {
        case Rule::previous_id:
            return fields.previous == track.last;
        case Rule::range:
            return fields.last > track.last && fields.first <= track.last + 1;
        case Rule::bridged:
            return track.bridged && fields.last > track.last && fields.previous == track.last;
        case Rule::none:
            return true;
        }
        return false;
    }

    bool follow(const Fields &fields, Step &step) {
        Track &track = *fields.track;
        if (!follows(track, fields))
            return false;
        if (proof_ == Proof::okx && !fields.last && !fields.checksum)
            return false; // proves nothing
        step.bids.clear();
        step.asks.clear();
        if (!change(*track.bids, bids_, track.depth, step.bids) ||
            !change(*track.asks, asks_, track.depth, step.asks) || !right(track, fields)) {
            undo(*track.asks, step.asks);
            undo(*track.bids, step.bids);
            return false;
        }
        if (rule_ != Rule::none)
            track.last = fields.last;
        ++track.deltas;
        if (!step.bids.empty() || !step.asks.empty())
            ++track.sequence;
        step.track = &track;
        step.venue_ns = fields.venue_ns;
        return true;
    }

    /// Applies one side's levels; false when an action contradicts the levels (what was changed is in `changes`).
    static bool change(Side &side, const Columns &columns, size_t depth, std::vector<Change> &changes) {
        const size_t count = columns.prices.size();
        if (!count)
            return true;
        side.reserve(count);
        const bool stated = !columns.actions.empty();
        for (size_t i = 0; i < count; ++i) {
            if (i + AHEAD < count)
                side.expect(columns.prices[i + AHEAD]);
            const int64_t price = columns.prices[i], size = columns.sizes[i];
            const int64_t before = side.set(price, size);
            if (before != size)
                changes.push_back(Change{price, size, before});
            if (stated && !fits(columns.actions[i], before, size))
                return false;
        }
        for (size_t i = 0; i < columns.notes.size(); ++i)
            side.note(columns.prices[i], columns.notes[i]);
        side.settle();
        if (!changes.empty() || !columns.notes.empty())
            side.touch();
        if (depth)
            side.truncate(depth, changes);
        return true;
    }

    static bool fits(Action action, int64_t before, int64_t size) {
        switch (action) {
        case Action::fresh:
            return !before && size;
        case Action::change:
            return before && size;
        case Action::remove:
            return before && !size;
        case Action::none:
            return true;
        }
        return false;
    }

    static void undo(Side &side, const std::vector<Change> &changes) {
        for (size_t i = changes.size(); i-- > 0;)
            side.set(changes[i].price, changes[i].previous);
        side.settle();
        side.touch();
    }

    bool right(Track &track, const Fields &fields) const {
        const Side &bids = *track.bids, &asks = *track.asks;
        if (!bids.empty() && !asks.empty() && bids.best() >= asks.best())
            return false;
        if (proof_ == Proof::none || (proof_ == Proof::okx && !fields.checksum))
            return true;
        const int64_t stated = proof_ == Proof::okx ? fields.checksum & 0xFFFFFFFF : fields.checksum;
        const uint32_t found = proof_ == Proof::okx ? checksum(track.okx, track) : checksum(track.kraken, track);
        if (found != stated)
            return false;
        ++track.checksums_ok;
        return true;
    }

    template <class Checksum> static uint32_t checksum(std::unique_ptr<Checksum> &rule, const Track &track) {
        if (!rule)
            rule = std::make_unique<Checksum>();
        return (*rule)(*track.bids, *track.asks, track.places.price, track.places.size);
    }

    static constexpr size_t AHEAD = 6;

    Form form_;
    Rule rule_;
    Proof proof_;
    std::vector<Shape> shapes_;
    std::unordered_map<std::string_view, Track *> tracks_;
    Track *recent_ = nullptr;
    Columns bids_, asks_;
};

} // namespace deltawire
