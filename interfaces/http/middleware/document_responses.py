"""Responses with a document: compressed or not, and 304 for a client that has it.

A document that is kept and one that was just read are sent by the same function.
"""

import asyncio
import re
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from fastapi import Response
from starlette.types import Scope

from domain.log_position import LogPosition
from interfaces.consistency_token import encode_consistency_token
from interfaces.http.middleware.compression import (
    MIN_COMPRESSED_BYTES,
    accepts_gzip,
    compress,
    decompress,
)
from interfaces.http.middleware.large_responses import (
    LARGE_BODY_BYTES,
    LargeResponse,
    reserve_large_response,
)
from interfaces.queries.kept_documents import KeptDocument

ENTITY_TAG = re.compile(rb'(?:W/)?("[^"]*")')
ANY_TAG = b"*"
CACHE_CONTROL = (b"cache-control", b"private, no-cache")
CONTENT_TYPE = (b"content-type", b"application/json")
GZIP = (b"content-encoding", b"gzip")
VARY = (b"vary", b"Accept-Encoding")


class ClientState(NamedTuple):
    """What the headers of a request say about the document that its client has and wants."""

    known_tags: bytes
    """The value of `If-None-Match`; empty without one."""
    accepts_gzip: bool

    def has(self, entity_tag: bytes) -> bool:
        """Return whether the client has the document of this strong `ETag` (RFC 9110, 13.1.2)."""
        if not self.known_tags or self.known_tags == entity_tag:
            return bool(self.known_tags)
        return self.known_tags.strip() == ANY_TAG or self.names(entity_tag)

    def names(self, entity_tag: bytes) -> bool:
        """Return whether the client has named this `ETag`; `*` names none."""
        return entity_tag in ENTITY_TAG.findall(self.known_tags)


def client_state(scope: Scope) -> ClientState:
    """Return what the headers of a request say."""
    known_tags, accepted = b"", None
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known_tags = known_tags or value
        elif name == b"accept-encoding":
            accepted = value if accepted is None else b"%b,%b" % (accepted, value)
    return ClientState(known_tags, accepts_gzip(accepted))


def describe(
    document: bytes,
    place: LogPosition | None,
    changes_at: datetime | None = None,
    open_circuits: int | None = None,
) -> KeptDocument:
    """Return a document with its `ETag`, a digest of it, and the headers of its response.

    With a `place`, the response has its consistency token. The clock changes it at `changes_at`; it
    shows circuits that have the digest `open_circuits`.
    """
    headers = []
    if place is not None:
        token = encode_consistency_token(place)
        headers.append((b"consistency-token", token.encode("ascii")))
    if len(document) >= MIN_COMPRESSED_BYTES:
        headers.append(VARY)
    return KeptDocument(
        etag=b'"%b"' % blake2b(document, digest_size=12).hexdigest().encode("ascii"),
        content=document,
        is_compressed=False,
        identity_length=len(document),
        headers=tuple(headers),
        changes_at=changes_at,
        open_circuits=open_circuits,
    )


def compressed(document: KeptDocument) -> KeptDocument:
    """Return a document with its content compressed, unless it is small."""
    if document.identity_length < MIN_COMPRESSED_BYTES:
        return document
    return document._replace(content=compress(document.content), is_compressed=True)


def respond(kept: KeptDocument, client: ClientState, identity: bytes | None = None) -> Response:
    """Return the response with a document, or 304 without one.

    The same document has two representations. So the `ETag` of the compressed one is weak, and
    either of them matches both. `identity` is the document, if the caller has it uncompressed.
    """
    sends_gzip = kept.is_compressed and client.accepts_gzip
    entity_tag = b"W/" + kept.etag if sends_gzip or kept.is_weak else kept.etag
    headers = [(b"etag", entity_tag), CACHE_CONTROL, *kept.headers]
    if client.has(kept.etag):
        return ReadyResponse(b"", 304, headers)
    body = kept.content
    if sends_gzip:
        headers.append(GZIP)
    elif kept.is_compressed:
        body = decompress(body) if identity is None else identity
    headers += ((b"content-length", b"%d" % len(body)), CONTENT_TYPE)
    response_type = LargeReadyResponse if len(body) > LARGE_BODY_BYTES else ReadyResponse
    return response_type(body, 200, headers)


async def respond_kept(kept: KeptDocument, scope: Scope) -> Response:
    """Return the response to a request with a document that was kept, or 304 without one.

    A large one is decompressed in a thread, when the person may have one more large response.

    Raises: Problem as `reserve_large_response` does.
    """
    client = client_state(scope)
    is_sent_as_it_is = client.accepts_gzip or not kept.is_compressed or client.has(kept.etag)
    if is_sent_as_it_is or kept.identity_length <= LARGE_BODY_BYTES:
        return respond(kept, client)
    await reserve_large_response(scope)
    return await asyncio.to_thread(respond, kept, client)


class ReadyResponse(Response):
    """A response whose headers are encoded already."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.raw_headers = status, body, headers
        self.background = None


class LargeReadyResponse(LargeResponse, ReadyResponse):
    """A large response whose headers are encoded already."""
