"""A request handler behind Canvas's leaky bucket, with the numbers of its source code."""

from dataclasses import dataclass

from aiohttp import web

from tests.infrastructure.canvas.fake_servers import Handler


@dataclass
class ThrottlingHandler:
    """Reserves 50 units for each request in flight, and refuses at the mark; it has no leak."""

    handler: Handler
    high_water_mark: float = 600
    count: float = 0
    cost: float = 0.1
    as_429: bool = True
    throttled_count: int = 0
    passed_count: int = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.count = min(self.count + 50, 800)
        if self.count >= self.high_water_mark:
            response = self._throttled_response()
        else:
            response = await self.handler(request)
            self.passed_count += 1
            self.count += self.cost
        self.count = max(0, self.count - 50)
        response.headers["x-rate-limit-remaining"] = str(self.high_water_mark - self.count)
        return response

    def _throttled_response(self) -> web.StreamResponse:
        self.throttled_count += 1
        if self.as_429:
            return web.Response(status=429, text="429 Too Many Requests (Rate Limit Exceeded)\n")
        return web.Response(status=403, text="403 Forbidden (Rate Limit Exceeded)\n")
