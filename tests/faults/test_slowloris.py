"""A crowd of clients that don't come to the end of a request, beside one that does."""

import http.client
from pathlib import Path

from tests.support.polling import eventually
from tests.support.slowloris import outcome, slowloris
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import running

CROWD = 200
DEADLINE_SECONDS = 5
"""Time enough for one request of somebody else, on any machine."""
REQUESTS = 150


def test_a_crowd_that_never_finishes_keeps_nobody_from_an_answer_and_is_cut(tmp_path: Path) -> None:
    patience = dict.fromkeys(("WEBAPP_HEADER_SECONDS", "WEBAPP_BODY_SECONDS"), str(DEADLINE_SECONDS))
    with running(tmp_path, LOG_LEVEL="INFO", **patience) as app:
        with slowloris(app.port, CROWD) as crowd:
            client = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
            answered = beside_all = 0
            while answered < REQUESTS:
                client.request("POST", "/trade", TRADE, {"Content-Type": "application/json"})
                assert client.getresponse().read().endswith(b'"accepted"}')
                answered += 1
                if answered % 10 == 1 and app.metric("trading_app_connections") > CROWD:
                    beside_all = answered
            client.close()
            assert beside_all, "answered while all were there"
            result = outcome(crowd)
        assert result["answered"] == CROWD * 2 // 3 + 1, "those that had begun a request"
        eventually(lambda: app.metric("trading_app_connections") == 1, what="only the one that asks")
