import pytest

from domain.event import Event
from tests.event_catalogue import catalogued_events, fields_of
from tests.event_usage import appliers_of, recorders_of
from tests.generate_documents import DOCUMENTS, REGENERATE_COMMAND, ROOT


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_document_is_up_to_date(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CORS_ORIGINS", "METRICS_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert (ROOT / path).read_text() == DOCUMENTS[path](), (
        f"{path} is stale: run `{REGENERATE_COMMAND}`"
    )


@pytest.mark.parametrize("event", catalogued_events(), ids=lambda event: event.__name__)
def test_every_field_of_an_event_has_a_meaning(event: type[Event]) -> None:
    without = [field.name for field in fields_of(event) if not field.meaning]
    assert not without, f"{event.__name__}: write a docstring below each of these fields: {without}"


def test_every_event_is_recorded_by_an_aggregate() -> None:
    unrecorded = {event for event in catalogued_events() if not recorders_of(event)}
    assert not unrecorded


def test_an_event_changes_the_state_of_the_aggregate_that_handles_it() -> None:
    unhandled = {event.__name__ for event in catalogued_events() if not appliers_of(event)}
    assert unhandled == {"DueDateChanged", "GradeChanged"}
