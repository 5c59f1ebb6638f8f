"""An exchange starts from its journal, or says why it cannot."""

from pathlib import Path

import pytest

from deltawire.errors import JournalError
from deltawire.exchange.accounts.history import AccountHistory
from deltawire.exchange.accounts.no_risk_check import NoRiskCheck
from deltawire.exchange.codec import Codec
from deltawire.exchange.exchange import Exchange
from deltawire.exchange.orders.records import Cancel
from deltawire.exchange.snapshots import freeze
from deltawire.journal.files import DiskFiles
from deltawire.journal.journal import Journal
from deltawire.journal.recovery import recover, save
from tests.support.streams import Stream

CODEC = Codec()


def started(directory: Path) -> tuple[Exchange, Journal, int]:
    files = DiskFiles(directory)
    journal, exchange = Journal(files, str(directory), salt=1), Exchange(NoRiskCheck())
    try:
        return exchange, journal, recover(exchange, AccountHistory(), CODEC, journal)
    finally:
        files.close()


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_restart_leads_to_the_same_state(tmp_path: Path, *, snapshot: bool) -> None:
    files = DiskFiles(tmp_path)
    journal = Journal(files, "j", salt=1)
    history = AccountHistory()
    exchange = Exchange(NoRiskCheck(), lambda record: batch.append(CODEC.encode(record)))
    assert recover(exchange, history, CODEC, journal) == 0
    for turn in range(4):
        batch: list[bytes] = []
        for record in list(Stream(3).records(400))[turn * 100 : turn * 100 + 100]:
            history.apply(exchange.submit(record))
        journal.append(batch)
        if snapshot and turn == 2:
            journal.keep(save(exchange, history))
    files.close()
    restarted, journal, replayed = started(tmp_path)
    assert freeze(restarted) == freeze(exchange)
    assert (replayed == journal.sequence) is not snapshot


def test_a_record_that_is_refused_in_the_replay_refuses_to_start(tmp_path: Path) -> None:
    files = DiskFiles(tmp_path)
    journal = Journal(files, "j", salt=1)
    list(journal.records())
    journal.append([CODEC.encode(Cancel(at_ns=1, account=1, order_id=1))])
    files.close()
    with pytest.raises(JournalError, match="record 1: was refused in the replay: order_not_found"):
        started(tmp_path)


def test_bytes_that_are_no_record_refuse_to_start(tmp_path: Path) -> None:
    files = DiskFiles(tmp_path)
    journal = Journal(files, "j", salt=1)
    list(journal.records())
    journal.append([b"{}"])
    journal.keep(b"[]")
    files.close()
    with pytest.raises(JournalError, match="not a valid state"):
        started(tmp_path)
    (tmp_path / "snapshot-00000000000000000001.bin").unlink()
    with pytest.raises(JournalError, match="record 1: cannot be read"):
        started(tmp_path)
