"""Refuses query parameters that a call does not know, or that are repeated."""

from collections import Counter

from fastapi import Depends, Request

from service_kit.problems import FieldProblem
from trading_app.problems import TradeProblem


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse an unknown or repeated parameter: ignoring it would answer another question. Raises TradeProblem."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        FieldProblem(f"query/{name[:64]}", "is given more than once" if name in known else "is unknown")
        for name, times in given.items()
        if name not in known or times > 1
    ]
    if errors:
        detail = f"{errors[0].pointer.removeprefix('query/')} {errors[0].detail}; known are {', '.join(known)}"
        raise TradeProblem("invalid_parameter", detail, errors)


KNOWN_PARAMETERS_ONLY = [Depends(refuse_unknown_parameters)]
"""The `dependencies` of a route that takes query parameters."""
