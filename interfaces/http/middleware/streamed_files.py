"""Files that are sent while they are made; a client that does not read them is disconnected."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from interfaces.http.server.paced_responses import ABORT_KEY

SEND_TIMEOUT_SECONDS = 30.0
"""How long the sending of one chunk may take."""

logger = structlog.get_logger(__name__)


class StreamedFile(StreamingResponse):
    """A response of chunks that a browser saves as a file; it is not kept by any cache."""

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        name: str,
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        own = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        super().__init__(chunks, headers={**headers, **own}, media_type=media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the chunks; close the connection if one takes longer than SEND_TIMEOUT_SECONDS."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                await send(message)

        try:
            async with aclosing(self._chunks):
                await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            logger.info("slow_reader_disconnected")
            scope[ABORT_KEY]()
            await asyncio.sleep(0)  # the server handles the end of the connection
