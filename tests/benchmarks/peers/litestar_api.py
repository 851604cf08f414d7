"""Litestar with msgspec, psycopg and PyJWT; runs in an environment without easeboard.

`QUERIES` in the environment is the SQL of the other usual API, as JSON by table.
"""

import json
import os
from typing import Any
from uuid import UUID

import jwt
from litestar import Litestar, Request, get
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

QUERIES = json.loads(os.environ["QUERIES"])
pool = AsyncConnectionPool(
    os.environ["DATABASE_URL"], min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
)


async def current_person(request: Request[Any, Any, Any]) -> UUID:
    """Return the person that the bearer token names."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    secret = os.environ["SUPABASE_JWT_SECRET"]
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience="authenticated")
    except jwt.PyJWTError as error:
        raise NotAuthorizedException from error
    return UUID(claims["sub"])


async def _page(table: str, person: UUID, limit: int) -> dict[str, Any]:
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(QUERIES[table], [person, limit])
        return {"items": await cursor.fetchall(), "next_cursor": None}


async def list_assignments(person: UUID, limit: int = 100) -> dict[str, Any]:
    """Return the assignments of the person."""
    return await _page("assignments", person, limit)


async def list_courses(person: UUID, limit: int = 100) -> dict[str, Any]:
    """Return the courses of the person."""
    return await _page("courses", person, limit)


async def _open_pool(_: Litestar) -> None:
    await pool.open()


async def _close_pool(_: Litestar) -> None:
    await pool.close()


app = Litestar(
    [
        get("/api/v1/canvas/assignments")(list_assignments),
        get("/api/v1/canvas/courses")(list_courses),
    ],
    dependencies={"person": Provide(current_person)},
    on_startup=[_open_pool],
    on_shutdown=[_close_pool],
    openapi_config=None,
)
