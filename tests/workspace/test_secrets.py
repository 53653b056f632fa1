"""Nothing that is committed is a secret, or looks like one."""

import math
import re
from collections import Counter

import pytest
from dotenv import dotenv_values

from tests.workspace.test_no_index_named import ROOT, project_files

SECRET_NAMES = re.compile("TOKEN|SECRET|PASSWORD|_KEYS?$")
TELLTALES = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a token of GitHub": r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    "a key of AWS": r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
    "a key of Google": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a signed JSON Web Token": r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"{}$<]+:[^\s/@'\"{}$<]+@",
}
RANDOM_TEXT = re.compile(r"(?<![\w+/.=-])[A-Za-z0-9+/_-]{32,}={0,2}(?![\w+/.-])")
RANDOM_BITS = 4.5
"""Bits a character, from which on a long text of letters and digits looks random; words and hexadecimal stay below."""


def bits_a_character(text: str) -> float:
    """Shannon's entropy."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def looks_random(text: str) -> bool:
    kinds = sum(any(test(character) for character in text) for test in (str.isupper, str.islower, str.isdigit))
    return kinds == 3 and bits_a_character(text) >= RANDOM_BITS


def texts() -> dict[str, str]:
    """The committed files that hold text."""
    found = {}
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content:
            found[str(path.relative_to(ROOT))] = content.decode(errors="replace")
    return found


@pytest.mark.parametrize("what", TELLTALES)
def test_no_file_holds_what_looks_like(what: str) -> None:
    assert [name for name, text in texts().items() if re.search(TELLTALES[what], text)] == []


def test_no_file_holds_a_long_random_text() -> None:
    found = {
        (name, word)
        for name, text in texts().items()
        if name != "uv.lock"  # hashes of packages
        for word in RANDOM_TEXT.findall(text)
        if looks_random(word)
    }
    assert found == set()


def test_a_key_would_be_found() -> None:
    assert looks_random("dGhpcyBpcyBub3QgYSByZWFsIGtleSBidXQ" + "x9Q2LmZ7")
    assert not looks_random("test_a_long_name_of_words_and_the_number_1234")


def test_the_sample_of_settings_holds_no_secret() -> None:
    sample = dotenv_values(ROOT / ".env.sample", interpolate=False)
    secret = {key: value for key, value in sample.items() if SECRET_NAMES.search(key)}
    assert len(secret) >= 4
    assert not any(secret.values())
