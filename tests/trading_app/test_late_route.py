"""Routes that FastAPI analyses when they are first needed."""

from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute

from service_kit.settings import Environment
from trading_app.environment import read_settings
from trading_app.http.late_route import LateRoute
from trading_app.ui import WebApp


def test_no_route_is_analysed_before_it_is_needed(tmp_path: Path) -> None:
    app = WebApp(read_settings(Environment({}, tmp_path)), print)
    routes = [route for route in app.api.routes if isinstance(route, APIRoute)]
    assert len(routes) > 40
    assert [route.path for route in routes if "dependant" in vars(route)] == []


def test_an_analysed_route_is_what_fastapi_makes_of_it() -> None:
    class Made:
        def __init__(self, route_class: type[APIRoute]) -> None:
            self.api = FastAPI()
            self.api.router.route_class = route_class

            @self.api.post("/one/{name}", tags=["tag"], status_code=201)
            async def one(name: str, limit: Annotated[int, Query(ge=1)] = 5) -> dict[str, int]:
                """Say one."""
                return {name: limit}

            route = self.api.routes[-1]
            assert isinstance(route, APIRoute)
            self.route = route

    late, plain = Made(LateRoute), Made(APIRoute)
    assert (late.route.path_regex, late.route.methods) == (plain.route.path_regex, plain.route.methods)
    assert late.api.openapi() == plain.api.openapi()
    assert vars(late.route).keys() == vars(plain.route).keys()
    with pytest.raises(AttributeError, match="nothing"):
        getattr(late.route, "nothing")  # noqa: B009 -- a type checker knows that it is missing
