"""Routes whose parameters FastAPI analyses when they are first needed, since all of them take a tenth of a start."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name


class LateRoute(APIRoute):
    """A route that knows its path and its methods. FastAPI finds out the rest for its first request, or for the OpenAPI
    document.

    `APIRoute` has everything else as attributes, which its constructor sets. The first one that is missing runs it.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: list[str] | None = None, **options: Any
    ) -> None:
        self.path = path
        self.endpoint = endpoint
        self.name = get_name(endpoint)
        self.methods = set(methods or ["GET"])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._analyse = partial(super().__init__, path, endpoint, methods=methods, **options)

    def __getattr__(self, name: str) -> Any:
        """Analyse the parameters. Raises AttributeError for what a route does not have."""
        analyse = self.__dict__.pop("_analyse", None)
        if analyse is None:
            raise AttributeError(name)
        analyse()
        return getattr(self, name)
