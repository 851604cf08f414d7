"""One request to a witness (C2SP tlog-witness), and its answer, which may be hostile."""

import re
from http import HTTPStatus
from typing import NamedTuple

import aiohttp
from yarl import URL

from infrastructure.seals.add_checkpoint import PATH, AddCheckpoint
from infrastructure.seals.signed_note import NoteMalformed, SignatureLine, parse_signature_lines

REQUEST_SECONDS = 15.0
"""Seconds for a whole exchange: a public witness may wait for its own storage."""
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 1024
"""More than 16 signatures of ML-DSA-44."""
SHOWN_REASON = 200
"""Characters of an error answer that are kept."""

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_MEANINGS = {
    400: "it finds the request malformed",
    403: "it does not know the key that signs our checkpoints: give its operator our vkey",
    404: "it does not serve this log, or the URL is wrong: give its operator our vkey",
    413: "it finds the request too large",
    429: "it has had too many requests",
}


class WitnessSilent(Exception):
    """A witness gave no answer that can be used; the message has the reason."""


class HistoryContradicted(Exception):
    """A witness has signed a history that ours does not continue; the message has the details.

    `size` is the one of that history, if it is larger than the checkpoint that was sent.
    """

    def __init__(self, message: str, size: int = 0) -> None:
        super().__init__(message)
        self.size = size


class SizeConflict(NamedTuple):
    """The answer 409: the size of the checkpoint that the witness has cosigned last."""

    size: int


def new_witness_session() -> aiohttp.ClientSession:
    """Open the HTTP session for requests to witnesses."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, limit_per_host=2),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,
    )


async def add_checkpoint(
    session: aiohttp.ClientSession, url: str, request: AddCheckpoint
) -> list[SignatureLine] | SizeConflict:
    """Send a checkpoint to a witness; returns its signature lines, none of them verified.

    Redirects are not followed.

    Raises: WitnessSilent; HistoryContradicted for the answer 422.
    """
    status, body = await _exchange(session, "POST", URL(url.rstrip("/") + PATH), request.body())
    if status == HTTPStatus.CONFLICT:
        size = _SIZE.fullmatch(body)
        if size is None:
            raise WitnessSilent("it answered 409 without a size")
        return SizeConflict(int(size[1]))
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise HistoryContradicted(_shown(body) or "the proof does not verify")
    _require_ok(status, body)
    try:
        return parse_signature_lines(body.decode())
    except (NoteMalformed, UnicodeDecodeError) as error:
        raise WitnessSilent("it answered with something else than signature lines") from error


async def fetch_newest(session: aiohttp.ClientSession, url: str, origin_hash: str) -> bytes | None:
    """Return the newest checkpoint of a log that a witness serves, not verified; None without one.

    Raises: WitnessSilent.
    """
    address = URL(f"{url.rstrip('/')}/{origin_hash}/checkpoint")
    status, body = await _exchange(session, "GET", address, None)
    if status == HTTPStatus.NOT_FOUND:
        return None
    _require_ok(status, body)
    return body


async def _exchange(
    session: aiohttp.ClientSession, method: str, url: URL, body: bytes | None
) -> tuple[int, bytes]:
    try:
        async with session.request(
            method, url, data=body, allow_redirects=False, headers={"Content-Type": "text/plain"}
        ) as response:
            return response.status, await _read_bounded(response)
    except TimeoutError as error:
        raise WitnessSilent(f"no answer within {REQUEST_SECONDS:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise WitnessSilent(
            f"the request failed: {_one_line(str(error) or repr(error))}"
        ) from error


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise WitnessSilent(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")
    return body


def _require_ok(status: int, body: bytes) -> None:
    if status == HTTPStatus.OK:
        return
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise WitnessSilent(f"it answered {status}: redirects are not followed, correct its URL")
    meaning = _MEANINGS.get(status, "")
    parts = (f"it answered {status}", meaning, _shown(body))
    raise WitnessSilent(": ".join(part for part in parts if part))


def _shown(body: bytes) -> str:
    return _one_line(body.decode("utf-8", "replace"))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:SHOWN_REASON]
