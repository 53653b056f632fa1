"""The app as an import uses it, over HTTP."""

from collections.abc import Callable
from threading import Event

from trading_app.client.delivery import Delivery, Failure
from trading_app.client.errors import Refused, Unreachable
from trading_app.client.target import Target
from trading_app.imports.ledger import CallRefused, RefusedItem, Unanswered


class AppLedger:
    """Calls of a running app; a context manager. What fails for now is repeated for up to `max_wait` seconds."""

    def __init__(self, app: Target, max_wait: float | None, on_failure: Callable[[Failure], object]) -> None:
        self._stopped = Event()
        self._delivery = Delivery(app, max_wait, on_failure, sleep=self._pause)

    def __enter__(self) -> "AppLedger":
        return self

    def __exit__(self, *exception: object) -> None:
        self._delivery.__exit__(*exception)

    def stop(self) -> None:
        """End the waiting of calls that are under way, and of later ones: they raise Unanswered."""
        self._stopped.set()

    def answers(self) -> bool:
        """Whether anything answers."""
        try:
            self._delivery.ping()
        except Unreachable:
            return False
        return True

    def post(self, path: str, body: bytes, content_type: str) -> bytes:
        """The answer to a POST. Raises CallRefused, Unanswered."""
        return self._deliver("POST", path, body, {"Content-Type": content_type})

    def get(self, path: str) -> bytes:
        """The answer to a GET. Raises CallRefused, Unanswered."""
        return self._deliver("GET", path, b"", {})

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Unreachable("interrupted")

    def _deliver(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        try:
            return self._delivery.deliver(path, body, headers, method)
        except Refused as refused:
            items = [RefusedItem(one.index, one.pointer, one.detail) for one in refused.problems]
            raise CallRefused(refused.status, refused.detail, items) from None
        except Unreachable as error:
            raise Unanswered(str(error)) from None
