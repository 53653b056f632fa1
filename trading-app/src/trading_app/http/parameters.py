"""Refuses query parameters that a call does not know, or that are repeated."""

from collections import Counter
from collections.abc import Iterator, Sequence

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from starlette.datastructures import QueryParams

from service_kit.problems import FieldProblem
from trading_app.problems import TradeProblem


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse an unknown or repeated parameter: ignoring it would answer another question. Raises TradeProblem."""
    check_parameters(request.query_params, list(_declared(request.scope["route"].dependant)))


def _declared(dependant: Dependant) -> Iterator[str]:
    """The names of a call's parameters, those of its dependencies first."""
    for dependency in dependant.dependencies:
        yield from _declared(dependency)
    yield from (field.alias for field in dependant.query_params)


def check_parameters(parameters: QueryParams, known: Sequence[str]) -> None:
    """Refuse parameters that are not among the known ones, or are repeated. Raises TradeProblem."""
    given = Counter(name for name, _ in parameters.multi_items())
    errors = [
        FieldProblem(f"query/{name[:64]}", "is given more than once" if name in known else "is unknown")
        for name, times in given.items()
        if name not in known or times > 1
    ]
    if errors:
        names = f"known are {', '.join(known)}" if known else "this call has no parameters"
        detail = f"{errors[0].pointer.removeprefix('query/')} {errors[0].detail}; {names}"
        raise TradeProblem("invalid_parameter", detail, errors)


KNOWN_PARAMETERS_ONLY = [Depends(refuse_unknown_parameters)]
"""The `dependencies` of a route: it has the query parameters that it declares, and no others."""
