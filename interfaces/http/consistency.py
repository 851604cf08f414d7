"""Reading your own writes: a token says how far a read must have come."""

import base64
import binascii
import re
import struct
from typing import Annotated, Any
from zlib import crc32

from fastapi import Depends, Header, Request

from interfaces.http.auth.protected_route import Wired
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.admission_control import aside

DEFAULT_WAIT, LONGEST_WAIT = 2.0, 10.0
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.ASCII | re.IGNORECASE)


def token_of(position: int) -> str:
    """The opaque token of a position in the log."""
    packed = struct.pack(">q", position)
    return base64.urlsafe_b64encode(packed + struct.pack(">I", crc32(packed))).decode()


def position_of(token: str) -> int:
    """The position in a token; raises ValueError for what is none of ours."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        position, check = struct.unpack(">qI", raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError("no token of ours") from error
    if check != crc32(raw[:8]) or position < 0:
        raise ValueError("no token of ours")
    return int(position)


def reads(*projections: str) -> Any:
    """A dependency: answer from a state of these projections that includes the token's."""

    async def caught_up(
        request: Request,
        service: Wired,
        consistency_token: Annotated[
            str | None,
            Header(
                alias="Consistency-Token",
                description="As answered by a command: include its effect",
            ),
        ] = None,
        _: Annotated[
            str | None, Header(alias="Prefer", description="`wait=<seconds>`, 2 unless told, ≤ 10")
        ] = None,
    ) -> None:
        if consistency_token is None:
            return
        position = _position(consistency_token)
        seconds = _wait(request.headers.getlist("prefer"))
        async with aside(request.scope):
            has_come = not projections or await service.wait_for(position, projections, seconds)
        if not has_come:
            raise Problem(
                "projection-behind",
                "The read model has not come that far in time.",
                headers={"Retry-After": "1"},
            )

    return Depends(caught_up)


def _position(token: str) -> int:
    try:
        return position_of(token)
    except ValueError:
        raise Problem("bad-consistency-token", "This is not a consistency token.") from None


def _wait(preferences: list[str]) -> float:
    found = WAIT.search(",".join(preferences))
    return min(float(found[1]), LONGEST_WAIT) if found else DEFAULT_WAIT
