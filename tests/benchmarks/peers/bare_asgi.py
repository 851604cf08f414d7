"""Bare ASGI: a stored compressed document of a person, and `/static` without a database."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

STATIC_BODY = b"x" * 113_000
DOCUMENT = "SELECT body FROM usual.documents WHERE person_id = %s AND kind = %s"

pool = AsyncConnectionPool(
    os.environ["DATABASE_URL"], min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
)
Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer `/static` and `/documents/<kind>?<person>`; no token is checked."""
    if scope["type"] == "lifespan":
        await receive()
        await pool.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"application/json")]
    body = STATIC_BODY
    if scope["path"] != "/static":
        person, kind = UUID(scope["query_string"].decode()), scope["path"].rpartition("/")[2]
        async with pool.connection() as connection:
            cursor = await connection.execute(DOCUMENT, [person, kind], binary=True)
            row = await cursor.fetchone()
        body = row[0] if row else b""
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
