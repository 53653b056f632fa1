import io

from tests.trading_app.client.clock import Clock
from trading_app.client.delivery import Failure
from trading_app.client.progress import Lines, display
from trading_app.client.tally import Receipt, Tally
from trading_app.client.transfer import FailureNotes


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_tally() -> Tally:
    tally = Tally()
    tally.add(3_000, Receipt(2_000, 1_000, 7, 3_006), "line 3000")
    return tally


def test_plain_lines_come_every_few_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, 200, clock)
    for _ in range(11):
        clock.now += 1
        lines.show(a_tally(), 50)
    assert stream.getvalue().splitlines() == [
        "3,000 sent, 600/s, 2,000 accepted, 1,000 duplicates, 25%",
        "3,000 sent, 300/s, 2,000 accepted, 1,000 duplicates, 25%",
    ]


def test_a_terminal_gets_a_bar_and_anything_else_does_not() -> None:
    for stream, moves in ((Terminal(), True), (io.StringIO(), False)):
        with display(None, stream) as shown:
            shown.note("[hello]")
            shown.show(a_tally(), 1)
        assert "[hello]" in stream.getvalue()
        assert ("3,000 sent" in stream.getvalue()) == moves


def test_all_failures_are_counted_and_some_are_printed() -> None:
    stream, clock, tally = io.StringIO(), Clock(), Tally()
    note = FailureNotes(tally, Lines(stream, None, clock), clock)
    for number in range(25):
        note(Failure(f"reason {number}"))
        clock.now += 1
    assert tally.repeated == 25
    assert [line.split(";")[0] for line in stream.getvalue().splitlines()] == ["reason 0", "reason 10", "reason 20"]


def test_the_summary_has_every_count() -> None:
    assert a_tally().summary(1.5) == ("sent 3000, accepted 2000, duplicates 1000, seq 7 to 3006, 1.5 s, 2000 trades/s")
    assert Tally().summary(0) == "sent 0, accepted 0, duplicates 0, 0.0 s, 0 trades/s"
    tally = a_tally()
    tally.add(1, Receipt(0, 1, 2, 2), "line 3001")
    assert (tally.first_seq, tally.last_seq) == (2, 3_006)
