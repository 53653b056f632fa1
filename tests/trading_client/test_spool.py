"""The spool's files: whatever was recorded is read again, whatever happens to the files."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_client import SpoolError, SpoolFull, segment, spool
from trading_client.refused import RefusedLines
from trading_client.segment import Segment
from trading_client.spool import Spool
from trading_client.status import Refusal

lines_of_json = st.lists(st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: json.dumps(text).encode()))
ROOMY = 1 << 30


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("spool")


def waiting(folder: Path) -> list[bytes]:
    """All lines that a process that opens the spool now would send; it then ends without sending."""
    opened = Spool(folder, ROOMY)
    found = [line for each in opened.segments() for line in each.read(1_000_000, ROOMY)]
    opened.forget()
    return found


@given(lines_of_json, st.data())
def test_lines_are_read_in_order_and_settled_step_by_step(
    new_folder: Callable[[], Path], lines: list[bytes], data: st.DataObject
) -> None:
    folder = new_folder()
    opened = Spool(folder, ROOMY)
    for line in lines:
        opened.append(line + b"\n")
    (own,) = opened.segments()
    read: list[bytes] = []
    while piece := own.read(data.draw(st.integers(1, 5)), data.draw(st.sampled_from((500, 5_000)))):
        assert waiting_bytes(lines[len(read) :]) == opened.waiting_bytes
        opened.settle(own, piece, [])
        read += piece
    assert read == lines
    assert opened.waiting_bytes == 0
    opened.close()
    assert list(folder.iterdir()) == []


def waiting_bytes(lines: list[bytes]) -> int:
    return sum(len(line) + 1 for line in lines)


@given(lines_of_json.filter(bool), st.data())
def test_a_process_that_ends_leaves_what_it_recorded_even_with_a_torn_line(
    new_folder: Callable[[], Path], lines: list[bytes], data: st.DataObject
) -> None:
    folder = new_folder()
    opened = Spool(folder, ROOMY)
    for line in lines:
        opened.append(line + b"\n")
    (own,) = opened.segments()
    sent = data.draw(st.integers(0, len(lines)))
    opened.settle(own, lines[:sent], [])
    opened.forget()  # as the end of the process does
    torn = data.draw(st.integers(0, len(lines[-1])))
    with own.path.open("ab") as file:
        file.write(lines[-1][:torn])
    assert waiting(folder) == lines[sent:]


notes = st.binary(max_size=25) | st.integers(0, 60).map(lambda sent: b"%020d" % sent)


@given(lines_of_json.filter(lambda lines: len(lines) > 1), notes)
def test_a_damaged_note_of_what_is_sent_sends_again_and_leaves_nothing_out(
    new_folder: Callable[[], Path], lines: list[bytes], note: bytes
) -> None:
    folder = new_folder()
    opened = Spool(folder, ROOMY)
    for line in lines:
        opened.append(line + b"\n")
    (own,) = opened.segments()
    opened.forget()
    size = waiting_bytes(lines)
    ends = [waiting_bytes(lines[:count]) for count in range(len(lines) + 1)]
    own.path.with_suffix(segment.SENT).write_bytes(note)
    found = waiting(folder)
    known = int(note[:20]) if len(note) >= 20 and note[:20].isdigit() and int(note[:20]) <= size else 0
    assert found == (lines[ends.index(known) :] if known in ends else lines)


@pytest.mark.parametrize("garbage", [b"\0" * 5_000, b"\r\r", b"\n\n\n", b"\xff\xfe{", b"\0" * 3_000_000])
def test_damage_hides_no_line_but_the_one_it_touches(tmp_path: Path, garbage: bytes) -> None:
    opened = Spool(tmp_path, ROOMY)
    for count in range(10):
        opened.append(b'{"trade_id":"%d"}\n' % count)
    (own,) = opened.segments()
    opened.forget()
    text = own.path.read_bytes().split(b"\n")
    own.path.write_bytes(b"\n".join([*text[:4], garbage + text[4], *text[5:]]))
    found = Spool(tmp_path, ROOMY)
    left, own = found.segments()
    read: list[bytes] = []
    while piece := left.read(3, 1_000_000):
        read += piece
        found.settle(left, piece, [])
    undamaged = [b'{"trade_id":"%d"}' % count for count in range(10) if count != 4]
    assert [line for line in read if line in undamaged] == undamaged
    assert found.segments() == [own]


def test_a_full_spool_says_so_and_takes_more_once_some_is_sent(tmp_path: Path) -> None:
    opened = Spool(tmp_path, 100)
    opened.append(b"x" * 89 + b"\n")
    with pytest.raises(SpoolFull, match=r"maximum of 100 bytes"):
        opened.append(b"x" * 10 + b"\n")
    (own,) = opened.segments()
    opened.settle(own, own.read(10, 1_000), [])
    opened.append(b"y" * 10 + b"\n")
    assert own.read(10, 1_000) == [b"y" * 10]


def test_refused_lines_count_towards_the_maximum(tmp_path: Path) -> None:
    opened = Spool(tmp_path, 300)
    opened.append(b"x" * 89 + b"\n")
    (own,) = opened.segments()
    opened.settle(own, own.read(10, 1_000), [Refusal("x" * 200, "invalid_trade", "qty must be more than 0")])
    with pytest.raises(SpoolFull, match=r"refused lines: see .*refused\.ndjson"):
        opened.append(b"x" * 10 + b"\n")


def test_what_an_earlier_process_left_counts_towards_the_maximum(tmp_path: Path) -> None:
    earlier = Spool(tmp_path, 100)
    earlier.append(b"x" * 89 + b"\n")
    earlier.forget()
    with pytest.raises(SpoolFull):
        Spool(tmp_path, 100).append(b"x" * 10 + b"\n")


def test_a_large_segment_is_followed_by_another_and_deleted_once_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 100)
    opened = Spool(tmp_path, ROOMY)
    for _ in range(20):
        opened.append(b"x" * 29 + b"\n")
    segments = opened.segments()
    assert len(segments) == 5
    for each in segments:
        while piece := each.read(3, 1_000):
            opened.settle(each, piece, [])
    assert opened.segments() == segments[-1:]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lines", ".sent"]


def test_a_second_process_gets_segments_of_its_own(tmp_path: Path) -> None:
    one, two = Spool(tmp_path, ROOMY), Spool(tmp_path, ROOMY)
    one.append(b"1\n")
    two.append(b"2\n")
    two.adopt()
    assert [each.read(9, 99) for each in two.segments()] == [[b"2"]]
    one.close()
    two.adopt()
    assert [each.read(9, 99) for each in two.segments()] == [[b"1"], [b"2"]]


def test_of_two_processes_that_find_a_segment_one_gets_it(tmp_path: Path) -> None:
    earlier = Spool(tmp_path, ROOMY)
    earlier.append(b"1\n")
    earlier.forget()
    one, two = Spool(tmp_path, ROOMY), Spool(tmp_path, ROOMY)
    assert one.has_adopted
    assert not two.has_adopted


def test_a_segment_that_was_sent_meanwhile_is_no_error(tmp_path: Path) -> None:
    assert Segment.adopt(tmp_path / "gone.lines") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"file: the spool can't be used"):
        Spool(tmp_path / "file", ROOMY)


FULL_DISK = """
import resource, sys
from pathlib import Path
from trading_client import SpoolError
from trading_client.spool import Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
spool, recorded = Spool(Path(sys.argv[1]), 1 << 30), 0
try:
    while True:
        spool.append(b"x" * 63 + b"\\n")
        recorded += 1
except SpoolError:
    print(recorded)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX's")
def test_a_write_that_fits_in_part_records_nothing(tmp_path: Path) -> None:
    """A file may grow to 1,000 bytes: 15 lines of 64, and 40 bytes of the next, as on a disk that fills up."""
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "15\n"
    (path,) = tmp_path.glob("*.lines")
    assert path.read_bytes() == (b"x" * 63 + b"\n") * 15


REFUSED_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from trading_client.refused import RefusedLines
from trading_client.status import Refusal
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
refused = RefusedLines(Path(sys.argv[1]))
refusals = [Refusal('{"trade_id":"%02d"}' % number, "invalid_trade", "") for number in range(20)]
try:
    refused.add(refusals)
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
refused.add(refusals)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX's")
def test_refusals_that_the_disk_takes_in_part_are_an_error_and_none_of_them_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", REFUSED_ON_A_FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EFBIG}\n", "else they would be noted as settled, and be nowhere"
    put: list[bytes] = []
    assert RefusedLines(tmp_path).take(put.append) == len(put) == 20


NOTE_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from trading_client.spool import Spool
spool = Spool(Path(sys.argv[1]), 1 << 30)
spool.append(b"1\\n")
spool.append(b"2\\n")
(segment,) = spool.segments()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
spool.settle(segment, segment.read(1, 100), [])
print(spool.waiting_bytes, segment.read(1, 100))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX's")
def test_a_disk_that_is_full_stops_no_sending(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NOTE_ON_A_FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "2 [b'2']\n"
    assert waiting(tmp_path) == [b"1", b"2"], "the app knows the first one"


FORK_WHILE_LOCKED = """
import os, sys, threading
from pathlib import Path
from trading_client.refused import RefusedLines
from trading_client.status import Refusal

refused = RefusedLines(Path(sys.argv[1]))
refused.add([Refusal('{"trade_id":"1"}', "invalid_trade", "")])
inside, forked = threading.Event(), threading.Event()

def put(_line):
    inside.set()
    forked.wait(0.5)

thread = threading.Thread(target=refused.take, args=(put,))
thread.start()
inside.wait()
until, ends = os.pipe()
if not os.fork():
    os.close(ends)
    os.read(until, 1)
    os._exit(0)
forked.set()
thread.join()
refused.add([Refusal('{"trade_id":"2"}', "invalid_trade", "")])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_process_that_is_forked_meanwhile_has_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK_WHILE_LOCKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_entry_that_a_kill_cut_off_costs_no_other(tmp_path: Path) -> None:
    refused = RefusedLines(tmp_path)
    refused.path.write_bytes(b'{"at": "2026-01-01T00:00:00+00:00", "code": "invalid_tr')
    refused.add([Refusal('{"trade_id":"1"}', "invalid_trade", "")])
    put: list[bytes] = []
    assert refused.take(put.append) == 1


@given(st.lists(st.text(max_size=20)))
def test_refused_lines_are_kept_until_they_are_put_back(new_folder: Callable[[], Path], texts: list[str]) -> None:
    refused = RefusedLines(new_folder())
    trades = [json.dumps({"trade_id": text}) for text in texts]
    refused.add([Refusal(line, "invalid_trade", text) for line, text in zip(trades, texts, strict=True)])
    refused.add([Refusal("\0 no JSON", "not_json", "")])
    put: list[bytes] = []
    assert refused.take(put.append) == len(texts)
    assert [json.loads(line) for line in put] == [json.loads(line) for line in trades]
    (kept,) = refused.path.read_text().splitlines()
    assert json.loads(kept)["text"] == "\0 no JSON"


def test_a_put_that_fails_leaves_the_refused_lines(tmp_path: Path) -> None:
    refused = RefusedLines(tmp_path)
    refused.add([Refusal('{"trade_id":"1"}', "invalid_trade", "")])
    before = refused.path.read_bytes()

    def fail(_line: bytes) -> None:
        raise SpoolFull("full")

    with pytest.raises(SpoolFull):
        refused.take(fail)
    assert refused.path.read_bytes() == before
