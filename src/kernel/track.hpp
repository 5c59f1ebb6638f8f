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

/// The checksum of one book, whatever its rule; what it needs is made when it is first asked for.
class Texts {
  public:
    uint32_t of(Proof proof, const Touched &bids, const Touched &asks, Places places) {
        return proof == Proof::okx ? found(okx_, bids, asks, places) : found(kraken_, bids, asks, places);
    }

    /// Soon there will be a checksum to compute.
    void expect() const {
        if (okx_)
            okx_->expect();
        if (kraken_)
            kraken_->expect();
    }

    /// The sides may be others, or written otherwise.
    void forget() {
        kraken_.reset();
        okx_.reset();
    }

  private:
    template <class Checksum>
    static uint32_t found(std::unique_ptr<Checksum> &rule, const Touched &bids, const Touched &asks, Places places) {
        if (!rule)
            rule = std::make_unique<Checksum>();
        return (*rule)(bids, asks, places.price, places.size);
    }

    std::unique_ptr<KrakenChecksum> kraken_;
    std::unique_ptr<OkxChecksum> okx_;
};

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
    Texts texts;
};

struct Fields {
    std::string_view label, symbol;
    int64_t first = 0, last = 0, previous = 0, checksum = 0, venue_ns = 0;
};

enum class Hole { end, label, symbol, first, last, previous, checksum, venue_ms, time, any, bids, asks };

/// A frame's text with holes.
struct Part {
    std::string text;
    Hole hole;
};

using Shape = std::vector<Part>;

/// Several shapes, of which a venue keeps to one: each search begins with that of the message before.
class Shapes {
  public:
    void add(Shape shape) { shapes_.push_back(std::move(shape)); }
    size_t count() const { return shapes_.size(); }
    const Part *usual() const { return shapes_[usual_].data(); }
    void next() { usual_ = usual_ + 1 == shapes_.size() ? 0 : usual_ + 1; }

  private:
    std::vector<Shape> shapes_;
    size_t usual_ = 0;
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

    void add_shape(Shape shape) { shapes_.add(std::move(shape)); }
    void add_image_shape(Shape shape) { image_shapes_.add(std::move(shape)); }
    void add(Track *track) { tracks_[track->symbol] = track; }

    /// True when the message was taken; `step` says what it did. False: nothing has happened.
    bool take(const char *frame, size_t size, Step &step) {
        NotShown nobody;
        for (size_t tried = 0; tried < shapes_.count(); ++tried, shapes_.next()) {
            Reading reading{shapes_.usual(), frame, frame + size};
            if (Track *track = named(reading); track && read_rest(reading, track->places, nobody))
                return follow(*track, reading.fields, step);
        }
        return false;
    }

    /// Whether a frame begins as an image does. If so, the fields name its book, and `read_image` may follow.
    bool begin_image(const char *frame, size_t size) {
        for (size_t tried = 0; tried < image_shapes_.count(); ++tried, image_shapes_.next()) {
            image_ = Reading{image_shapes_.usual(), frame, frame + size};
            if (read_symbol(image_))
                return true;
        }
        return false;
    }

    const Fields &image_fields() const { return image_.fields; }

    /// Reads the same frame's image into sides, each cut to `depth` (0: left whole), and judges the book they make;
    /// false when it is not right, or anything is unusual. `proved`: it came with a checksum. Where the places are
    /// not `stated`, an image that shows more of them is unusual.
    bool read_image(const char *frame, size_t size, Places places, bool stated, size_t depth, Side &bids, Side &asks,
                    bool &proved) {
        Shown shown;
        size_t tried = 0;
        for (; tried < image_shapes_.count(); ++tried, image_shapes_.next()) {
            image_ = Reading{image_shapes_.usual(), frame, frame + size};
            if (read_symbol(image_) && plain(image_.fields.label) && read_rest(image_, places, shown))
                break;
        }
        if (tried == image_shapes_.count())
            return false;
        if (!stated && (shown.most.price > places.price || shown.most.size > places.size))
            return false;
        load(bids, bids_, depth);
        load(asks, asks_, depth);
        if (crossed(bids, asks))
            return false;
        proved = has_checksum(image_.fields);
        if (!proved)
            return true;
        image_texts_.forget();
        return image_texts_.of(proof_, Touched{bids}, Touched{asks}, places) == stated_checksum(image_.fields);
    }

    /// The levels of the sides that `read_image` has made, best first.
    void image_levels(const Side &bids, const Side &asks, std::vector<Level> &bid_levels,
                      std::vector<Level> &ask_levels) const {
        list_levels(bids, bids_, bid_levels);
        list_levels(asks, asks_, ask_levels);
    }

  private:
    /// A frame on its way through a shape.
    struct Reading {
        const Part *part = nullptr;
        const char *at = nullptr, *end = nullptr;
        bool bids = false, asks = false; // which arrays have been read
        Fields fields{};
    };

    static bool skip_text(Reading &reading) {
        const std::string &text = reading.part->text;
        if (static_cast<size_t>(reading.end - reading.at) < text.size() ||
            std::memcmp(reading.at, text.data(), text.size()) != 0)
            return false;
        reading.at += text.size();
        return true;
    }

    /// Reads on, up to and with the symbol.
    static bool read_symbol(Reading &reading) {
        for (;; ++reading.part) {
            if (!skip_text(reading))
                return false;
            if (reading.part->hole == Hole::symbol) {
                reading.at = read_name(reading.at, reading.end, reading.fields.symbol);
                ++reading.part;
                return reading.at;
            }
            if (reading.part->hole != Hole::label && !read_number(reading))
                return false;
            if (reading.part->hole == Hole::label &&
                !(reading.at = read_name(reading.at, reading.end, reading.fields.label)))
                return false;
        }
    }

    /// Reads on to the end.
    template <class Counter> bool read_rest(Reading &reading, Places places, Counter &counter) {
        for (;; ++reading.part) {
            if (!skip_text(reading))
                return false;
            const Hole hole = reading.part->hole;
            if (hole == Hole::end)
                return reading.at == reading.end && reading.bids && reading.asks;
            if (hole == Hole::bids || hole == Hole::asks) {
                const bool bids = hole == Hole::bids;
                if (!(reading.at = read_levels(form_, reading.at, places, bids ? bids_ : asks_, counter)))
                    return false;
                (bids ? reading.bids : reading.asks) = true;
            } else if (!read_number(reading)) {
                return false;
            }
        }
    }

    static bool read_number(Reading &reading) {
        Fields &fields = reading.fields;
        int64_t ms;
        switch (reading.part->hole) {
        case Hole::first:
            reading.at = read_integer(reading.at, fields.first);
            break;
        case Hole::last:
            reading.at = read_integer(reading.at, fields.last);
            break;
        case Hole::previous:
            reading.at = read_integer(reading.at, fields.previous);
            break;
        case Hole::checksum:
            reading.at = read_integer(reading.at, fields.checksum);
            break;
        case Hole::venue_ms:
            if (!(reading.at = read_integer(reading.at, ms)) || ms <= 0 || ms > LATEST_MS)
                return false;
            fields.venue_ns = ms * 1000000;
            break;
        case Hole::time:
            reading.at = read_time(reading.at, fields.venue_ns);
            break;
        case Hole::any:
            if (!(reading.at = read_integer(reading.at, ms)) || ms < 0 || ms > LATEST_MS)
                return false;
            break;
        default:
            return false;
        }
        return reading.at;
    }

    /// The armed track that a frame is about, if it begins as the shape does.
    Track *named(Reading &reading) {
        if (!read_symbol(reading))
            return nullptr;
        Track *track = find(reading.fields.symbol);
        if (!track || !track->armed || (reading.fields.label.data() && reading.fields.label != track->label))
            return nullptr;
        return track;
    }

    /// Whether a JSON parser finds nothing wrong with a name, either.
    static bool plain(std::string_view name) {
        return std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
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

    bool follow(Track &track, const Fields &fields, Step &step) {
        if (!follows(track, fields))
            return false;
        if (proof_ == Proof::okx && !fields.last && !fields.checksum)
            return false; // proves nothing
        step.bids.clear();
        step.asks.clear();
        track.texts.expect();
        const uint64_t before[] = {track.bids->version(), track.asks->version()};
        if (!change(*track.bids, bids_, track.depth, step.bids) ||
            !change(*track.asks, asks_, track.depth, step.asks) || !right(track, fields, before)) {
            track.asks->revert(step.asks.data(), step.asks.size());
            track.bids->revert(step.bids.data(), step.bids.size());
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
        changes.reserve(count);
        const bool stated = !columns.actions.empty(), noted = !columns.notes.empty();
        for (size_t i = 0; i < count; ++i) {
            if (i + AHEAD < count)
                side.expect(columns.prices[i + AHEAD]);
            const int64_t price = columns.prices[i], size = columns.sizes[i];
            const int64_t before = noted ? side.set(price, size, columns.notes[i]) : side.set(price, size);
            if (before != size)
                changes.push_back(Change{price, size, before});
            if (stated && !fits(columns.actions[i], before, size))
                return false;
        }
        side.settle();
        if (!changes.empty() || noted)
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

    bool right(Track &track, const Fields &fields, const uint64_t (&before)[2]) const {
        const Side &bids = *track.bids, &asks = *track.asks;
        if (crossed(bids, asks))
            return false;
        if (!has_checksum(fields))
            return true;
        const Touched bids_touched{bids, before[0], &bids_.prices}, asks_touched{asks, before[1], &asks_.prices};
        if (track.texts.of(proof_, bids_touched, asks_touched, track.places) != stated_checksum(fields))
            return false;
        ++track.checksums_ok;
        return true;
    }

    static bool crossed(const Side &bids, const Side &asks) {
        return !bids.empty() && !asks.empty() && bids.best() >= asks.best();
    }

    /// Of OKX, zero means that there is none.
    bool has_checksum(const Fields &fields) const {
        return proof_ == Proof::kraken || (proof_ == Proof::okx && fields.checksum);
    }

    int64_t stated_checksum(const Fields &fields) const {
        return proof_ == Proof::okx ? fields.checksum & 0xFFFFFFFF : fields.checksum;
    }

    void load(Side &side, const Columns &columns, size_t depth) {
        load_columns(side, columns);
        if (depth) {
            dropped_.clear();
            side.truncate(depth, dropped_);
        }
    }

    static constexpr size_t AHEAD = 6;

    Form form_;
    Rule rule_;
    Proof proof_;
    Shapes shapes_, image_shapes_;
    std::unordered_map<std::string_view, Track *> tracks_;
    Track *recent_ = nullptr;
    Columns bids_, asks_;
    Reading image_;
    Texts image_texts_;
    std::vector<Change> dropped_;
};

} // namespace deltawire
