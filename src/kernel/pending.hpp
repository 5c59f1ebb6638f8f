// Changes of one side gathered until they are published: each price once, with its size back then.
#pragma once

#include "side.hpp"

namespace deltawire {

class Pending {
  public:
    bool empty() const { return before_.empty(); }

    void clear() {
        before_.clear();
        index_.clear();
    }

    void add(const Change *changes, size_t count) {
        grow(count);
        for (size_t i = 0; i < count; ++i) {
            uint32_t &slot = find(changes[i].price);
            if (slot)
                continue;
            before_.push_back(Level{changes[i].price, changes[i].previous});
            slot = static_cast<uint32_t>(before_.size());
        }
    }

    /// Notes what was noted after this, elsewhere: its prices first, with our own sizes where we have them.
    void follow(const Pending &later) {
        const std::vector<Level> ours = before_;
        std::vector<Change> both;
        for (const Level &level : later.before_) {
            const Level *known = at(level.price);
            both.push_back(Change{level.price, 0, known ? known->size : level.size});
        }
        for (const Level &level : ours)
            both.push_back(Change{level.price, 0, level.size});
        clear();
        add(both.data(), both.size());
    }

    /// What was noted of a price, or null.
    const Level *at(int64_t price) {
        if (index_.empty())
            return nullptr;
        const uint32_t slot = find(price);
        return slot ? &before_[slot - 1] : nullptr;
    }

    /// From the published side to the side as it is, in the order in which the prices were touched.
    void take(const Side &side, std::vector<Change> &changes) {
        for (const Level &level : before_)
            if (const int64_t size = side.size_at(level.price); size != level.size)
                changes.push_back(Change{level.price, size, level.size});
        clear();
    }

    void rescale(int64_t price_factor, int64_t size_factor) {
        std::vector<Change> finer;
        for (const Level &level : before_)
            finer.push_back(Change{times(level.price, price_factor), 0, times(level.size, size_factor)});
        clear();
        add(finer.data(), finer.size());
    }

    const std::vector<Level> &before() const { return before_; }

  private:
    uint32_t &find(int64_t price) {
        const size_t mask = index_.size() - 1;
        size_t slot = static_cast<size_t>(static_cast<uint64_t>(price) * 0x9E3779B97F4A7C15u >> 32) & mask;
        while (index_[slot] && before_[index_[slot] - 1].price != price)
            slot = (slot + 1) & mask;
        return index_[slot];
    }

    void grow(size_t more) {
        size_t slots = std::max<size_t>(index_.size(), 16);
        while ((before_.size() + more) * 2 > slots)
            slots *= 2;
        if (slots == index_.size())
            return;
        index_.assign(slots, 0);
        for (size_t i = 0; i < before_.size(); ++i)
            find(before_[i].price) = static_cast<uint32_t>(i + 1);
    }

    std::vector<Level> before_;
    std::vector<uint32_t> index_; // one more than the place in before_, 0: free
};

/// From one list of levels to another, both best first: what is gone, then what differs, each best first.
inline void changes_between(bool bid, const std::vector<Level> &before, const std::vector<Level> &after,
                            std::vector<Change> &changes) {
    std::vector<Change> differing;
    size_t old = 0;
    const auto drop = [&] { changes.push_back(Change{before[old].price, 0, before[old].size}), ++old; };
    for (const Level &level : after) {
        while (old < before.size() && better(bid, before[old].price, level.price))
            drop();
        const bool known = old < before.size() && before[old].price == level.price;
        const int64_t size = known ? before[old++].size : 0;
        if (level.size != size)
            differing.push_back(Change{level.price, level.size, size});
    }
    while (old < before.size())
        drop();
    changes.insert(changes.end(), differing.begin(), differing.end());
}

/// The best levels of a side as they were last published: what `Pending` is to the whole side.
class Top {
  public:
    explicit Top(size_t depth) : depth_(depth) {}

    bool touched() const { return touched_; }
    void add(bool changed) { touched_ |= changed; }
    const std::vector<Level> &published() const { return published_; }

    int64_t size_at(int64_t price) const {
        for (const Level &level : published_)
            if (level.price == price)
                return level.size;
        return 0;
    }

    /// From the levels published to those of now.
    void take(const Side &side, std::vector<Change> &changes) {
        side.levels(depth_, now_);
        changes_between(side.bid(), published_, now_, changes);
        published_.swap(now_);
        touched_ = false;
    }

    void rescale(int64_t price_factor, int64_t size_factor) {
        std::vector<Level> finer;
        for (const Level &level : published_)
            finer.push_back(Level{times(level.price, price_factor), times(level.size, size_factor)});
        published_.swap(finer);
    }

  private:
    size_t depth_;
    bool touched_ = false;
    std::vector<Level> published_, now_;
};

} // namespace deltawire
