"""Records a bot's trades in a file at once, and sends them to the web app of Trading Telemetry in the background.

    from trading_client import TradingClient

    client = TradingClient(url="http://127.0.0.1:8000", strategy="grid", spool="spool")
    client.record("BTC/USDT", "buy", "64250.10", "0.25", trade_id="13519807")

record (client) → check (fields) → append (spool, segment) ┄ another thread ┄ read (segment) → post (delivery, answers)
→ advance (segment)

Python 3.9 or newer; no other package; Linux, macOS, Windows.

Modules:

    client    TradingClient
    fields    checks the members of a trade and of cash, and writes them as a line of JSON
    ids       trade ids
    spool     the folder: its segments, its maximum size
    segment   one file of lines that wait, and how far they are sent
    refused   the file of refused lines
    locks     locks a file for one process
    sender    the thread that sends
    delivery  one HTTP request
    answers   what an answer of the app means
    backoff   waits between attempts
    status    counters and state for the caller
    errors    every error that a caller sees
    __main__  `python -m trading_client`: looks at a spool, sends it, sends refused lines again
"""

from trading_client.client import TradingClient
from trading_client.errors import Closed, FieldError, SpoolError, SpoolFull, TradingClientError
from trading_client.status import Refusal, Status

__all__ = [
    "Closed",
    "FieldError",
    "Refusal",
    "SpoolError",
    "SpoolFull",
    "Status",
    "TradingClient",
    "TradingClientError",
]
