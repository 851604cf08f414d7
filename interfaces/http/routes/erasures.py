"""The route with which admins erase a person."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from application.erase_person import ErasePerson
from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.responses import command_response
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.path_parameters import UserId
from interfaces.http.schemas.request_bodies import ErasureWish
from interfaces.http.schemas.take_out import AcceptedErasure

router = APIRouter(
    prefix="/api/v1/admin/users",
    tags=["admin"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("admin"),
)


@router.post(
    "/{user_id}/erase",
    operation_id="erasePerson",
    summary="Erase all data of a user",
    status_code=202,
    responses=document_responses(
        202,
        AcceptedErasure,
        "The data is erased; the user at Supabase, if asked for, is deleted some seconds later",
        "auth-user-not-deletable",
        "connection-busy",
    ),
)
async def erase_person(
    user_id: UserId,
    service: ServiceDep,
    body: Annotated[ErasureWish | None, Body()] = None,
) -> Response:
    """Erase everything of a user for good: their history cannot be read any more.

    It cannot be undone. Also a user of whom nothing is known is erased: nothing about them can be
    recorded later. It is recorded in the event log who did this.
    """
    delete_auth_user = body.delete_auth_user if body else False
    await service.erase_person(ErasePerson(person_id=user_id, delete_auth_user=delete_auth_user))
    return command_response(
        {
            "user_id": user_id,
            "erased": True,
            "auth_user": "waiting" if delete_auth_user else "kept",
        },
        202,
    )
