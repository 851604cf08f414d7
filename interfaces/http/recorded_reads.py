"""Shows data of other people: each reading is recorded before anything is sent, with its purpose.

The `ETag` of what was read belongs to one reader, one purpose and one URL. A request that sends it
back and gets 304 is the same reading as before, and is not recorded again. See decision 0044.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Request, Response

from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from domain.errors import DomainError
from domain.log_position import LogPosition
from interfaces.http.auth.direct_calls import resolved_by
from interfaces.http.auth.principal import Principal
from interfaces.http.auth.purpose import Purpose, purpose_of
from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.middleware.document_responses import client_state, compressed, describe
from interfaces.http.middleware.large_responses import LARGE_BODY_BYTES
from interfaces.http.responses import page_document, prepared_response
from interfaces.queries.history_pages import LogNotSettled
from interfaces.queries.kept_documents import KeptDocument
from interfaces.service import Service
from projections.support.page import Page

TAG_VERSION = b"1"
"""Changes with the meaning of an `ETag`, so that a new release knows none of an earlier one."""

Record = Callable[[], Awaitable[None]]


class Shown(NamedTuple):
    """A document that was read and not sent yet, and the place in the log that it shows.

    With a `basis`, the `ETag` depends on this instead of the document. It is then weak.
    """

    document: bytes
    place: LogPosition | None = None
    basis: bytes | None = None


Read = Callable[[], Awaitable[Shown]]


class RecordedReader:
    """Reads for one request: for one reader, with one purpose."""

    def __init__(
        self, request: Request, service: Service, principal: Principal, purpose: str
    ) -> None:
        self.purpose = purpose
        self.reader = str(principal.id)
        """The reader as it is recorded."""
        self._reader_id = principal.id
        self._request = request
        self._service = service

    async def of_history(self, connection_id: UUID, what: str, read: Read) -> Response:
        """Return the response with what `read` returns about the history of a connection.

        `what` describes the reading in the record. A refusal is information about the history too,
        so it is recorded.

        Raises: what `read` raises; ConnectionNotFound; what prevents that the reading is recorded.
        """
        return await self._show(read, lambda: self.record_history(connection_id, what))

    async def of_list(self, what: str, read: Read, *, about: UUID | None = None) -> Response:
        """Return the response with a list, recorded on the reader's own history.

        `about` is the only person that the list is about, if a filter names one.
        """

        async def record() -> None:
            await self._service.record_list_read(
                RecordListRead(
                    reader_id=self._reader_id, what=what, purpose=self.purpose, about=about
                )
            )

        return await self._show(read, record)

    async def record_history(self, connection_id: UUID, what: str) -> None:
        """Record a reading; a route that sends a stream calls this before the first byte.

        Raises: ConnectionNotFound if there is no such connection.
        """
        await self._service.record_history_read(
            RecordHistoryRead(
                connection_id=connection_id, reader=self.reader, what=what, purpose=self.purpose
            )
        )

    async def _show(self, read: Read, record: Record) -> Response:
        try:
            shown = await read()
        except (DomainError, LogNotSettled):
            await record()
            raise
        ready = await self._prepare(shown)
        # `*` matches every document, so the client may have read none.
        if not client_state(self._request.scope).names(ready.etag):
            await record()
        return prepared_response(self._request, ready, shown.document, shown.place)

    async def _prepare(self, shown: Shown) -> KeptDocument:
        if len(shown.document) > LARGE_BODY_BYTES:
            return await asyncio.to_thread(self._describe, shown)
        return self._describe(shown)

    def _describe(self, shown: Shown) -> KeptDocument:
        ready = describe(shown.document, shown.place)._replace(
            etag=self._entity_tag(shown), is_weak=shown.basis is not None
        )
        client = client_state(self._request.scope)
        is_sent_as_gzip = client.accepts_gzip and not client.has(ready.etag)
        return compressed(ready) if is_sent_as_gzip else ready

    def _entity_tag(self, shown: Shown) -> bytes:
        content = shown.document if shown.basis is None else shown.basis
        url = self._request.url
        parts = (self.reader, self.purpose, url.path, url.query)
        digest = blake2b(TAG_VERSION, digest_size=12)
        for part in (*(text.encode() for text in parts), content):
            digest.update(len(part).to_bytes(8) + part)
        return b'"%b"' % digest.hexdigest().encode("ascii")


def shown_page(page: Page, place: LogPosition | None) -> Shown:
    """Return a page of a list as it is shown."""
    return Shown(page_document(page), place, page.basis)


def _reads_of(request: Request) -> RecordedReader:
    principal = request_context_of(request).require_principal()
    return RecordedReader(request, app_state_of(request).service, principal, purpose_of(request))


@resolved_by(_reads_of)
async def _open_reads(request: Request, _: Purpose) -> RecordedReader:
    return _reads_of(request)


RecordedReads = Annotated[RecordedReader, Depends(_open_reads)]
"""A parameter of a route that shows data of other people; it documents the purpose too."""
