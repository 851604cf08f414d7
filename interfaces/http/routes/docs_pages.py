"""This interface described: for machines, and as a page for people that loads nothing from afar."""

from importlib.resources import files

import orjson
from fastapi import APIRouter, FastAPI, Request, Response

from interfaces.http.errors.problem import Problem
from interfaces.http.openapi import described
from interfaces.http.responses import read

SHIPPED = files("fastapi_offline") / "static"
"""Swagger UI's own files, as a package ships them."""
KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>easeboard</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def describe(request: Request) -> Response:
    """Describe every operation."""
    app: FastAPI = request.app
    return read(request, orjson.dumps(described(app)))


@router.get("/docs")
async def show() -> Response:
    """Show the description; it is found beside the page, whatever stands before both."""
    return Response(PAGE, media_type="text/html")


@router.get("/docs/{name}")
async def give(name: str) -> Response:
    """Give a file of the page."""
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in KINDS:
        raise Problem("not-found", "The page has no such file.")
    body = (SHIPPED / name).read_bytes()
    kept = {"Cache-Control": "public, max-age=3600"}
    return Response(body, media_type=KINDS[name], headers=kept)
