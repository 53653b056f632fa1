"""`trading-app token`, as a user runs it."""

import subprocess

import pytest

from service_kit.access.tokens import Tokens, digest_of
from tests.support.apps import BIN
from tests.trading_app.running import settings_for


def run(*arguments: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "trading-app", "token", *arguments],
        env={**settings_for(BIN), **settings},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_token_is_shown_once_beside_the_entry_that_stores_it_even_where_the_settings_need_one_first() -> None:
    done = run(WEBAPP_HTTP_HOST="0.0.0.0")
    (first, token), (second, entry) = (line.split() for line in done.stdout.splitlines())
    assert (done.returncode, first, second) == (0, "token", "entry")
    assert Tokens([entry]).scopes_of(digest_of(token.encode())) == frozenset({"ingest", "read"})
    assert token not in entry + done.stderr


def test_the_entry_of_a_token_that_is_in_use_is_made_without_showing_it() -> None:
    done = run("--existing", "--scopes", "read", given="a-token-in-use-ü\n")
    assert done.returncode == 0
    label, entry = done.stdout.split()
    assert label == "entry"
    assert Tokens([entry]).scopes_of(digest_of("a-token-in-use-ü".encode())) == frozenset({"read"})
    assert "in-use" not in done.stdout + done.stderr


def test_no_entry_is_made_of_a_token_that_can_be_guessed() -> None:
    done = run("--existing", given="letmein\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "7 characters, at least 16" in done.stderr
    assert "letmein" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scopes", "write"], "scopes are ingest, correct, read, admin"),
        (["--existing"], "no token came on standard input"),
    ],
)
def test_what_can_not_be_done_is_said(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
