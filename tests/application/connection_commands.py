"""Shortcuts for the commands of a person about their connection."""

from datetime import timedelta
from uuid import UUID

from application.close_connection import CloseConnection, close_connection
from application.rotate_token import RotateToken, rotate_token
from application.validate_connection import ValidateConnection, validate_connection
from tests.application.conftest import PERSON, Application

NEW_TOKEN = "7~second-token-of-ada"


async def close(app: Application, connection_id: UUID) -> None:
    command = CloseConnection(person_id=PERSON, connection_id=connection_id)
    await close_connection(command, store=app.store, vault=app.vault)


async def rotate(app: Application, connection_id: UUID, token: str) -> None:
    command = RotateToken(
        person_id=PERSON,
        connection_id=connection_id,
        api_token=token,
    )
    await rotate_token(
        command,
        store=app.store,
        vault=app.vault,
        canvas=app.canvas,
        queue=app.queue,
        interval=timedelta(hours=2),
    )


async def validate(app: Application, connection_id: UUID) -> str | None:
    command = ValidateConnection(
        person_id=PERSON,
        connection_id=connection_id,
    )
    return await validate_connection(command, store=app.store, vault=app.vault, canvas=app.canvas)
