"""The envelope around a channel's data, and book levels in the dialect's triples and pairs."""

import json

from deltawire.model.events import Changes, Levels
from deltawire.wire.notifications import (
    BookData,
    BookStatus,
    Envelope,
    all_new,
    change_triples,
    format_data,
    level_pairs,
)
from tests.support.market_events import make_instrument

INSTRUMENT = make_instrument(price_exponent=-2, size_exponent=-3)


def test_an_envelope_is_a_json_rpc_notification_with_epoch_and_seq() -> None:
    note = Envelope('odd"channel\\', "e-1").wrap(41, 40, b'{"a":[1]}')
    assert json.loads(note) == {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": 'odd"channel\\', "epoch": "e-1", "seq": 41, "prev_seq": 40, "data": {"a": [1]}},
    }


def test_changes_say_what_happened_to_each_level() -> None:
    changes = Changes([10050, 10049, 10048], [1500, 0, 7], [0, 20, 9])
    assert change_triples(changes, INSTRUMENT) == [
        ("new", 100.5, 1.5),
        ("delete", 100.49, 0.0),
        ("change", 100.48, 0.007),
    ]


def test_an_image_is_all_new_and_pairs_have_no_action() -> None:
    levels = Levels([10050, 9999], [1, 2000])
    assert change_triples(all_new(levels), INSTRUMENT) == [("new", 100.5, 0.001), ("new", 99.99, 2.0)]
    assert level_pairs(levels, INSTRUMENT) == [(100.5, 0.001), (99.99, 2.0)]


def test_numbers_leave_as_json_numbers_that_read_back_as_the_same_decimals() -> None:
    assert format_data(level_pairs(Levels([10010, 7], [1, 3]), INSTRUMENT)) == b"[[100.1,0.001],[0.07,0.003]]"


def test_an_image_has_no_previous_id_and_a_change_no_status_unless_it_is_news() -> None:
    image = BookData("snapshot", 1, "X", 5, [], [])
    assert set(json.loads(format_data(image))) == {
        "type",
        "timestamp",
        "instrument_name",
        "change_id",
        "bids",
        "asks",
    }
    change = BookData("change", 1, "X", 6, [], [], 5, BookStatus("live"))
    body = json.loads(format_data(change))
    assert (body["prev_change_id"], body["status"]) == (5, {"state": "live"})
