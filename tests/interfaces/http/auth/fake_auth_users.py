"""The users of a Supabase project on a loopback port, as its admin API shows them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from aiohttp import web


class FakeAuthUsers:
    """Deletes users for requests with the right key; `status` is sent instead if it is set."""

    def __init__(self, service_key: str, *users: UUID) -> None:
        self.users = {str(user) for user in users}
        self.status: int | None = None
        self.is_silent = False
        self.url = ""
        self._service_key = service_key

    async def handle(self, request: web.Request) -> web.Response:
        """Respond to one request."""
        if self.is_silent:
            await asyncio.Event().wait()
        if self.status:
            return web.Response(status=self.status, headers={"Location": "/elsewhere"})
        sent = request.headers.get("apikey"), request.headers.get("Authorization")
        if sent != (self._service_key, f"Bearer {self._service_key}"):
            return web.Response(status=401)
        if request.method == "GET":
            return web.json_response({"users": sorted(self.users)})
        user = request.match_info["user"]
        if user not in self.users:
            return web.json_response({"code": 404}, status=404)
        self.users.remove(user)
        return web.json_response({})


@asynccontextmanager
async def serve_auth_users(server: FakeAuthUsers) -> AsyncIterator[FakeAuthUsers]:
    """Run the server, and set its URL."""
    app = web.Application()
    app.router.add_get("/auth/v1/admin/users", server.handle)
    app.router.add_delete("/auth/v1/admin/users/{user}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
