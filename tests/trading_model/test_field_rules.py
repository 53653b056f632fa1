"""The rules of a trade's fields: valid values become exactly this text, all others are refused with a reason."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_model import field_rules as rules
from trading_model.contents import Instrument
from trading_model.field_rules import FieldError
from trading_model.instruments import Instruments, Statement

NOW_NS = 1_790_000_000 * 10**9  # 2026-09-21T14:13:20Z
NINES = "9" * 38
TOO_LATE = "is more than a day ahead of this machine's clock (2026-09-21T14:13:20Z)"
OUT_OF_RANGE = "is out of range: at most 38 digits on either side of the point"
NO_NUMBER = "must be a number such as 1234.5, with a point for decimals and no separators"
NO_TIME = "must be RFC 3339, such as 2026-01-31T12:00:00Z, or s, ms, µs or ns since 1970"
NO_RFC3339 = "must be RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z"
NO_TEXT = 'must be printable, without " and \\ and without spaces at its ends'


def refusal(read: Callable[[bytes], str], raw: str) -> str:
    with pytest.raises(FieldError) as refused:
        read(raw.encode())
    return str(refused.value)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1", "1"),
        ("0.1", "0.1"),
        ("0.10", "0.10"),
        ("23.000", "23.000"),
        ("0.00141342", "0.00141342"),
        (NINES, NINES),
        (f"0.{NINES}", f"0.{NINES}"),
        (f"{NINES[:19]}.{NINES[19:]}", f"{NINES[:19]}.{NINES[19:]}"),
        ("0." + "0" * 37 + "1", "0." + "0" * 37 + "1"),
        ("1e0", "1"),
        ("1e2", "100"),
        ("1E2", "100"),
        ("1e+2", "100"),
        ("1.50e1", "15.0"),
        ("1.50e3", "1500"),
        ("1.5e-3", "0.0015"),
        ("1e-38", "0." + "0" * 37 + "1"),
        ("1e37", "1" + "0" * 37),
        ("1e+0037", "1" + "0" * 37),
        ("1e" + "0" * 5_000 + "1", "10"),
    ],
)
def test_an_amount_is_kept_as_written_with_its_exponent_expanded(written: str, kept: str) -> None:
    assert rules.read_amount(written.encode()) == kept
    assert rules.read_amount(f'"{written}"'.encode()) == kept
    assert rules.read_decimal(written.encode()) == kept


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("0", "must be more than 0"),
        ("0.000", "must be more than 0"),
        ("0e5", "must be more than 0"),
        ("-0", "must be more than 0"),
        ("-1", "must be more than 0"),
        ("-0.5e-3", "must be more than 0"),
        (NINES + "9", "has 39 digits; the maximum is 38"),
        ("1." + "0" * 38, "has 39 digits; the maximum is 38"),
        ("9" * 10_000, "has 10000 digits; the maximum is 38"),
        ("0." + "0" * 38 + "1", OUT_OF_RANGE),
        ("1e38", OUT_OF_RANGE),
        ("1e-39", OUT_OF_RANGE),
        ("1e400", OUT_OF_RANGE),
        ("1e-400", OUT_OF_RANGE),
        ("1e" + "9" * 10_000, OUT_OF_RANGE),
        ('"NaN"', NO_NUMBER),
        ('"Infinity"', NO_NUMBER),
        ('"-Infinity"', NO_NUMBER),
        ('"sNaN"', NO_NUMBER),
        ('"+1"', NO_NUMBER),
        ('"1_000"', NO_NUMBER),
        ('"1,000"', NO_NUMBER),
        ('" 1"', NO_NUMBER),
        ('"1 "', NO_NUMBER),
        ('"1\\n"', NO_NUMBER),
        ('"١"', NO_NUMBER),
        ('"１"', NO_NUMBER),
        ('"01"', NO_NUMBER),
        ('"1."', NO_NUMBER),
        ('".5"', NO_NUMBER),
        ('"0x1F"', NO_NUMBER),
        ('"1e"', NO_NUMBER),
        ('"1e1.5"', NO_NUMBER),
        ('""', NO_NUMBER),
        ("true", NO_NUMBER),
        ("null", NO_NUMBER),
        ("[1]", NO_NUMBER),
        ('{"a":1}', NO_NUMBER),
    ],
)
def test_an_invalid_amount_is_refused(raw: str, message: str) -> None:
    assert refusal(rules.read_amount, raw) == message


@pytest.mark.parametrize(
    ("written", "kept"), [("-0.02", "-0.02"), ("0", "0"), ("0.000", "0.000"), ("-1e-3", "-0.001"), ("-0", "-0")]
)
def test_a_fee_has_any_sign(written: str, kept: str) -> None:
    assert rules.read_decimal(written.encode()) == kept


digits = st.from_regex(r"(0|[1-9][0-9]{0,18})(\.[0-9]{1,19})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(digits, st.booleans())
def test_no_amount_changes_its_value(number: str, quoted: bool) -> None:
    try:
        kept = rules.read_amount(f'"{number}"'.encode() if quoted else number.encode())
    except FieldError:
        sent = Decimal(number)
        assert sent == 0 or sent >= Decimal(10) ** 38 or len(format(sent, "f").partition(".")[2]) > 38
    else:
        assert Decimal(kept) == Decimal(number)
        assert "e" in number.lower() or kept == number


@given(st.text(max_size=20))
def test_any_text_is_a_number_for_decimal_too_or_refused(text: str) -> None:
    try:
        kept = rules.read_decimal(json.dumps(text).encode())
    except FieldError:
        return
    assert Decimal(kept) == Decimal(text)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("1790000000", "2026-09-21T14:13:20Z"),
        ("1790000000000", "2026-09-21T14:13:20Z"),
        ("1790000000000000", "2026-09-21T14:13:20Z"),
        ("1790000000000000000", "2026-09-21T14:13:20Z"),
        ('"1790000000"', "2026-09-21T14:13:20Z"),
        ("1.79e9", "2026-09-21T14:13:20Z"),
        ("1790000000.5", "2026-09-21T14:13:20.500Z"),
        ("1790000000500", "2026-09-21T14:13:20.500Z"),
        ("1790000000500.25", "2026-09-21T14:13:20.500250Z"),
        ("1790000000000001", "2026-09-21T14:13:20.000001Z"),
        ("1790000000000000001", "2026-09-21T14:13:20.000000001Z"),
        ("1789999999.99999999999999999999999999", "2026-09-21T14:13:19.999999999Z"),
        ("100000000", "1973-03-03T09:46:40Z"),
        ('"2026-09-21T14:13:20Z"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21t14:13:20z"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21 14:13:20Z"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21T14:13:20.000Z"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21T14:13:20.5Z"', "2026-09-21T14:13:20.500Z"),
        ('"2026-09-21T14:13:20.000000001Z"', "2026-09-21T14:13:20.000000001Z"),
        ('"2026-09-21T16:13:20+02:00"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21T14:13:20-00:00"', "2026-09-21T14:13:20Z"),
        ('"2026-09-21T19:43:20.25+05:30"', "2026-09-21T14:13:20.250Z"),
        ('"2026-09-20T14:14:20-23:59"', "2026-09-21T14:13:20Z"),
        ('"2024-02-29T23:59:59Z"', "2024-02-29T23:59:59Z"),
        ("1790086400", "2026-09-22T14:13:20Z"),  # a day ahead
    ],
)
def test_the_same_instant_becomes_the_same_text(raw: str, kept: str) -> None:
    assert rules.read_timestamp(raw.encode(), NOW_NS) == kept


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("99999999", "is before March 1973"),
        ("0", "is before March 1973"),
        ("-1790000000", "is before March 1973"),
        ('"1970-01-01T00:00:00Z"', "is before March 1973"),
        ('"0001-01-01T00:00:00+23:59"', "is before March 1973"),
        ("1790086401", TOO_LATE),
        ("32503680000", TOO_LATE),
        ('"3000-01-01T00:00:00Z"', TOO_LATE),
        ('"9999-12-31T23:59:59-23:59"', TOO_LATE),
        (NINES, TOO_LATE),
        ("1e400", NO_TIME),
        ("true", NO_TIME),
        ("{}", NO_TIME),
        ('"today"', NO_TIME),
        ('""', NO_TIME),
        ('"2026-09-21"', NO_RFC3339),
        ('"2026-09-21T14:13:20"', NO_RFC3339),
        ('"2026-09-21T14:13Z"', NO_RFC3339),
        ('"2026-09-21T24:00:00Z"', NO_RFC3339),
        ('"2026-09-21T14:60:00Z"', NO_RFC3339),
        ('"2026-09-21T14:13:20+24:00"', NO_RFC3339),
        ('"2026-09-21T14:13:20+05:60"', NO_RFC3339),
        ('"2026-09-21T14:13:20.Z"', NO_RFC3339),
        ('"2026-09-21T14:13:20.0123456789Z"', NO_RFC3339),
        ('"2026-09-21T14:13:20Z "', NO_RFC3339),
        ('"٢026-09-21T14:13:20Z"', NO_RFC3339),
        ('"2026-W38-1T14:13:20Z"', NO_RFC3339),
        ('"2026-02-29T12:00:00Z"', "is not a date and time: day is out of range for month"),
        ('"2016-12-31T23:59:60Z"', "is not a date and time: second must be in 0..59"),
        ('"0000-01-01T00:00:00Z"', "is not a date and time: year 0 is out of range"),
    ],
)
def test_an_invalid_time_is_refused(raw: str, message: str) -> None:
    assert refusal(lambda value: rules.read_timestamp(value, NOW_NS), raw) == message


@given(st.integers(rules.EARLIEST_SECONDS * 10**9, NOW_NS))
def test_an_instant_is_the_same_as_nanoseconds_and_as_rfc_3339(nanoseconds: int) -> None:
    text = rules.format_timestamp(nanoseconds)
    assert rules.read_timestamp(f'"{text}"'.encode(), NOW_NS) == text
    # From 100 million seconds on the number's size says its unit; as nanoseconds that is from 1e17 on.
    assert rules.read_timestamp(b"%d" % nanoseconds, NOW_NS) == text
    assert rules.read_timestamp(b"%d.%09d" % divmod(nanoseconds, 10**9), NOW_NS) == text


@pytest.mark.parametrize(
    ("written", "kept"), [("0", "0"), ("0.00", "0.00"), ("0e5", "0"), ("-37.63", "-37.63"), ("1.50", "1.50")]
)
def test_a_price_may_be_0_and_its_sign_is_checked_with_the_symbol(written: str, kept: str) -> None:
    assert rules.read_decimal(written.encode()) == rules.read_decimal(f'"{written}"'.encode()) == kept


def test_a_negative_price_needs_an_instrument_that_allows_it() -> None:
    said = Instruments([Statement(1, Instrument(symbol="SPREAD", negative_prices=True))])
    assert rules.check_price("-37.63", "SPREAD", said.find) == "-37.63"
    assert rules.check_price("0", "SPREAD", Instruments().find) == "0"
    with pytest.raises(FieldError, match="must be 0 or more: no instrument says `negative_prices` of SPREAD"):
        rules.check_price("-37.63", "SPREAD", Instruments().find)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("btc/usdt", "BTC/USDT"),
        ("A", "A"),
        ("x" * 128, "X" * 128),
        ("es_f-1.2:cme", "ES_F-1.2:CME"),
        ("007", "007"),
        ("kPEPE", "kPEPE"),
        ("Btc/Usdt", "Btc/Usdt"),
        ("ES=F", "ES=F"),
        ("^GSPC", "^GSPC"),
        ("es1!", "ES1!"),
        ("M&M.NS", "M&M.NS"),
        ("BTC@BINANCE", "BTC@BINANCE"),
        ("#AAPL $x *y %z ~(w) +v", "#AAPL $x *y %z ~(w) +v"),
        ("brk b", "BRK B"),
        ("\u03b2tc", "\u0392TC"),
        ("茅台", "茅台"),
        ("стра\u0438\u0306", "СТРА\u0419"),
        ("é", "É"),
        ("e\u0301", "É"),
        ("E\u0301x", "Éx"),
        ("<b>", "<B>"),
        ("AAPL  251219C00150000", "AAPL251219C00150000"),
        ("aapl  251219c00150000", "AAPL251219C00150000"),
        ("BRKB  251219P00150000", "BRKB251219P00150000"),
        ("F     251219C00010000", "F251219C00010000"),
        ("AAPL 251219C00150000", "AAPL251219C00150000"),
        ("AAPL251219C00150000", "AAPL251219C00150000"),
    ],
)
def test_a_symbol_is_stored_in_upper_case_unless_it_has_a_capital_letter(sent: str, kept: str) -> None:
    assert rules.read_symbol(json.dumps(sent).encode()) == kept
    assert rules.check_symbol(kept) == kept


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("", "must have 1 to 128 characters"),
        ("A" * 129, "must have 1 to 128 characters"),
        ("ß" * 128, "must have 1 to 128 characters"),
        ("A  B", "must have no two spaces in a row"),
        *(
            (sent, NO_TEXT)
            for sent in [" A", "A ", "A\n", "A\x00", 'A"', "A\\", "A\u00a0B", "A\u200bB", "A\u202eB", "A\tB"]
        ),
    ],
)
def test_a_symbol_with_other_characters_is_refused(sent: str, message: str) -> None:
    assert refusal(rules.read_symbol, json.dumps(sent)) == message


@given(st.text(max_size=12))
def test_a_symbol_is_stored_as_it_would_be_sent_again(text: str) -> None:
    try:
        kept = rules.read_symbol(json.dumps(text).encode())
    except FieldError:
        return
    assert rules.check_symbol(kept) == kept
    assert rules.case_folded(kept) == rules.case_folded(rules.case_folded(kept))


@pytest.mark.parametrize("sent", ["long", "LONG", "Long"])
def test_a_position_side_is_accepted_in_any_case(sent: str) -> None:
    assert rules.read_position_side(json.dumps(sent).encode()) == "long"


@pytest.mark.parametrize("sent", ["", "both", "buy", "long "])
def test_another_position_side_is_refused(sent: str) -> None:
    assert refusal(rules.read_position_side, json.dumps(sent)) == "must be long or short"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ('["breakout","news"]', '["breakout","news"]'),
        ('"breakout, late entry"', '["breakout","late entry"]'),
        ('["日本"]', '["日本"]'),
        ("[]", ""),
        (json.dumps(["x" * 64] + [str(number) for number in range(15)]), None),
    ],
)
def test_tags_are_an_array_or_a_text_with_commas(raw: str, kept: str | None) -> None:
    read = rules.read_tags(raw.encode())
    assert read == kept if kept is not None else json.loads(read) == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (json.dumps([str(number) for number in range(17)]), "has 17 tags; the maximum is 16"),
        ('["a","a"]', "has the same tag twice"),
        ('["a,b"]', "must be tags without a comma"),
        ('[""]', "must have 1 to 64 characters"),
        ('""', "must have 1 to 64 characters"),
        (json.dumps(["x" * 65]), "must have 1 to 64 characters"),
        ('["a\\n"]', NO_TEXT),
        ("[1]", "must be an array of strings, or one string with commas between the tags"),
        ("7", "must be an array of strings, or one string with commas between the tags"),
    ],
)
def test_invalid_tags_are_refused(raw: str, message: str) -> None:
    assert refusal(rules.read_tags, raw) == message


@pytest.mark.parametrize("raw", ["null", "1", "true", "[]", '"\\ud800"', '"\\x"', '"', ""])
def test_a_symbol_must_be_a_string(raw: str) -> None:
    assert refusal(rules.read_symbol, raw) == "must be a string"


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(FieldError, match="must be a string"):
        rules.read_name(b'"\xff"')


@pytest.mark.parametrize("sent", ["buy", "BUY", "Buy", "bUy"])
def test_a_side_is_accepted_in_any_case(sent: str) -> None:
    assert rules.read_side(json.dumps(sent).encode()) == "buy"


@pytest.mark.parametrize("sent", ["", "b", "buy ", "short", "ſell", "SEŁŁ"])
def test_another_side_is_refused(sent: str) -> None:
    assert refusal(rules.read_side, json.dumps(sent)) == "must be buy or sell"


@pytest.mark.parametrize(("sent", "kept"), [("usdt", "USDT"), ("1INCH", "1INCH"), ("A" * 16, "A" * 16)])
def test_a_currency_is_stored_in_upper_case(sent: str, kept: str) -> None:
    assert rules.read_currency(json.dumps(sent).encode()) == kept


@pytest.mark.parametrize("sent", ["", "A" * 17, "US-D", "€", "U D"])
def test_another_currency_is_refused(sent: str) -> None:
    assert refusal(rules.read_currency, json.dumps(sent)) == "must be 1 to 16 of A-Z 0-9"


@pytest.mark.parametrize("sent", ["a", "x" * 64, "mean reversion", "küche", "α", "日本", "💰", "a/b{c}='d'", "Ⅷ"])
def test_a_name_is_kept_as_it_is(sent: str) -> None:
    assert rules.read_name(json.dumps(sent).encode()) == sent
    assert rules.read_name(json.dumps(sent, ensure_ascii=False).encode()) == sent
    assert rules.read_identifier(json.dumps(sent).encode()) == sent


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("", "must have 1 to 64 characters"),
        ("x" * 65, "must have 1 to 64 characters"),
        (" a", NO_TEXT),
        ("a ", NO_TEXT),
        (" ", NO_TEXT),
        ('a"b', NO_TEXT),
        ("a\\b", NO_TEXT),
        ("a\nb", NO_TEXT),
        ("a\x00b", NO_TEXT),
        ("a\x1fb", NO_TEXT),
        ("a\x7fb", NO_TEXT),
        ("a\x85b", NO_TEXT),
        ("a\u2028b", NO_TEXT),
        ("a\u202eb", NO_TEXT),
        ("a\u00a0b", NO_TEXT),
        ("a\ufeffb", NO_TEXT),
    ],
)
def test_a_name_that_could_break_a_label_is_refused(sent: str, message: str) -> None:
    assert refusal(rules.read_name, json.dumps(sent)) == message


def test_an_identifier_may_be_twice_as_long_as_a_name() -> None:
    assert rules.read_identifier(json.dumps("x" * 128).encode()) == "x" * 128
    assert refusal(rules.read_identifier, json.dumps("x" * 129)) == "must have 1 to 128 characters"


@given(st.text(max_size=70))
def test_a_name_needs_no_escape_in_json(name: str) -> None:
    try:
        kept = rules.read_name(json.dumps(name).encode())
    except FieldError:
        return
    assert json.loads(f'"{kept}"') == name
