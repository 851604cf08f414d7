"""When a host is away or revokes every token, the service stays honest and sends few requests."""

from domain.circuit_breaker import FAILURE_THRESHOLD
from infrastructure.canvas.circuit_breakers import REJECTIONS_OF_DEGRADED_HOST
from infrastructure.canvas.limits import DEFAULT_LIMITS
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.queue.sync_queue import DEFAULT_LANES_PER_HOST
from tests.deadlines import scaled
from tests.scenes.play_scenes import (
    OBSERVED_PEOPLE,
    play_host_away,
    play_tokens_revoked,
    read_connection,
)
from tests.scenes.scene_result import SceneResult
from tests.scenes.scene_service import running_scene

CONNECTIONS = 150
REQUESTS_OF_A_RUN = 3
WHOLE_SECONDS = 10.0


def require_honest_reads(result: SceneResult) -> None:
    """All reads were answered, with the data of before the scene and its age."""
    assert set(result.reads.statuses) == {200}
    assert result.reads.statuses[200] > OBSERVED_PEOPLE
    assert result.changed_documents == []


def require_few_log_lines(result: SceneResult) -> None:
    """One line for each run and each request, and a few about the host."""
    others = result.log_lines.copy()
    assert others.pop("run_ended") <= 1.1 * CONNECTIONS
    others.pop("request")
    assert others.total() < 20, others


async def test_every_token_is_revoked_at_once(
    embedded_postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with running_scene(database_url, embedded_postgres, CONNECTIONS) as service:
        result = await play_tokens_revoked(service)
        states = [await read_connection(service, person) for person in service.people]
    require_honest_reads(result)
    first_runs = REJECTIONS_OF_DEGRADED_HOST + DEFAULT_LANES_PER_HOST
    assert result.requests <= CONNECTIONS + first_runs * (REQUESTS_OF_A_RUN - 1)
    assert (result.later_requests, result.most_requests() <= REQUESTS_OF_A_RUN) == (0, True)
    assert result.messages == [["canvas-token-rejected"]] * OBSERVED_PEOPLE
    assert max(result.whole_seconds) < scaled(WHOLE_SECONDS)
    whole = len(result.whole_seconds)
    assert {state["status"] for state in states[:whole]} == {"active"}
    assert {(state["status"], state["next_sync_at"]) for state in states[whole:]} == {
        ("token_rejected", None)
    }
    require_few_log_lines(result)


async def test_a_host_is_away(embedded_postgres: EmbeddedPostgres, database_url: str) -> None:
    async with running_scene(database_url, embedded_postgres, CONNECTIONS) as service:
        result = await play_host_away(service)
        states = [await read_connection(service, person) for person in service.people[1:]]
    require_honest_reads(result)
    runs = FAILURE_THRESHOLD + 2 * DEFAULT_LANES_PER_HOST
    assert result.requests <= runs * REQUESTS_OF_A_RUN * DEFAULT_LIMITS.max_error_attempts
    assert len(result.requests_by_student) <= runs
    assert result.later_requests <= 1 + result.later_seconds / 60
    assert result.messages == [["canvas-unreachable"]] * OBSERVED_PEOPLE
    assert max(result.whole_seconds) < scaled(WHOLE_SECONDS)
    assert {state["status"] for state in states} == {"active"}
    assert all(state["next_sync_at"] > state["last_synced_at"] for state in states)
    require_few_log_lines(result)
