// The fast path of a book message: frame, levels, continuity, ladder, checks, all in one call and all or nothing.
// Whatever is unusual about a message is undone and left to the slower way, which says what it is.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "checksum.hpp"
#include "json.hpp"
#include "scan.hpp"

namespace deltawire {

enum class Rule { previous_id, range, bridged, counter, none };
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
    std::vector<Change> far_bids, far_asks; // beyond the known range
    bool range_moved = false;
};

/// The price up to which every level of a side is known, if there is one.
struct Edge {
    bool fixed = false;
    int64_t price = 0;
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
    Edge bid_edge, ask_edge;
    Texts texts;
};

/// Several layouts, of which a connection keeps to one: each search begins with that of the message before.
class Layouts {
  public:
    Layout &add() { return layouts_.emplace_back(); }
    size_t count() const { return layouts_.size(); }
    Layout &usual() { return layouts_[usual_]; }
    void next() { usual_ = usual_ + 1 == layouts_.size() ? 0 : usual_ + 1; }

  private:
    std::vector<Layout> layouts_;
    size_t usual_ = 0;
};

/// One connection's books by symbol, and the shapes of its messages.
class Router {
  public:
    Router(Form form, Rule rule, Proof proof) : form_(form), rule_(rule), proof_(proof) {}

    Layout &add_update() { return updates_.add(); }
    Layout &add_image() { return images_.add(); }
    void add(Track *track) { tracks_[track->symbol] = track; }

    /// True when the message was taken; `step` says what it did. False: nothing has happened.
    bool take(const char *frame, size_t size, Step &step) {
        for (size_t tried = 0; tried < updates_.count(); ++tried, updates_.next()) {
            Layout &layout = updates_.usual();
            for (size_t i = 0; i < layout.shapes(); ++i, layout.next()) {
                Update update{*this};
                Scan<Update> scan{layout, frame, size, update};
                if (scan.fits(layout.usual()) && update.finish())
                    return follow(*update.track, scan.fields, step);
            }
            Update update{*this};
            Scan<Update> scan{layout, frame, size, update};
            if (scan.whole() && update.finish()) {
                scan.teach(layout);
                return follow(*update.track, scan.fields, step);
            }
        }
        return false;
    }

    /// Whether a frame begins as an image does. If so, the fields name its book, and `read_image` may follow.
    bool begin_image(const char *frame, size_t size) {
        for (size_t tried = 0; tried < images_.count(); ++tried, images_.next()) {
            Names names;
            Scan<Names> scan{images_.usual(), frame, size, names};
            scan.whole();
            image_ = scan.fields;
            if (names.found)
                return true;
        }
        return false;
    }

    const Fields &image_fields() const { return image_; }

    /// Reads the same frame's image into sides, each cut to `depth` (0: left whole), and judges the book they make;
    /// false when it is not right, or anything is unusual. `proved`: it came with a checksum. Where the places are
    /// not `stated`, an image that shows more of them is unusual.
    bool read_image(const char *frame, size_t size, Places places, bool stated, size_t depth, Side &bids, Side &asks,
                    bool &proved) {
        Whole whole{*this, places, {}};
        Scan<Whole> scan{images_.usual(), frame, size, whole};
        if (!scan.whole())
            return false;
        image_ = scan.fields;
        if (!stated && (whole.shown.most.price > places.price || whole.shown.most.size > places.size))
            return false;
        load(bids, bids_, depth);
        load(asks, asks_, depth);
        if (crossed(bids, asks))
            return false;
        proved = has_checksum(image_);
        if (!proved)
            return true;
        image_texts_.forget();
        return image_texts_.of(proof_, Touched{bids}, Touched{asks}, places) == stated_checksum(image_);
    }

    /// The levels of the sides that `read_image` has made, best first.
    void image_levels(const Side &bids, const Side &asks, std::vector<Level> &bid_levels,
                      std::vector<Level> &ask_levels) const {
        list_levels(bids, bids_, bid_levels);
        list_levels(asks, asks_, ask_levels);
    }

  private:
    /// An update's levels are read as they come once its book is known; those that come before that, at the end.
    struct Update {
        Router &router;
        Track *track = nullptr;
        const char *early[2] = {nullptr, nullptr}; // bids, asks

        bool named(const Fields &fields) {
            track = router.find(fields.symbol);
            return track && track->armed && same(fields.label, track->label);
        }

        const char *levels(bool bids, const char *at) {
            if (track)
                return read(bids, at);
            early[!bids] = at;
            return skip_value(at);
        }

        bool finish() {
            return (!early[0] || read(true, early[0])) && (!early[1] || read(false, early[1]));
        }

      private:
        const char *read(bool bids, const char *at) {
            return read_levels(router.form_, at, track->places, bids ? router.bids_ : router.asks_);
        }
    };

    /// Of an image only the names, and no farther.
    struct Names {
        bool found = false;

        bool named(const Fields &) {
            found = true;
            return false;
        }

        const char *levels(bool, const char *at) { return skip_value(at); }
    };

    struct Whole {
        Router &router;
        Places places;
        Shown shown;

        bool named(const Fields &) { return true; }

        const char *levels(bool bids, const char *at) {
            return read_levels(router.form_, at, places, bids ? router.bids_ : router.asks_, shown);
        }
    };

    /// Not by `==`, which loads a view that has just been stored in parts as one, and waits for that.
    static bool same(const std::string_view &name, const std::string &known) {
        return name.size() == known.size() &&
               (known.empty() || std::memcmp(name.data(), known.data(), known.size()) == 0);
    }

    Track *find(const std::string_view &symbol) {
        if (recent_ && same(symbol, recent_->symbol))
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
        case Rule::counter:
            return fields.last == track.last + 1;
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
        for (auto *changes : {&step.bids, &step.asks, &step.far_bids, &step.far_asks})
            changes->clear();
        track.texts.expect();
        const uint64_t before[] = {track.bids->version(), track.asks->version()};
        if (!change(*track.bids, bids_, track.depth, track.bid_edge, step.bids, step.far_bids) ||
            !change(*track.asks, asks_, track.depth, track.ask_edge, step.asks, step.far_asks) ||
            !right(track, fields, before)) {
            revert(*track.asks, step.asks, step.far_asks);
            revert(*track.bids, step.bids, step.far_bids);
            return false;
        }
        if (rule_ != Rule::none)
            track.last = fields.last;
        ++track.deltas;
        step.range_moved = pass(true, track.bid_edge, *track.asks) | pass(false, track.ask_edge, *track.bids);
        if (!step.bids.empty() || !step.asks.empty())
            ++track.sequence;
        step.track = &track;
        step.venue_ns = fields.venue_ns;
        return true;
    }

    /// In any order: no price is both within the known range and beyond it.
    static void revert(Side &side, const std::vector<Change> &near, const std::vector<Change> &far) {
        side.revert(near.data(), near.size());
        side.revert(far.data(), far.size());
    }

    /// Moves the edge of a side's known range to the best opposite price, when that has passed it; see
    /// model/known_range.py.
    static bool pass(bool bid, Edge &edge, const Side &opposite) {
        if (!edge.fixed || opposite.empty() || !better(bid, edge.price, opposite.best()))
            return false;
        edge.price = opposite.best();
        return true;
    }

    /// Applies one side's levels; false when an action contradicts the levels. What was changed is in `changes`, or
    /// in `far` if it lies beyond the edge.
    static bool change(Side &side, const Columns &columns, size_t depth, const Edge &edge,
                       std::vector<Change> &changes, std::vector<Change> &far) {
        const size_t count = columns.prices.size();
        if (!count)
            return true;
        side.reserve(count);
        changes.reserve(count);
        const int64_t lowest = side.bid() && edge.fixed ? edge.price : INT64_MIN;
        const int64_t highest = !side.bid() && edge.fixed ? edge.price : INT64_MAX;
        const bool stated = !columns.actions.empty(), noted = !columns.notes.empty();
        for (size_t i = 0; i < count; ++i) {
            if (i + AHEAD < count)
                side.expect(columns.prices[i + AHEAD]);
            const int64_t price = columns.prices[i], size = columns.sizes[i];
            const int64_t before = noted ? side.set(price, size, columns.notes[i]) : side.set(price, size);
            if (before != size)
                (((price < lowest) | (price > highest)) ? far : changes).push_back(Change{price, size, before});
            if (stated && !fits(columns.actions[i], before, size))
                return false;
        }
        side.settle();
        if (!changes.empty() || !far.empty() || noted)
            side.touch();
        if (depth && side.count() > depth) {
            const auto kept = static_cast<std::ptrdiff_t>(changes.size());
            side.truncate(depth, changes); // nearest first
            const auto beyond = std::find_if(changes.begin() + kept, changes.end(), [&](const Change &dropped) {
                return (dropped.price < lowest) | (dropped.price > highest);
            });
            far.insert(far.end(), beyond, changes.end());
            changes.erase(beyond, changes.end());
        }
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
    Layouts updates_, images_;
    std::unordered_map<std::string_view, Track *> tracks_;
    Track *recent_ = nullptr;
    Columns bids_, asks_;
    Fields image_;
    Texts image_texts_;
    std::vector<Change> dropped_;
};

} // namespace deltawire
