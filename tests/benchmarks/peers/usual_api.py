"""A usual API: FastAPI with a response model, a psycopg pool, PyJWT in a dependency.

It also answers `/version` from a row with the version of a document, with 304 if it is known.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from interfaces.http.schemas.data import Assignment, Course
from interfaces.http.schemas.page import PageOf
from tests.benchmarks.peers.typed_tables import select_rows

pool = AsyncConnectionPool(
    os.environ["DATABASE_URL"], min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
)
ASSIGNMENTS, COURSES = select_rows("assignments"), select_rows("courses")
VERSION = "SELECT version FROM usual.documents WHERE person_id = %s AND kind = 'assignments'"


@asynccontextmanager
async def _open_pool(_: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    yield
    await pool.close()


app = FastAPI(lifespan=_open_pool)


def person_of(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> UUID:
    """Return the person that a bearer token names."""
    try:
        claims = jwt.decode(
            credentials.credentials,
            os.environ["SUPABASE_JWT_SECRET"],
            algorithms=["HS256"],
            audience="authenticated",
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


async def current_person(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> UUID:
    """Verify the token on the event loop, as most services do."""
    return person_of(credentials)


Person = Annotated[UUID, Depends(current_person)]
Limit = Annotated[int, Query(ge=1, le=500)]


async def _page(query: Any, person: UUID, limit: int) -> dict[str, Any]:
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(query, [person, limit])
        return {"items": await cursor.fetchall(), "next_cursor": None}


@app.get("/api/v1/canvas/assignments", response_model=PageOf[Assignment])
async def list_assignments(person: Person, limit: Limit = 100) -> dict[str, Any]:
    """Return the assignments of the person."""
    return await _page(ASSIGNMENTS, person, limit)


@app.get("/api/v1/canvas/courses", response_model=PageOf[Course])
async def list_courses(person: Person, limit: Limit = 100) -> dict[str, Any]:
    """Return the courses of the person."""
    return await _page(COURSES, person, limit)


@app.get("/version")
async def get_version(request: Request, person: Person) -> Response:
    """Read the version of a document, and return 304 if the client has it."""
    async with pool.connection() as connection:
        row = await (await connection.execute(VERSION, [person])).fetchone()
    tag = f'"{row[0] if row else 0}"'
    known = request.headers.get("if-none-match") == tag
    return Response(status_code=304 if known else 404, headers={"ETag": tag})
