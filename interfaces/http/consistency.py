"""Read your own writes: a consistency token makes a read wait for the effect of a command."""

import base64
import binascii
import re
import struct
from typing import Annotated, Any
from zlib import crc32

from fastapi import Depends, Header, Request

from interfaces.http.auth.protected_route import ServiceDep
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.admission_control import slot_released

DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 2.0, 10.0
WAIT_PREFERENCE = re.compile(
    r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.ASCII | re.IGNORECASE
)
"""The preference `wait` of the header `Prefer` (RFC 7240, section 4.3)."""


def encode_consistency_token(position: int) -> str:
    """Return the opaque token of a log position: the position and a CRC-32, in base64url."""
    packed = struct.pack(">q", position)
    return base64.urlsafe_b64encode(packed + struct.pack(">I", crc32(packed))).decode()


def decode_consistency_token(token: str) -> int:
    """Return the log position of a token.

    Raises: ValueError if `encode_consistency_token` cannot have made it.
    """
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        position, checksum = struct.unpack(">qI", raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError("not a consistency token") from error
    if checksum != crc32(raw[:8]) or position < 0:
        raise ValueError("not a consistency token")
    return int(position)


def consistent_read(*projections: str) -> Any:
    """Return a dependency that waits until these read models have reached the token's position.

    Without read models it only validates the header. A request that waits releases its slot.
    """

    async def wait_until_consistent(
        request: Request,
        service: ServiceDep,
        consistency_token: Annotated[
            str | None,
            Header(
                alias="Consistency-Token",
                description=(
                    "The token of an earlier response: the read waits until it includes the effect"
                    " of that command"
                ),
            ),
        ] = None,
        _: Annotated[
            str | None,
            Header(
                alias="Prefer",
                description=(
                    "`wait=<seconds>`: how long to wait for the effect (default 2, at most 10)"
                ),
            ),
        ] = None,
    ) -> None:
        if consistency_token is None:
            return
        position = _parse_token(consistency_token)
        seconds = _parse_wait_seconds(request.headers.getlist("prefer"))
        async with slot_released(request.scope):
            is_consistent = not projections or await service.wait_for_position(
                position, projections, seconds
            )
        if not is_consistent:
            raise Problem("projection-behind", headers={"Retry-After": "1"})

    return Depends(wait_until_consistent)


def _parse_token(token: str) -> int:
    try:
        return decode_consistency_token(token)
    except ValueError:
        raise Problem("bad-consistency-token") from None


def _parse_wait_seconds(preferences: list[str]) -> float:
    match = WAIT_PREFERENCE.search(",".join(preferences))
    return min(float(match[1]), MAX_WAIT_SECONDS) if match else DEFAULT_WAIT_SECONDS
