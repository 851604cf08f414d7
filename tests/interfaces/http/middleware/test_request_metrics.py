import httpx2

from tests.metric_deltas import counted


async def test_requests_are_counted_by_route(ada: httpx2.AsyncClient) -> None:
    route = "/api/v1/canvas/connections/{connection_id}"
    refused = counted("easeboard_http_requests_total", method="GET", route=route, status="422")
    took = counted("easeboard_http_request_seconds_count", method="GET", route=route)
    await ada.get("/api/v1/canvas/connections/x")
    assert (refused(), took()) == (1, 1)


async def test_what_somebody_made_up_is_no_label(ada: httpx2.AsyncClient) -> None:
    other = counted("easeboard_http_requests_total", method="other", route="none", status="404")
    await ada.request("BREW", "/pot")
    await ada.request("BREW", "/another-pot")
    assert other() == 2
    assert "pot" not in (await ada.get("/metrics")).text


async def test_the_process_tells_of_itself(ada: httpx2.AsyncClient) -> None:
    answer = await ada.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in answer.text
    assert 'easeboard_build_info{version="' in answer.text
    assert "_created" not in answer.text
