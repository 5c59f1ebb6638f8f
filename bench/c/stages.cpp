// The kernel's own stages, without Python: what each takes of the same messages.
//
//     stages FILE FORM PRICE_PLACES SIZE_PLACES CHECKSUM ROUNDS
//
// FILE has four lines per message: the book's number, 1 if it is an image, bids, asks. Prints nanoseconds per message
// of the fastest round: reading levels, applying them, the checksum, writing changes.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <time.h>

#include "track.hpp"

using namespace deltawire;

struct Book {
    Side bids{true}, asks{false};
    KrakenChecksum digits;
    OkxChecksum texts;
};

struct Message {
    int book;
    bool image;
    std::string sides[2];
};

static double now_ns() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

static void apply(Side &side, const Columns &columns, bool image, std::vector<Change> &changes) {
    if (image)
        side.clear();
    side.reserve(columns.prices.size());
    for (size_t i = 0; i < columns.prices.size(); ++i) {
        const int64_t price = columns.prices[i], size = columns.sizes[i];
        const int64_t before =
            columns.notes.empty() ? side.set(price, size) : side.set(price, size, columns.notes[i]);
        if (before != size)
            changes.push_back(Change{price, size, before});
    }
    side.settle();
    side.touch();
}

int main(int count, char **arguments) {
    if (count != 7)
        return 2;
    std::ifstream file(arguments[1]);
    std::vector<Message> messages;
    std::string number, image;
    for (Message message; std::getline(file, number) && std::getline(file, image) &&
                          std::getline(file, message.sides[0]) && std::getline(file, message.sides[1]);) {
        message.book = std::atoi(number.c_str());
        message.image = image == "1";
        messages.push_back(message);
    }
    const Form form = static_cast<Form>(std::atoi(arguments[2]));
    const Places places{std::atoi(arguments[3]), std::atoi(arguments[4])};
    const Proof proof = static_cast<Proof>(std::atoi(arguments[5]));
    double best[4] = {1e18, 1e18, 1e18, 1e18};
    uint32_t sum = 0;
    for (int round = std::atoi(arguments[6]); round > 0; --round) {
        std::map<int, Book> books;
        double taken[4] = {0, 0, 0, 0};
        Columns columns[2];
        std::vector<Change> changes[2];
        Buffer buffer;
        for (const Message &message : messages) {
            Book &book = books.try_emplace(message.book).first->second;
            double at[5] = {now_ns()};
            for (int side : {0, 1})
                if (!read_levels(form, message.sides[side].c_str(), places, columns[side]))
                    return 1;
            const Touched touched[] = {{book.bids, book.bids.version(), &columns[0].prices},
                                       {book.asks, book.asks.version(), &columns[1].prices}};
            at[1] = now_ns();
            for (int side : {0, 1}) {
                changes[side].clear();
                apply(side ? book.asks : book.bids, columns[side], message.image, changes[side]);
            }
            at[2] = now_ns();
            if (proof == Proof::kraken)
                sum ^= book.digits(touched[0], touched[1], places.price, places.size);
            else if (proof == Proof::okx)
                sum ^= book.texts(touched[0], touched[1], places.price, places.size);
            at[3] = now_ns();
            buffer.clear();
            for (const auto &side : changes)
                write_changes(buffer, side.data(), side.size(), places);
            at[4] = now_ns();
            for (int stage = 0; stage < 4; ++stage)
                taken[stage] += at[stage + 1] - at[stage];
        }
        for (int stage = 0; stage < 4; ++stage)
            best[stage] = std::min(best[stage], taken[stage]);
    }
    const double clock = [] {
        const double start = now_ns();
        for (int i = 0; i < 1000; ++i)
            now_ns();
        return (now_ns() - start) / 1001;
    }();
    for (const double stage : best)
        std::printf("%.1f ", std::max(0.0, stage / static_cast<double>(messages.size()) - clock));
    std::printf("%u\n", sum);
    return 0;
}
