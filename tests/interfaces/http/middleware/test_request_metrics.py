import httpx2

from tests.metric_deltas import metric_delta


async def test_requests_are_counted_by_route(ada: httpx2.AsyncClient) -> None:
    route = "/api/v1/canvas/connections/{connection_id}"
    refused = metric_delta("easeboard_http_requests_total", method="GET", route=route, status="422")
    timed = metric_delta("easeboard_http_request_seconds_count", method="GET", route=route)
    await ada.get("/api/v1/canvas/connections/x")
    assert (refused(), timed()) == (1, 1)


async def test_client_input_is_never_a_label(ada: httpx2.AsyncClient) -> None:
    unknown = metric_delta(
        "easeboard_http_requests_total", method="other", route="none", status="404"
    )
    await ada.request("BREW", "/pot")
    await ada.request("BREW", "/another-pot")
    assert unknown() == 2
    assert "pot" not in (await ada.get("/metrics")).text


async def test_process_metrics_are_served(ada: httpx2.AsyncClient) -> None:
    response = await ada.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "process_resident_memory_bytes" in response.text
    assert 'easeboard_build_info{version="' in response.text
    assert "_created" not in response.text
