"""Stands in for an app in the tests of `apps-up`: answers /healthz, or does what the file `<its name>.mode` says."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

NAME = Path(sys.argv[0]).name
ROOT = Path(sys.argv[0]).parents[2]
PREFIXES = {
    "trading-app": "WEBAPP",
    "metrics-sidecar": "SIDECAR",
    "trading-analytics": "ANALYTICS",
    "market-feed": "FEED",
}
PORT = int(os.environ[f"{PREFIXES[NAME]}_HTTP_PORT"])


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests read the output."""


def end(*_: object) -> None:
    print("ended in good order", flush=True)
    os._exit(0)


mode = (ROOT / f"{NAME}.mode").read_text()
print(f"{NAME} is process {os.getpid()}, mode {mode}", flush=True)
if mode == "fail":
    sys.exit(3)
if mode != "starting":
    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else end)
HTTPServer(("127.0.0.1", PORT), Health).serve_forever()
