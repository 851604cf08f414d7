"""The queries of the lists of assignment groups and of assignments."""

ASSIGNMENT_INCLUDES = (
    "submission",
    "checkpoints",
    "sub_assignment_submissions",
    "score_statistics",
)
"""What Canvas adds to an assignment on request.

Not among them is `read_state`, with which Canvas marks the submission as read.
"""
EXCLUDED_FIELDS = (
    "description",
    "rubric",
    "body",
    "url",
    "attachments",
    "discussion_entries",
    "preview_url",
    "seconds_late",
    "external_tool_url",
)
"""Fields that are not used. The first two are of assignments, the others of submissions."""
ASSIGNMENTS_QUERY = [
    *(("include[]", name) for name in ASSIGNMENT_INCLUDES),
    *(("exclude_response_fields[]", name) for name in EXCLUDED_FIELDS),
]
GROUPS_QUERY = [("include[]", "assignments"), *ASSIGNMENTS_QUERY]
