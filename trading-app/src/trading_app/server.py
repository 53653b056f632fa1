"""Serves the app: one process, one event loop, a clean shutdown."""

import sys
from dataclasses import replace
from functools import partial

import structlog

from service_kit.lifecycle.descriptors import make_room_for_connections
from service_kit.lifecycle.ending import Ending
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.lifecycle.signals import EndSignals
from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from trading_app.connection.fast_path import fast_connection
from trading_app.environment import Settings
from trading_app.history.accounts import Accounts
from trading_app.history.accounts import read_file as read_accounts
from trading_app.hooks.reload import HooksFile
from trading_app.http.request_boundary import add_request_id
from trading_app.instruments.file import read_file
from trading_app.ui import Files, StartFailed, WebApp
from trading_app.yaml_nodes import FileError
from trading_model.symbols import probably_meant

log = structlog.get_logger(__name__)

GRACE_SECONDS = 3
"""Time that requests under way get to finish at shutdown."""


async def run(settings: Settings, signals: EndSignals) -> int:
    """Serve until a signal asks for the end, or the stream fails. Returns the exit code."""
    try:
        for key, file in settings.named_files.items():
            if not file.exists():
                raise FileError(f"{key}: there is no file {file}")
        hooks_file = HooksFile(settings.hooks_file)
        files = Files(
            read_file(settings.instruments_file),
            hooks_file.read(),
            read_accounts(settings.accounts_file),
            hooks_file,
        )
    except FileError as error:
        print(f"trading-app: {error}", file=sys.stderr)
        return 2
    configure_logs(settings.logs, "trading-app", add_request_id)
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("WEBAPP_API_TOKENS", settings.api_tokens)
    warn_of_currencies(settings, files.accounts)
    address = Address(settings.http_host, settings.http_port, "WEBAPP", settings.unread_seconds)
    return await serve(address, partial(start, settings, files), signals)


def warn_of_currencies(settings: Settings, accounts: Accounts) -> None:
    """Log codes that may be slips. A warning, not an error: new currencies appear every day."""
    for line, detail in accounts.doubts:
        log.warning("unknown currency", file=str(settings.accounts_file), line=line, how=detail)
    meant = probably_meant(settings.base_currency)
    if settings.base_currency and meant:
        log.warning("unknown currency", setting="BASE_CURRENCY", how=f"do you mean {meant}?")


def start(settings: Settings, files: Files, ending: Ending) -> Serving:
    """Assemble the app. The lifespan opens the journal, and raises StartFailed."""

    def fail(error: BaseException) -> None:
        if not isinstance(error, StartFailed):  # the app has logged why it can't start
            log.critical("the stream failed; exiting, the next start recovers", error=repr(error))
        ending.fail(error)

    max_connections = make_room_for_connections(settings.max_connections, "WEBAPP")
    app = WebApp(replace(settings, max_connections=max_connections), fail, files=files)
    ending.call(app.begin_end)  # otherwise the server would wait for its endless answers
    return Serving(app, fast_connection(app), has_lifespan=True, grace_seconds=GRACE_SECONDS)
