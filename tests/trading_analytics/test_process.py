"""trading-analytics as a process, against a real journal and real sockets."""

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import httpx
import pytest
import zmq

from telemetry_stream.transports.zeromq.curve import ServerKeys, make_key_file
from tests.support.apps import BIN, Apps, answers, samples_of
from tests.support.changed_bytes import change_rows
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.support.programs import run_command
from tests.trading_analytics.journal import applied, journaling, wait_until_applied
from tests.trading_history.ledgers import Ledger, a_random_ledger, fold
from trading_analytics import __version__, metrics
from trading_history.digest import digest
from trading_history.schema import DATABASE, HISTORY_FILE, LAYOUT
from trading_history.writer import HistoryWriter

ANALYTICS = "trading-analytics"
SEED = 20_261_128


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    made = Apps(tmp_path)
    made.data.mkdir()
    yield made
    made.end()


def is_like_a_rebuild(apps: Apps, ledger: Ledger) -> bool:
    """Whether the store's rows are those of a fold of the whole ledger."""
    expected = apps.folder / "expected"
    fold(expected, ledger, with_figures=True)
    return digest(apps.data) == digest(expected)


def run(apps: Apps, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(ANALYTICS, *arguments, environment=apps.environment, folder=apps.folder)


def test_it_answers_503_until_it_has_all_and_serves_its_metrics_meanwhile(apps: Apps) -> None:
    apps.start(ANALYTICS)
    eventually(lambda: answers(f"{apps.analytics_url}/healthz"))
    refusal = HTTP.get(f"{apps.analytics_url}/readyz")
    assert (refusal.status_code, refusal.json()["code"]) == (503, "not_caught_up")
    assert samples_of(f"{apps.analytics_url}/metrics")["trading_history_caught_up"] == "0"
    with journaling(apps) as journal:
        journal.put(a_random_ledger(1, 200))
        eventually(lambda: applied(apps.data) == 200)
        apps.wait_for(ANALYTICS)
        shown = samples_of(f"{apps.analytics_url}/metrics")
        stream = f'{{stream="{journal.stream.stream}"}}'
        assert shown[f"trading_history_applied_sequence{stream}"] == "200"
        assert shown["trading_history_progress_ratio"] == "1.000000"
        of_markets = {one.name for one in metrics.ALL if one.name.startswith("trading_market_")}  # there is no feed
        expected = {one.name for one in metrics.ALL} - of_markets
        eventually(lambda: names_shown(apps) == expected, what="the figures of performance")
        assert is_like_a_rebuild(apps, journal.ledger)
        assert apps.stop() == {ANALYTICS: 0}


def names_shown(apps: Apps) -> set[str]:
    shown = samples_of(f"{apps.analytics_url}/metrics")
    return {re.split(r"[{ ]|_bucket|_sum|_count", name)[0] for name in shown}


@pytest.mark.long
def test_killed_again_and_again_each_event_is_in_the_history_once(apps: Apps) -> None:
    chance = random.Random(SEED)
    whole = a_random_ledger(7, 900)
    with journaling(apps) as journal:
        for last in range(100, 901, 100):
            apps.start(ANALYTICS)
            journal.put(Ledger(whole.events[:last]))
            wanted = last - chance.randrange(100)
            wait_until_applied(apps.data, wanted)
            apps.kill(ANALYTICS)
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        assert is_like_a_rebuild(apps, whole)


def test_another_writer_is_waited_for_and_said(apps: Apps) -> None:
    with journaling(apps) as journal, closing(HistoryWriter(apps.data)):
        journal.put(a_random_ledger(2, 50))
        apps.start(ANALYTICS)
        eventually(lambda: "another process writes" in httpx_text(apps, "/readyz"))
    with journaling(apps):
        apps.wait_for(ANALYTICS)
        assert applied(apps.data) == 50


def httpx_text(apps: Apps, path: str) -> str:
    try:
        return HTTP.get(f"{apps.analytics_url}{path}").text
    except httpx.TransportError:
        return ""


def test_a_damaged_store_is_rebuilt_and_said(apps: Apps) -> None:
    (apps.data / HISTORY_FILE).write_bytes(b"this is not a database" * 1_000)
    with journaling(apps) as journal:
        journal.put(a_random_ledger(3, 100))
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        assert is_like_a_rebuild(apps, journal.ledger)
        assert samples_of(f"{apps.analytics_url}/metrics")["trading_history_rebuilds_total"] == "1"
    assert "history not used, rebuilding it" in apps.log(ANALYTICS).read_text()


def test_damage_that_only_another_program_finds_is_mended_within_moments(apps: Apps) -> None:
    with journaling(apps) as journal:
        journal.put(a_random_ledger(3, 300))
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        with closing(DATABASE.open_to_write(apps.data)) as connection:
            connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
        change_rows(apps.data / HISTORY_FILE, "trades")
        checked = run(apps, "check")
        assert (checked.returncode, "does not match its checksum" in checked.stdout) == (1, True)
        eventually(lambda: samples_of(f"{apps.analytics_url}/metrics")["trading_history_rebuilds_total"] == "1")
        apps.wait_for(ANALYTICS)
        assert run(apps, "check", "--full").returncode == 0


def test_a_store_that_is_removed_under_the_program_is_made_again_and_said(apps: Apps) -> None:
    """SQLite would write on in the removed file, and nobody could read what it writes."""
    with journaling(apps) as journal:
        journal.put(a_random_ledger(3, 60))
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        (apps.data / HISTORY_FILE).unlink()  # its log is left behind, whose pages are not the next store's
        eventually(lambda: applied(apps.data) == 60)
        apps.wait_for(ANALYTICS)
        assert is_like_a_rebuild(apps, journal.ledger)
    assert f"{HISTORY_FILE} was removed or replaced while it was open" in apps.log(ANALYTICS).read_text()


def test_a_store_of_a_later_version_is_kept_and_said(apps: Apps) -> None:
    fold(apps.data, a_random_ledger(4, 20))
    with closing(DATABASE.open_to_write(apps.data)) as connection:
        connection.pragma("user_version", LAYOUT + 1)
    apps.start(ANALYTICS)
    eventually(lambda: f"layout {LAYOUT + 1}" in httpx_text(apps, "/readyz"))
    with closing(apsw.Connection(str(apps.data / HISTORY_FILE))) as connection:
        assert connection.pragma("user_version") == LAYOUT + 1
    assert samples_of(f"{apps.analytics_url}/metrics")["trading_history_failures_total"] != "0"


def test_a_lock_of_another_program_is_said_and_the_work_goes_on_after_it(apps: Apps) -> None:
    with journaling(apps) as journal:
        journal.put(a_random_ledger(5, 40))
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        with closing(apsw.Connection(str(apps.data / HISTORY_FILE))) as shell:
            shell.execute("BEGIN IMMEDIATE")
            journal.put(Ledger(a_random_ledger(5, 80).events))
            eventually(lambda: "another program holds the lock" in httpx_text(apps, "/readyz"))
            shell.execute("ROLLBACK")
        eventually(lambda: applied(apps.data) == 80)
        apps.wait_for(ANALYTICS)
        assert is_like_a_rebuild(apps, journal.ledger)


@pytest.mark.skipif(sys.platform != "linux", reason="files are bounded by RLIMIT_FSIZE here")
def test_a_store_that_cannot_grow_is_said_and_the_web_app_is_not_affected(apps: Apps) -> None:
    with journaling(apps) as journal:
        journal.put(a_random_ledger(6, 400))
        limited = ["sh", "-c", f"ulimit -f 64; exec {BIN / ANALYTICS}"]  # blocks of 512 bytes
        apps.start(ANALYTICS, limited)
        eventually(lambda: HISTORY_FILE in httpx_text(apps, "/readyz"))
        assert journal.stream.head() == 400
        apps.kill(ANALYTICS)
        apps.start(ANALYTICS)
        apps.wait_for(ANALYTICS)
        assert is_like_a_rebuild(apps, journal.ledger)


def test_with_keys_it_follows_and_says_what_to_do_while_the_web_app_does_not_know_its_key(apps: Apps) -> None:
    public, secret = zmq.curve_keypair()
    own = apps.folder / "own.key"
    client = make_key_file(own)
    settings = {"ANALYTICS_ZMQ_SERVER_KEY": public.decode(), "ANALYTICS_ZMQ_SECRET_KEY_FILE": str(own)}
    with journaling(apps, ServerKeys(secret, frozenset({public}))):
        apps.start(ANALYTICS, **settings)
        eventually(lambda: f"add {client.decode()} to WEBAPP_ZMQ_CLIENT_KEYS" in httpx_text(apps, "/readyz"))
    with journaling(apps, ServerKeys(secret, frozenset({client}))) as journal:
        journal.put(a_random_ledger(10, 60))
        eventually(lambda: applied(apps.data) == 60)
    apps.kill(ANALYTICS)
    with journaling(apps, ServerKeys(secret, frozenset({client}))):
        apps.start(ANALYTICS)
        eventually(lambda: "set ANALYTICS_ZMQ_SERVER_KEY" in httpx_text(apps, "/readyz"))


def test_check_and_rebuild(apps: Apps) -> None:
    with journaling(apps) as journal:
        journal.put(a_random_ledger(8, 150))
        rebuilt = run(apps, "rebuild")
        assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
        assert "rebuilt: 150 events" in rebuilt.stdout
        assert is_like_a_rebuild(apps, journal.ledger)
        checked = run(apps, "check", "--full")
        assert checked.returncode == 0
        assert checked.stdout.endswith("every row is that of a rebuild\n  sound\n")
        with closing(DATABASE.open_to_write(apps.data)) as connection:
            connection.execute("UPDATE trades SET qty = '7' WHERE seq = (SELECT max(seq) FROM trades)")
        assert run(apps, "check").returncode == 0
        checked = run(apps, "check", "--full")
        assert (checked.returncode, "its rows are not those of a rebuild" in checked.stdout) == (1, True)
        with closing(HistoryWriter(apps.data)):
            refused = run(apps, "rebuild")
        assert (refused.returncode, "another process writes the history" in refused.stderr) == (1, True)
        assert run(apps, "rebuild").returncode == 0
        assert run(apps, "check", "--full").returncode == 0
        journal.put(Ledger(a_random_ledger(8, 163).events))
        assert "13 events behind the journal" in run(apps, "check").stdout


def test_check_finds_a_store_of_another_journal(apps: Apps) -> None:
    fold(apps.data, a_random_ledger(9, 30))
    with journaling(apps):
        checked = run(apps, "check")
    assert (checked.returncode, "it belongs to stream" in checked.stdout) == (1, True)


def test_without_a_store_or_a_journal_the_commands_say_so(apps: Apps) -> None:
    checked = run(apps, "check")
    assert (checked.returncode, "is not there" in checked.stdout) == (1, True)
    rebuilt = run(apps, "rebuild")
    assert (rebuilt.returncode, "can't read the journal" in rebuilt.stderr) == (1, True)
    assert run(apps, "--version").stdout == f"{__version__}\n"
