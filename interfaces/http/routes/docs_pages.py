"""The OpenAPI document, its page with Swagger UI, and the static files of our own pages."""

from importlib.resources import files

import orjson
from fastapi import APIRouter, FastAPI, Request, Response

from interfaces.http.errors.problem import Problem
from interfaces.http.openapi import openapi_document
from interfaces.http.responses import document_response
from interfaces.http.routes.problem_pages import STYLE_SHEET

STATIC_FILES = files("fastapi_offline") / "static"
"""The files of Swagger UI, from the package `fastapi-offline`."""
MEDIA_TYPE_BY_NAME = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
CACHE_HEADERS = {"Cache-Control": "public, max-age=3600"}
DOCS_PAGE = """\
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
START_SCRIPT = """\
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
async def get_openapi_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    app: FastAPI = request.app
    return document_response(request, orjson.dumps(openapi_document(app)))


@router.get("/docs")
async def get_docs_page() -> Response:
    """Return the page. Its URLs are relative, so that it works behind a path prefix."""
    return Response(DOCS_PAGE, media_type="text/html")


@router.get("/docs/{name}")
async def get_docs_file(name: str) -> Response:
    """Return a file of the page, or the style sheet of the pages that explain problems."""
    if name == "problem.css":
        return Response(STYLE_SHEET, headers=CACHE_HEADERS, media_type="text/css")
    if name == "start.js":
        return Response(START_SCRIPT, media_type="text/javascript")
    if name not in MEDIA_TYPE_BY_NAME:
        raise Problem("not-found", "The documentation page has no file of this name.")
    body = (STATIC_FILES / name).read_bytes()
    return Response(body, media_type=MEDIA_TYPE_BY_NAME[name], headers=CACHE_HEADERS)
