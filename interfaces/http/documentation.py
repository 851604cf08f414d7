"""This interface described: for machines, and as a page for people."""

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from interfaces.http.answers import read

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def describe(request: Request) -> Response:
    """Describe every operation."""
    app: FastAPI = request.app
    return read(request, orjson.dumps(app.openapi()))


@router.get("/docs")
async def show(request: Request) -> Response:
    """Show the description; it is found beside the page, whatever stands before both."""
    app: FastAPI = request.app
    return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)
