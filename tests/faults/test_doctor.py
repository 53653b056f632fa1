"""`doctor`, `backup` and `restore`: what is sound passes, what is wrong is named, and trades are never touched."""

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from metrics_sidecar import doctor as sidecar_doctor
from metrics_sidecar.snapshot import FILE_NAME as SNAPSHOT
from telemetry_stream.errors import BackupFailed, DamagedHistory, JournalInUse
from telemetry_stream.events import Submission
from telemetry_stream.stores.sqlite.backup import back_up, restore
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.store import SqliteStore
from telemetry_stream.topics import Topic
from tests.support.apps import Apps, running_apps
from tests.support.audit import journaled
from tests.support.load import Bots, make_trade, post_batch
from tests.support.polling import eventually
from tests.support.programs import run_command
from trading_app.commands import doctor as journal_doctor
from trading_app.intake.decode import read_trade
from trading_app.intake.event import TradeIds
from trading_app.intake.identity import KEY_RULES
from trading_app.ledger.event import make_event, stored_label
from trading_model.topics import LEDGER

TRADES = 2_500
TRADE = b'{"trade_id":"fill-%d","symbol":"XRP-USD","side":"buy","price":"105.00","qty":"1"}'


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Both apps, running, with some trades and a snapshot that has them."""
    with running_apps(tmp_path_factory.mktemp("apps"), SIDECAR_SNAPSHOT_SECONDS="0.1") as started:
        chance = random.Random(1)
        post_batch(started.web_port, [make_trade(f"trade-{index}", chance) for index in range(TRADES)])
        started.wait_until_applied(TRADES)
        eventually((started.data / SNAPSHOT).exists, what="a snapshot")
        yield started


@pytest.fixture
def data(apps: Apps, tmp_path: Path) -> Path:
    """A folder with a copy of the journal and of the snapshot; nothing runs there."""
    back_up(apps.data, tmp_path / "journal.sqlite3")
    (tmp_path / SNAPSHOT).write_bytes((apps.data / SNAPSHOT).read_bytes())
    return tmp_path


def unpacked(*values: "apsw.SQLiteValue") -> str:
    """In SQL, the events of what is stored."""
    [stored] = values
    assert isinstance(stored, bytes)
    return unpack(stored).decode()


def change(data: Path, *statements: str) -> None:
    connection = apsw.Connection(str(data / "journal.sqlite3"))
    connection.create_scalar_function("unpacked", unpacked, 1)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def command(apps: Apps, name: str, *words: object) -> subprocess.CompletedProcess[str]:
    return run_command(name, *words, environment=apps.environment)


def test_all_is_sound_while_both_apps_run(apps: Apps) -> None:
    journal = command(apps, "trading-app", "doctor")
    assert journal.returncode == 0, journal.stdout + journal.stderr
    assert "in use by a running app" in journal.stdout
    assert "events, each exactly once" in journal.stdout
    snapshot = command(apps, "metrics-sidecar", "doctor")
    assert snapshot.returncode == 0, snapshot.stdout + snapshot.stderr
    assert "sound, after event 2,500" in snapshot.stdout


def test_a_journal_that_is_not_there_is_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert journal_doctor.examine(SqliteStore(), tmp_path, 0, repair=False) == 0
    assert sidecar_doctor.examine(SqliteStore(), tmp_path, repair=False) == 0
    assert capsys.readouterr().out.count("missing") == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM batch WHERE first = 1001", "sequences 1001 to 2000 are missing"),
        ("DELETE FROM batch WHERE first = 1", "sequences 1 to 1000 are missing"),
        ("UPDATE batch SET events = substr(events, 1, 5000) WHERE first = 1", "1 to 1000 does not hold them"),
        (
            "UPDATE batch SET events = CAST(substr(unpacked(events), 1, 5000) AS BLOB) WHERE first = 1",
            "does not hold them",
        ),
        ("UPDATE batch SET keys = substr(keys, 1, 1600) WHERE first = 1", "1 to 1000 has not one key for each"),
        (
            "UPDATE batch SET keys = CAST(substr(keys, 2) || substr(keys, 1, 1) AS BLOB) WHERE first = 1",
            "1 to 1000 has digests of other keys than its events",
        ),
        (
            "UPDATE batch SET committed_at_ns = committed_at_ns + 1 WHERE first = 1",
            "1 to 1000 has another commit time or other digests than were committed",
        ),
        (
            "UPDATE batch SET events = CAST(replace(unpacked(events), 'main', 'mine') AS BLOB) WHERE first = 1",
            "1 to 1000 does not hold the events that were committed",
        ),
        ("UPDATE batch SET hash = zeroblob(16) WHERE first = 1", "its hash is of others"),
        ("INSERT INTO request_key VALUES ('', 'late', x'00', 9000, 9001, 2, 1)", "name events that are not there"),
        ("DELETE FROM stream", "the stream has no id"),
        ("PRAGMA user_version = 9", "has layout 9"),
        ("PRAGMA application_id = 9", "is a database, but no journal"),
    ],
)
def test_what_is_missing_in_a_journal_is_named(
    data: Path, statement: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(data, statement)
    before = (data / "journal.sqlite3").read_bytes()
    assert journal_doctor.examine(SqliteStore(), data, 0, repair=True) == 1
    output = capsys.readouterr().out
    assert said in output
    assert "trading-app restore FILE" in output
    assert (data / "journal.sqlite3").read_bytes() == before


def test_a_damaged_database_is_named(data: Path) -> None:
    file = data / "journal.sqlite3"
    content = bytearray(file.read_bytes())
    content[40_000:60_000] = random.Random(2).randbytes(20_000)
    file.write_bytes(content)
    assert check_journal(file).problems
    file.write_bytes(b"no database at all" * 1_000)
    assert check_journal(file).problems
    assert check_journal(data / "absent").problems


def test_a_journal_without_trades_is_sound(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    report = check_journal(tmp_path / "journal.sqlite3")
    assert (report.head, report.problems) == (0, [])


def test_a_large_log_left_behind_is_brought_home(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(data, "PRAGMA journal_mode = wal")
    log = data / "journal.sqlite3-wal"
    connection = apsw.Connection(str(data / "journal.sqlite3"))
    connection.execute("UPDATE stream SET created_at_ns = 1")
    connection.execute("CREATE TABLE filler AS SELECT hex(zeroblob(4000))")
    connection.execute("DROP TABLE filler")
    left = log.read_bytes()
    connection.close()
    log.write_bytes(left)  # as a kill leaves it
    monkeypatch.setattr(journal_doctor, "LARGE_LOG_BYTES", 1_000)
    assert journal_doctor.examine(SqliteStore(), data, 0, repair=False) == 1
    assert "its trades are safe" in capsys.readouterr().out
    assert journal_doctor.examine(SqliteStore(), data, 0, repair=True) == 0
    assert "repaired" in capsys.readouterr().out
    assert not log.exists()
    assert check_journal(data / "journal.sqlite3").problems == []


def test_an_unusable_snapshot_is_named_and_set_aside(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = data / SNAPSHOT
    content = file.read_bytes()
    assert sidecar_doctor.examine(SqliteStore(), data, repair=False) == 0
    file.write_bytes(content[:-100])
    assert sidecar_doctor.examine(SqliteStore(), data, repair=False) == 1
    assert "torn or was changed" in capsys.readouterr().out
    assert sidecar_doctor.examine(SqliteStore(), data, repair=True) == 0
    assert not file.exists()
    assert (data / sidecar_doctor.ASIDE).read_bytes() == content[:-100]
    assert sidecar_doctor.examine(SqliteStore(), data, repair=False) == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE stream SET id = 'another'", "the journal to another"),
        ("DELETE FROM batch WHERE first > 1000", "the journal only 1,000"),
        ("UPDATE batch SET hash = zeroblob(16)", "differs at or before trade 2,500"),
    ],
)
def test_a_snapshot_of_another_journal_is_named(
    data: Path, statement: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(data, statement)
    assert sidecar_doctor.examine(SqliteStore(), data, repair=False) == 1
    assert said in capsys.readouterr().out


def test_a_copy_made_under_load_is_whole_and_can_be_put_back(apps: Apps, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    bots = Bots(apps.web_port, 3, seed=3)
    bots.wait_for_more(50)
    before = len(bots.acknowledged)
    done = command(apps, "trading-app", "backup", copy)
    bots.wait_for_more(50)
    bots.end()
    assert done.returncode == 0, done.stderr
    report, aside = restore(copy, tmp_path / "elsewhere")
    assert aside is None
    assert f"{report.head:,} events of stream {check_journal(copy).stream}, checked" in done.stdout
    all_trades, copied = list(journaled(apps.data)), list(journaled(tmp_path / "elsewhere"))
    assert copied == all_trades[: len(copied)]
    assert before <= len(copied) - TRADES <= len(bots.acknowledged)


def test_a_copy_that_is_put_back_is_another_stream_of_the_same_ledger(data: Path, tmp_path: Path) -> None:
    copy = check_journal(data / "journal.sqlite3")
    restored = [restore(data / "journal.sqlite3", tmp_path / name)[0] for name in ("one", "two")]
    assert len({copy.stream, *(report.stream for report in restored)}) == 3
    assert {report.ledger for report in restored} == {copy.ledger}
    for name, report in zip(("one", "two"), restored, strict=True):
        now = check_journal(tmp_path / name / "journal.sqlite3")
        assert (now.stream, now.ledger, now.head, now.problems) == (report.stream, copy.ledger, copy.head, [])
    with closing(Journal(tmp_path / "one")) as journal:
        assert journal.stream == restored[0].stream


def test_a_copy_of_the_version_before_is_put_back(tmp_path: Path) -> None:
    """It gets the present layout first, so that its ledger is known by the id it had."""
    golden = Path(__file__).parents[1] / "golden" / "ef86417" / "journal.sqlite3"
    before = check_journal(golden)
    report, _ = restore(golden, tmp_path)
    assert (report.ledger, report.head) == (before.stream, before.head)
    assert report.stream != before.stream
    assert check_journal(tmp_path / "journal.sqlite3", KEY_RULES).problems == []
    assert not list(tmp_path.glob("*restoring*"))


def test_one_changed_digit_in_a_row_that_is_not_compressed_is_found(tmp_path: Path) -> None:
    """SQLite's own check does not see it, and such a row has no checksum of a compressed frame."""
    with closing(Journal(tmp_path, Topic(LEDGER, key_rules=KEY_RULES))) as journal:
        for number in range(3):
            journal.append([Submission([read_trade(TRADE % number, time.time_ns(), TradeIds())])])
    copy, file = tmp_path / "copy.sqlite3", tmp_path / "journal.sqlite3"
    back_up(tmp_path, copy, KEY_RULES)
    change(tmp_path, "UPDATE batch SET events = CAST(replace(events, '105.00', '195.00') AS BLOB) WHERE first = 2")
    [problem] = check_journal(file, KEY_RULES).problems
    assert "sequences 2 to 2 does not hold the events that were committed" in problem
    with pytest.raises(BackupFailed, match="sequences 2 to 2"):
        back_up(tmp_path, tmp_path / "another.sqlite3", KEY_RULES)
    with closing(JournalReader(tmp_path)) as reader:
        assert reader.read(0, 1).count == 1
        with pytest.raises(DamagedHistory, match="sequences 2 to 2"):
            reader.read(1, 1)
        assert reader.read(2, 1).count == 1


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM labelled WHERE sequence = 3",
        "UPDATE labelled SET target = 2 WHERE sequence = 3",
        "UPDATE labelled SET id = 'other' WHERE sequence = 3",
        "INSERT INTO labelled VALUES (2, 'void', 'void-1', 1)",
    ],
)
def test_a_wrong_label_is_found(tmp_path: Path, damage: str) -> None:
    with closing(Journal(tmp_path, Topic(LEDGER, key_rules=KEY_RULES))) as journal:
        for number in range(2):
            journal.append([Submission([read_trade(TRADE % number, time.time_ns(), TradeIds())])])
        journal.append([Submission([make_event("void", "void-1", 1, '{"was":{}}')])])
    file = tmp_path / "journal.sqlite3"
    assert check_journal(file, KEY_RULES, stored_label).problems == []
    change(tmp_path, damage)
    [problem] = check_journal(file, KEY_RULES, stored_label).problems
    assert "has other labels than its events" in problem


def test_a_copy_never_takes_the_place_of_a_file(data: Path) -> None:
    with pytest.raises(BackupFailed, match="there already"):
        back_up(data, data / SNAPSHOT)
    with pytest.raises(BackupFailed, match="no journal"):
        back_up(data / "nothing", data / "copy")


def test_a_copy_that_is_not_sound_is_not_put_back_and_nothing_changes(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    Journal(target).close()
    before = (target / "journal.sqlite3").read_bytes()
    change(data, "UPDATE batch SET keys = x'' WHERE first = 1")
    with pytest.raises(BackupFailed, match="one key for each"):
        restore(data / "journal.sqlite3", target)
    assert (target / "journal.sqlite3").read_bytes() == before
    assert {file.name for file in target.iterdir()} <= {"journal.sqlite3", "journal.lock"}


def test_a_journal_whose_log_is_beside_it_is_no_backup(data: Path, tmp_path: Path) -> None:
    (data / "journal.sqlite3-wal").write_bytes(b"what was committed last")
    with pytest.raises(BackupFailed, match=r"journal\.sqlite3-wal belongs to it"):
        restore(data / "journal.sqlite3", tmp_path / "target")


def test_what_was_there_is_set_aside_with_its_log(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    Journal(target).close()
    (target / "journal.sqlite3-wal").write_bytes(b"a log of another journal")
    report, aside = restore(data / "journal.sqlite3", target)
    assert report.head >= TRADES
    assert aside is not None
    assert {file.name for file in aside.iterdir()} == {"journal.sqlite3", "journal.sqlite3-wal"}
    assert check_journal(target / "journal.sqlite3").problems == []


def test_nothing_is_put_back_while_an_app_writes(apps: Apps, data: Path) -> None:
    with pytest.raises(JournalInUse):
        restore(data / "journal.sqlite3", apps.data)
    done = command(apps, "trading-app", "restore", data / "journal.sqlite3")
    assert done.returncode == 1
    assert "another process writes the journal" in done.stderr
