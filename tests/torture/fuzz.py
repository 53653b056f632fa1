"""Whatever is sent: never a 500, every refusal counted, what was taken journaled."""

import re
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.support.built_history import build_first_history
from tests.support.schemathesis_run import ask_everything
from tests.torture.figures import Figures
from tests.trading_app import odd_requests
from tests.trading_app.fuzzing import MEANT, SETTINGS, Account, assert_unharmed, send_broken, thread_count
from tests.trading_app.odd_requests import OddRequest
from tests.trading_app.running import RunningApp, running

ROUND = 2_000
TOKEN = "a-token-of-the-torture"
LEFT_OUT = ("--exclude-path", "/api/metrics/latest")
"""It needs trading-analytics."""


def odd(folder: Path, seed: int, count: int) -> Figures:
    """So many requests made of odd parts, a tenth of them no HTTP at all."""
    refused, taken, broken = 0, 0, 0
    with running(folder, **SETTINGS, LOG_LEVEL="INFO") as app:
        threads = thread_count(app)
        for number, start in enumerate(range(0, count, ROUND)):
            account = Account(app)
            maximum = min(ROUND, count - start)
            for strategy, share in ((odd_requests.posts, 5), (odd_requests.requests, 3), (odd_requests.reads, 1)):
                _ask(account, strategy, seed + number, maximum * share // 10)
            account.settle()
            refused, taken = refused + account.refused, taken + account.accepted
            broken += _send_broken(app, seed + number, maximum // 10)
            assert_unharmed(app, threads)
    return Figures(
        f"{count:,} odd requests, {broken:,} of them broken ones",
        f"no 500; {refused:,} refusals, each counted with its code; {taken:,} trades taken, each in the journal",
    )


def openapi(folder: Path, seed: int, examples: int) -> Figures:
    """All that the OpenAPI document allows, and what it does not; without tokens and with."""
    said = []
    for token in ("", TOKEN):
        place = folder / f"guarded-{bool(token)}"
        place.mkdir()
        with running(place, WEBAPP_API_TOKENS=token, WEBAPP_MAX_LIVE_STREAMS="0", LOG_LEVEL="INFO") as app:
            build_first_history(app, token)
            report = ask_everything(app.url, examples, "--seed", str(seed), *LEFT_OUT, token=token)
            assert "a request failed" not in app.log_text()
        said.append(re.findall(r"([\d,]+) generated", report)[-1])
    return Figures(
        f"{examples:,} examples of each call, and its limits one by one: {said[0]} requests, and {said[1]} with tokens",
        "every answer as the document says; what it forbids refused, what it allows taken",
    )


def _ask(account: Account, strategy: st.SearchStrategy[OddRequest], seed: int, count: int) -> None:
    @seeded(seed)
    @_examples(count)
    @given(strategy)
    def ask(request: OddRequest) -> None:
        account.ask(request)

    ask()
    account.hang_up()


def _send_broken(app: RunningApp, seed: int, count: int) -> int:
    sent = 0

    @seeded(seed)
    @_examples(count)
    @given(odd_requests.messages())
    def send(message: bytes) -> None:
        nonlocal sent
        sent += 1
        assert MEANT.issuperset(send_broken(app.port, message))

    send()
    return sent


def _examples(count: int) -> settings:
    return settings(
        max_examples=max(count, 1),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
