"""The route of grade receipts: one file with which somebody else can check one grade."""

from fastapi import APIRouter, Request, Response

from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.responses import document_response
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.path_parameters import GradeChangeId
from interfaces.http.schemas.receipts import GradeReceipt

router = APIRouter(
    prefix="/api/v1/me/grades",
    tags=["me"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "/{change_id}/receipt",
    operation_id="getGradeReceipt",
    summary="Get a receipt of one grade",
    responses=document_responses(
        200,
        GradeReceipt,
        "The receipt, as a file",
        "not-found",
        "not-sealed",
        "grade-not-committed",
        "history-changed",
        "person-erased",
    ),
)
async def get_grade_receipt(
    request: Request,
    change_id: GradeChangeId,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
) -> Response:
    """Get a file that shows one grade to somebody else, and nothing but this grade.

    Anybody can check it offline, without an account: `easeboard receipt verify`, or the script
    `examples/verify_receipt.py`. It stays valid when the grade changes later, and when your data
    is erased.
    """
    await reads.require_known_token()
    receipt, place = await service.grade_receipt(user.id, change_id)
    response = document_response(request, receipt.encode(), place)
    name = f"grade-receipt-{change_id}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
