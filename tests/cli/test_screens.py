"""What `watch` shows in a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from deltawire.cli.screens import Screen
from deltawire.errors import FeedError
from deltawire.session.client import Notification

BOOK = "book.BTC-PERPETUAL.100ms"
AT_MS = 1_700_000_000_120
SIDES = {"bids": 100.0, "asks": 200.0}


def shown(screen: Screen) -> list[str]:
    """The lines of the screen, without colours."""
    console = Console(file=io.StringIO(), width=150)
    console.print(screen.render())
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def cells(screen: Screen) -> list[list[str]]:
    """The words of each line, frames apart."""
    return [words for line in shown(screen) if (words := line.strip("│╭╮╰╯─ ").split())]


def image(**more: Any) -> dict[str, Any]:
    known = {"type": "snapshot", "timestamp": AT_MS, "change_id": 5}
    sides = {
        "bids": [["new", 61837.5, 1500.0], ["new", 61837.0, 3000.0]],
        "asks": [["new", 61838.0, 750.0], ["new", 61840.5, 0.25]],
    }
    return known | sides | more


def change(**more: Any) -> dict[str, Any]:
    known = {
        "type": "change",
        "timestamp": AT_MS,
        "prev_change_id": 5,
        "change_id": 6,
        "bids": [],
        "asks": [],
    }
    return known | more


def screen_with(*notes: tuple[str, Any]) -> Screen:
    screen = Screen()
    for channel, data in notes:
        screen.take(Notification(channel, data))
    return screen


def test_before_the_first_message_it_says_so() -> None:
    assert shown(Screen()) == ["waiting for the first message …"]


def test_a_ladder_has_asks_above_bids_and_the_spread_between() -> None:
    bar = "█"
    assert cells(screen_with((BOOK, image()))) == [
        [BOOK],
        ["0.25", "61,840.5", bar],
        ["750", "61,838.0", bar * 4],
        ["±", "0.5"],
        ["1,500", "61,837.5", bar * 9],
        ["3,000", "61,837.0", bar * 18],
        ["live", "2023-11-14", "22:13:20.12"],
    ]


def test_a_ladder_follows_the_changes() -> None:
    screen = screen_with(
        (BOOK, image()), (BOOK, change(bids=[["delete", 61837.5, 0.0], ["new", 61836.25, 1.0]]))
    )
    bids = [row[:2] for row in cells(screen)[4:6]]
    assert bids == [["3,000", "61,837.00"], ["1", "61,836.25"]]


def test_a_stale_book_is_never_shown_as_live() -> None:
    screen = screen_with((BOOK, image()), (BOOK, change(status={"state": "stale", "reason": "checksum"})))
    assert cells(screen)[-1][:2] == ["stale", "checksum"]


def test_a_closed_book_says_why() -> None:
    status = {"state": "stale", "reason": "closed", "detail": "expired"}
    screen = screen_with((BOOK, image()), (BOOK, change(status=status)))
    assert cells(screen)[-1][:3] == ["stale", "closed", "(expired)"]
    screen.take(Notification(BOOK, change(prev_change_id=6, change_id=7, status={"state": "live"})))
    assert cells(screen)[-1][0] == "live"


def test_a_book_whose_chain_breaks_is_an_error_not_a_picture() -> None:
    with pytest.raises(FeedError, match="does not follow"):
        screen_with((BOOK, image()), (BOOK, change(prev_change_id=4)))


@pytest.mark.parametrize(("bids", "asks"), [([], [["new", 1.0, 1.0]]), ([["new", 1.0, 1.0]], []), ([], [])])
def test_a_side_may_be_empty(bids: Any, asks: Any) -> None:
    assert ["one-sided"] in cells(screen_with((BOOK, image(bids=bids, asks=asks))))


def test_only_the_best_levels_are_shown() -> None:
    bids = [["new", 100.0 - number, 1.0] for number in range(50)]
    asks = [["new", 101.0 + number, 1.0] for number in range(50)]
    rows = [
        row[1]
        for row in cells(screen_with((BOOK, image(bids=bids, asks=asks))))
        if len(row) == 3 and row[0] == "1"
    ]
    assert rows == [f"{price}" for price in range(112, 100, -1)] + [
        f"{price}" for price in range(100, 88, -1)
    ]


def test_a_grouped_book_is_shown_without_prices_while_it_is_stale() -> None:
    channel = "book.BTC-PERPETUAL.none.10.100ms"
    pairs = {"timestamp": AT_MS, "bids": [[100.0, 5.0]], "asks": [[101.5, 6.0]]}
    screen = screen_with((channel, pairs))
    assert ["5", "100.0", "█" * 15] in cells(screen)
    assert cells(screen)[-1][0] == "live"
    stale = {"timestamp": AT_MS, "bids": [], "asks": [], "status": {"state": "stale", "reason": "gap"}}
    screen.take(Notification(channel, stale))
    assert cells(screen)[-1][:2] == ["stale", "gap"]
    assert not any("100.0" in row for row in cells(screen))


def test_ladders_stand_side_by_side() -> None:
    screen = screen_with((BOOK, image()), ("book.ETH-PERPETUAL.raw", image()))
    assert any(line.count("61,837.5") == 2 for line in shown(screen))


def test_the_tape_has_the_newest_trade_on_top_and_keeps_the_last() -> None:
    def trade(number: int) -> dict[str, Any]:
        side = "buy" if number % 2 else "sell"
        known = {"instrument_name": "BTC[/x]-PERPETUAL", "direction": side, "timestamp": AT_MS + number}
        return known | {"price": 61_800.5 + number, "amount": 10.0 * number}

    screen = screen_with(*[("trades.BTC-PERPETUAL.raw", [trade(number)]) for number in range(30)])
    rows = [row for row in cells(screen) if "BTC[/x]-PERPETUAL" in row]
    assert rows[0] == ["22:13:20.14", "BTC[/x]-PERPETUAL", "61,829.5", "290"]
    assert [row[-1] for row in rows] == [f"{10 * number}" for number in range(29, 4, -1)]


def test_everything_else_shows_its_last_word() -> None:
    ticker = {"mark_price": 5.5, "stats": {"high": 6.0, "low": None}, "odd": "[/red]"}
    screen = screen_with(("ticker.X.raw", {"mark_price": 1.0}), ("ticker.X.raw", ticker), ("list", [1, 2]))
    found = cells(screen)
    assert ["mark_price", "5.5"] in found
    assert ["stats", "high", "6.0,", "low", "None"] in found
    assert ["odd", "[/red]"] in found
    assert ["[1,", "2]"] in found


def test_names_are_shown_as_they_are_whatever_they_contain() -> None:
    screen = screen_with(("book.[bold]X[/nothing].raw", image()), ("status.[/red]", {"state": "live"}))
    text = "\n".join(shown(screen))
    assert "book.[bold]X[/nothing].raw" in text
    assert "status.[/red]" in text


@pytest.mark.parametrize("lines", [8, 24, 30, 60])
def test_a_ladder_and_a_tape_are_as_long_as_the_terminal_is_high(lines: int) -> None:
    levels = {side: [["new", price + number, 1.0] for number in range(30)] for side, price in SIDES.items()}
    trade = {"instrument_name": "X", "direction": "buy", "timestamp": AT_MS, "price": 1.0, "amount": 1.0}
    screen = Screen("authenticated as somebody")
    screen.take(Notification(BOOK, image(**levels)))
    screen.take(Notification("trades.X.raw", [trade] * 40))
    console = Console(file=io.StringIO(), width=150)
    console.print(screen.render(lines))
    assert isinstance(console.file, io.StringIO)
    picture = console.file.getvalue().splitlines()
    assert min(lines, 28) - 2 <= len(picture) < max(lines, 29)
    assert picture[0].startswith("2 notifications, authenticated as somebody")
    assert any("live" in line for line in picture)


def last_line(screen: Screen, now: float) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(screen.render(now=now))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()[-1].strip("╰╯─ ")


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        (BOOK, image()),
        ("book.BTC-PERPETUAL.none.10.100ms", {"timestamp": AT_MS, "bids": [[100.0, 5.0]], "asks": []}),
        ("ticker.BTC-PERPETUAL.raw", {"state": "open"}),
        (
            "trades.BTC-PERPETUAL.raw",
            [{"instrument_name": "X", "direction": "buy", "timestamp": AT_MS, "price": 1.0, "amount": 1.0}],
        ),
    ],
)
def test_what_has_said_nothing_for_a_while_says_for_how_long(channel: str, data: Any) -> None:
    screen = Screen()
    screen.take(Notification(channel, data), 100.0)
    assert "nothing" not in last_line(screen, 102.9)
    assert last_line(screen, 103.0).startswith("no data for 3 s")
    assert last_line(screen, 225.5).startswith("no data for 2 min 5 s")
    assert "live" not in last_line(screen, 225.5)
    screen.lose("1006")
    assert last_line(screen, 225.5).startswith("disconnected")
    screen.take(Notification("quote.X", {}), 226.0)
    assert "no data yet" in "\n".join(line for line in shown(screen) if "disconnected" not in line)


def test_a_stale_book_stays_stale_however_long_nothing_comes() -> None:
    screen = screen_with((BOOK, image()), (BOOK, change(status={"state": "stale", "reason": "gap"})))
    assert last_line(screen, 99.0).startswith("stale gap")
