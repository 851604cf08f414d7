"""The console: a web page at `/`, its files, how to sign in to it, and tokens for development."""

import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any, get_args

import orjson
from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Scope

from interfaces.http.auth.console_options import ConsoleOptions, DevelopmentSignIn
from interfaces.http.auth.local_requests import is_from_own_page, is_from_this_machine
from interfaces.http.errors.problem import Problem
from interfaces.http.responses import command_response
from interfaces.http.routes.console_files import INDEX_NAME, read_console_files, respond_with_file
from interfaces.http.schemas.console import ConsoleRole, ConsoleSignIn

TOKEN_TTL_SECONDS = 12 * 3600
NOT_INSTALLED = (
    "The console is not part of this installation, but the API is. Install a release, which has "
    "it; in a clone of the repository, build it with `make console`."
)
NO_TOKENS_HERE = (
    "Tokens for development exist only with the embedded database and in the demo, and only for "
    "the console itself, opened in a browser on the machine of the service at a loopback address "
    "such as http://127.0.0.1:8000."
)


def create_console_router(options: ConsoleOptions) -> APIRouter:
    """Create the routes of the console; its files are read now, and never again."""
    console_files = read_console_files(options.folder)
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_console(request: Request) -> Response:
        """Return the page of the console."""
        if INDEX_NAME not in console_files:
            raise Problem("not-found", NOT_INSTALLED)
        return respond_with_file(console_files[INDEX_NAME], request.scope)

    @router.get("/console/settings")
    async def get_console_settings(request: Request) -> Response:
        """Return how people sign in; anyone may read it."""
        document = orjson.dumps(_settings_document(options, request.scope))
        return Response(document, 200, {"Cache-Control": "no-cache"}, "application/json")

    def require_development(request: Request) -> DevelopmentSignIn:
        """Return how tokens are signed; Problem `not-found` if the request may not have one."""
        scope = request.scope
        is_permitted = is_from_this_machine(scope) and is_from_own_page(scope)
        if options.development is None or not is_permitted:
            raise Problem("not-found", NO_TOKENS_HERE)
        return options.development

    @router.post("/console/tokens")
    async def create_development_token(
        body: ConsoleSignIn, sign_in: Annotated[DevelopmentSignIn, Depends(require_development)]
    ) -> Response:
        """Return a token of the role, on the machine of the service only."""
        return command_response(_new_token(sign_in, body.role), 200)

    @router.get("/console/{name}")
    async def get_console_file(name: str, request: Request) -> Response:
        """Return a built file of the page."""
        if name not in console_files or name == INDEX_NAME:
            raise Problem("not-found", "The console has no file of this name.")
        return respond_with_file(console_files[name], request.scope)

    return router


def _settings_document(options: ConsoleOptions, scope: Scope) -> dict[str, Any]:
    sign_in: dict[str, Any] = {"kind": "token"}
    if options.development and is_from_this_machine(scope):
        sign_in = {"kind": "development", "roles": get_args(ConsoleRole)}
    elif options.supabase:
        sign_in = {"kind": "supabase", **options.supabase._asdict()}
    demo = options.control_url and {"control_url": options.control_url}
    return {"sign_in": sign_in, "demo": demo, "version": version("easeboard")}


def _new_token(sign_in: DevelopmentSignIn, role: str) -> dict[str, Any]:
    user_id, now = sign_in.user_of(role), int(time.time())
    return {
        "token": sign_in.sign(user_id, role, TOKEN_TTL_SECONDS, now),
        "expires_at": datetime.fromtimestamp(now + TOKEN_TTL_SECONDS, UTC),
        "user_id": user_id,
        "role": role,
    }
