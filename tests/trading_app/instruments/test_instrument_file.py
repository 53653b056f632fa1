"""The file with instruments: each error with its line and what is meant; values as they stand there."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.workspace.checkout import ROOT
from trading_app.instruments.entries import Entry
from trading_app.instruments.file import read_entries, read_file
from trading_app.instruments.starting_point import compare
from trading_app.yaml_nodes import MAX_BYTES, MAX_SHOWN, FileError
from trading_model.contents import Instrument
from trading_model.instruments import Instruments


def entries_of(*items: str) -> tuple[Entry, ...]:
    """The entries of a file with these items, each in flow style."""
    entries, problems = read_entries("version: 1\ninstruments:\n" + "".join(f"- {{{item}}}\n" for item in items))
    assert not problems
    return entries


def test_values_stay_as_they_stand() -> None:
    """What YAML makes of 0700, NO, 1e3 or 12:30 is never asked."""
    first, second, third = entries_of(
        "symbol: 0700, currency: nok, multiplier: 0.20, lot: 1e3",
        'pattern: "*NO", settlement: Linear, negative_prices: true, dust: 1000000000000000000000000000000000000.5',
        "symbol: NO, aliases: [Y, 12:30, null], mark: venue",
    )
    assert first.content == Instrument(symbol="0700", currency="NOK", multiplier=Decimal("0.20"), lot=Decimal(1000))
    assert '"multiplier":"0.20"' in first.json
    assert second.content.dust == Decimal("1000000000000000000000000000000000000.5")
    assert (second.content.settlement, second.content.negative_prices, second.name) == ("linear", True, "*NO")
    assert (third.content.symbol, third.content.aliases) == ("NO", ("Y", "12:30", "NULL"))
    assert [entry.line for entry in (first, second, third)] == [3, 4, 5]
    assert third.id == "file:NO"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- symbol: ES\n  multiplyer: 50", 2, "multiplyer is not known; do you mean multiplier?"),
        ("- symbol: ES\n  settlement: linaer", 2, "do you mean linear?"),
        ("- symbol: ES\n  lot: -1", 2, "lot must be more than 0"),
        ("- symbol: ES\n  lot: 1_000", 2, "lot must be"),
        ("- symbol: ES\n  lot:", 2, "lot has no value"),
        ("- symbol: ES\n  lot: {a: 1}", 2, "lot must be one value"),
        ("- symbol: ES\n  lot: 1\n  lot: 2", 3, "lot is given twice"),
        ("- symbol: ES\n  currency: U$", 2, "currency must be"),
        ("- symbol: ES\n  negative_prices: yes", 2, "negative_prices must be true or false"),
        ("- symbol: ES", 1, "nothing is said"),
        ("- lot: 1", 1, "symbol or pattern is needed"),
        ("- symbol: ES\n  pattern: ES*\n  lot: 1", 1, "only one of the two"),
        ("- pattern: ES\n  lot: 1", 1, "has no *"),
        ("- pattern: *ES\n  lot: 1", 1, "needs quotes"),
        ("- symbol: @ES\n  lot: 1", 1, "needs quotes"),
        ("- symbol: ES\n\tlot: 1", 2, "indent with spaces"),
        ("- symbol: ES\n  aliases: [ES]", 2, "has ES itself"),
        ("- pattern: ES*\n  aliases: [MES]", 2, "belong to one symbol"),
        ("- ES", 1, "must have members"),
        ("- symbol: ES\n  lot: 1\n- symbol: es\n  lot: 2", 3, "ES has an entry in line 3 already"),
        ("- symbol: A\n  aliases: [B]\n- symbol: B\n  aliases: [C]\n- symbol: C\n  aliases: [A]", 5, "form a circle"),
        ("- symbol: A\n  aliases: [C]\n- symbol: B\n  aliases: [C]", 3, "C is an alias of A in line 3 already"),
        ("- symbol: A\n  settlement: inverse\n  negative_prices: true", 3, "inverse"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, words: str) -> None:
    """And what is meant, where that can be guessed."""
    _, problems = read_entries(f"version: 1\ninstruments:\n{text}\n")
    assert len(problems) == 1, problems
    assert problems[0][0] == line + 2, problems
    assert words in problems[0][1]


@pytest.mark.parametrize(
    "text",
    ["- a", "x", "version: 2\n", "instruments: x", "intruments: []", "{a: [}", "[" * 1_000, "\x00", "a: 1\n---\nb: 1"],
)
def test_another_form_is_refused(text: str) -> None:
    """Whatever stands there, it is an error with a line, or nothing."""
    assert read_entries(text)[1]


@pytest.mark.parametrize("text", ["", "# nothing\n\n  # here\n", "version: 1\n", "instruments:\n", "instruments: []\n"])
def test_nothing_is_said(text: str) -> None:
    """A file without entries is right."""
    assert read_entries(text) == ((), [])


def test_the_file_as_shipped(tmp_path: Path) -> None:
    """It says nothing; without its comment signs each example is right."""
    shipped = ROOT / "config" / "instruments.yml"
    assert read_file(shipped) == ()
    text = shipped.read_text()
    start = text.index("# version: 1")
    examples = tmp_path / "instruments.yml"
    examples.write_text("".join(line.removeprefix("#").removeprefix(" ") for line in text[start:].splitlines(True)))
    assert len(read_file(examples)) == 8


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    """Missing is nothing; each other fault names the file."""
    assert read_file(tmp_path / "missing.yml") == ()
    odd = tmp_path / "odd.yml"
    odd.write_bytes(b"\xff")
    with pytest.raises(FileError, match=r"odd\.yml"):
        read_file(odd)
    odd.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(FileError, match="more than 4 MiB"):
        read_file(odd)
    odd.write_text("instruments:\n" + "- symbol: ES\n" * (MAX_SHOWN + 5))
    with pytest.raises(FileError, match=r"odd\.yml:2: symbol is given[^\0]*and 5 more errors"):
        read_file(odd)


def ledger_of(*contents: Instrument) -> Instruments:
    """A ledger in which these were said, from sequence 1."""
    ledger = Instruments()
    for sequence, content in enumerate(contents, 1):
        ledger.say(sequence, content)
    return ledger


def test_only_what_the_ledger_never_said_is_new() -> None:
    """An entry that says the same is neither new nor different, whoever said it and in however many events."""
    entries = entries_of("symbol: ESZ26, multiplier: 50.0, lot: 1", 'pattern: "*USDm", multiplier: 100000')
    assert compare(entries, Instruments(), ()).new == list(entries)
    ledger = ledger_of(
        Instrument(symbol="ESZ26", multiplier=Decimal(50)),
        Instrument(symbol="esz26", lot=Decimal(1)),
        Instrument(pattern="*USDM", multiplier=Decimal(100_000)),
    )
    compared = compare(entries, ledger, ())
    assert (compared.new, compared.differences) == ([], [])


def test_what_differs_is_reported_and_not_new() -> None:
    """Another value, a value that only one of the two says, a void, a taken id, a circle with the ledger's aliases."""
    entries = entries_of(
        "symbol: ESZ26, multiplier: 50, lot: 1", "symbol: B, aliases: [A]", "symbol: V, lot: 1", "symbol: T, lot: 1"
    )
    ledger = ledger_of(
        Instrument(symbol="ESZ26", multiplier=Decimal(5), currency="USD"),
        Instrument(symbol="A", aliases=("B",)),
        Instrument(symbol="V", lot=Decimal(1)),
    )
    ledger.take_back(3)
    compared = compare(entries, ledger, {"file:T"})
    assert compared.new == []
    assert [(one.entry.name, one.detail) for one in compared.differences] == [
        ("ESZ26", "currency is not said in the file, USD in the ledger (event 1)"),
        ("ESZ26", "multiplier is 50 in the file, 5 in the ledger (event 1)"),
        ("ESZ26", "lot is 1 in the file, not said in the ledger"),
        ("B", "its aliases would form a circle with those of the ledger: B, A, B"),
        ("V", "the ledger had an instrument for it, which was voided"),
        ("T", "the ledger has the id file:T for another symbol"),
    ]
