"""Stored event names and fields: if one changes, stored events can no longer be read."""

from dataclasses import fields

import domain.events
from domain.event import EVENT_TYPES

STORED_FIELDS = {
    "ConnectionOpened": "person_id canvas_url canvas_name canvas_user_id canvas_user_name"
    " token_fingerprint",
    "TokenRotated": "token_fingerprint",
    "ConnectionValidated": "canvas_user_name",
    "TokenRejected": "reason",
    "ConnectionClosed": "",
    "SyncRequested": "connection_id sync_id person_id trigger mode",
    "SyncStarted": "connection_id sync_id worker",
    "SyncRequeued": "connection_id sync_id reason",
    "SyncWidened": "connection_id sync_id code detail",
    "CourseFetched": "connection_id sync_id course complete groups assignments removed changes"
    " progress",
    "CourseUnlisted": "connection_id sync_id course_id",
    "CourseWithdrawn": "connection_id sync_id course_id",
    "DueDateChanged": "connection_id sync_id course_id assignment_id previous current",
    "GradeChanged": "connection_id sync_id subject course_id assignment_id course_name"
    " assignment_name previous current baseline",
    "CourseFetchFailed": "connection_id sync_id course_id code detail progress",
    "SyncCompleted": "connection_id sync_id progress requests planner_validator",
    "SyncFailed": "connection_id sync_id code detail requests",
    "SyncCancelled": "connection_id sync_id",
    "CalendarShared": "person_id",
    "CalendarEnded": "person_id",
    "PersonErased": "person_id",
    "HistoryRead": "person_id reader what purpose connection_id",
    "ConnectionsListed": "person_id reader what purpose",
    "DeadLetterRetried": "person_id projection letter_id topic reason",
    "DeadLetterSkipped": "person_id projection letter_id topic reason",
    "ReadModelVerified": "projection version position digest rows new_version new_digest new_rows"
    " result",
    "ReadModelSampleDiffered": "projection version position people different tables failed",
}
ENVELOPE = ["originator_id", "originator_version", "timestamp"]


def test_stored_event_names_and_fields_never_change() -> None:
    stored = {
        name: " ".join(field.name for field in fields(event) if field.name not in ENVELOPE)
        for name, event in EVENT_TYPES.items()
        if event.__module__.startswith("domain.")
    }
    assert stored == STORED_FIELDS


def test_the_events_package_lists_every_event() -> None:
    listed = {getattr(domain.events, name) for name in domain.events.__all__}
    assert listed == {EVENT_TYPES[name] for name in STORED_FIELDS}
