"""`easeboard listen`: prints the live messages of a user until Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import orjson

from interfaces.cli.demo_option import selected_demo
from interfaces.cli.errors import CommandFailed
from interfaces.cli.live_lines import describe_message
from interfaces.cli.output import print_error, print_json, print_wrapped
from interfaces.cli.runtime import configure, run
from interfaces.cli.token import sign_token

DEFAULT_URL = "http://127.0.0.1:8000"
PATH = "/ws/sync-status"
LISTEN_TOKEN_TTL_SECONDS = 3600
"""How long a token is valid that this command signs; then it connects again with a new one."""
HEARTBEAT_SECONDS = 30.0
"""Interval of the pings by which a connection is noticed that carries nothing any more."""
MIN_RECONNECT_SECONDS, MAX_RECONNECT_SECONDS = 1.0, 30.0
FINAL_CODES = {4410}
"""Close codes after which it is of no use to connect again."""
UNAUTHORIZED, NOT_FOUND = 4401, 404
PASSING_STATUSES = {429, *range(500, 600)}
"""Statuses of a refused handshake after which another attempt can succeed."""

NewToken = Callable[[], str]


class Closed(NamedTuple):
    """Why a connection has ended, and whether another attempt can succeed."""

    reason: str
    is_final: bool = False


def run_listen(*, url: str | None, token: str | None, user: UUID | None, json: bool) -> None:
    """Print messages until SIGINT or SIGTERM.

    Raises: CommandFailed if the address or the token is refused, or no token can be signed.
    """
    demo = selected_demo()
    address = (url or (demo.url if demo else DEFAULT_URL)).rstrip("/")
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
        raise CommandFailed(
            f"--url must be the address of the service, such as {DEFAULT_URL}; {url!r} is not."
        )
    follower = LiveFollower(address, _token_source(token, user), json=json)
    run(_listen_until_stopped(follower))


def _token_source(token: str | None, user: UUID | None) -> NewToken:
    if token:
        return lambda: token
    demo = selected_demo()
    subject = user or (demo.users["student"] if demo else None)
    if subject is None:
        raise CommandFailed(
            "No user is given: use --user with an id, for which a development token is signed, or "
            "--token, or --demo."
        )
    settings = configure()
    return lambda: sign_token(settings, subject, "student", LISTEN_TOKEN_TTL_SECONDS)


async def _listen_until_stopped(follower: "LiveFollower") -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    following = asyncio.create_task(follower.follow())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (following, stopped):
        if not task.done():
            task.cancel()
    await asyncio.wait({following, stopped})
    if not following.cancelled():
        following.result()


class LiveFollower:
    """Follows the live messages of one user, over one connection after another."""

    def __init__(self, url: str, new_token: NewToken, *, json: bool) -> None:
        self._url = url
        self._new_token = new_token
        self._json = json
        self._was_accepted = False

    async def follow(self) -> None:
        """Print messages; connect again, with growing pauses, when a connection ends.

        Raises: CommandFailed if the service refuses the user for good.
        """
        pause = MIN_RECONNECT_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                self._was_accepted = False
                closed = await self._follow_once(session)
                if closed.is_final:
                    raise CommandFailed(closed.reason)
                pause = MIN_RECONNECT_SECONDS if self._was_accepted else pause
                print_error(f"{closed.reason}; connecting again in {pause:g} s.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, MAX_RECONNECT_SECONDS)

    async def _follow_once(self, session: aiohttp.ClientSession) -> Closed:
        """Print the messages of one connection, and return why it has ended."""
        try:
            async with session.ws_connect(
                self._url + PATH, heartbeat=HEARTBEAT_SECONDS, max_msg_size=0
            ) as socket:
                await socket.send_json({"type": "auth", "token": self._new_token()})
                while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    self._was_accepted = True
                    self._print(orjson.loads(message.data))
                return self._closed(socket.close_code, message.extra)
        except aiohttp.WSServerHandshakeError as error:
            return _refused(self._url, error.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Closed(f"There is no connection to {self._url} ({_describe(error)})")

    def _closed(self, code: int | None, reason: str | None) -> Closed:
        text = f"The service closed the connection ({code}{f': {reason}' if reason else ''})"
        if code == UNAUTHORIZED and not self._was_accepted:
            return Closed(
                f"The service refused the token ({reason or code}): use a token that is valid, or "
                "--user where SUPABASE_JWT_SECRET is that of the service.",
                is_final=True,
            )
        return Closed(text, is_final=code in FINAL_CODES)

    def _print(self, message: dict[str, Any]) -> None:
        if self._json:
            print_json(message)
            return
        for at, sentence in describe_message(message):
            moment = datetime.fromisoformat(at).astimezone() if at else datetime.now().astimezone()
            print_wrapped(sentence, f"{moment:%H:%M:%S}  ", hanging=" " * 10)


def _refused(url: str, status: int) -> Closed:
    """Return why a handshake was refused; what may pass, such as 429 and 5xx, is not final."""
    if status == NOT_FOUND:
        return Closed(
            f"{url} is not the address of easeboard: it has no {PATH}. Use --url.", is_final=True
        )
    is_passing = status in PASSING_STATUSES
    return Closed(f"{url} refused the connection with the status {status}", not is_passing)


def _describe(error: BaseException) -> str:
    cause = getattr(error, "os_error", error)
    return getattr(cause, "strerror", None) or str(cause) or "no response"
