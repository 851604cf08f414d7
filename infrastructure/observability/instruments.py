"""The metric instruments of a process, in the order of the table in docs/operations.md.

Modules import them like loggers: the process has one of each. No label has the value of a person,
an address or a name that a client chose.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PROCESS_REGISTRY = CollectorRegistry()

counter = partial(Counter, registry=PROCESS_REGISTRY)
gauge = partial(Gauge, registry=PROCESS_REGISTRY)
histogram = partial(Histogram, registry=PROCESS_REGISTRY)

HTTP_REQUESTS = counter(
    "easeboard_http_requests", "HTTP requests that were answered", ["method", "route", "status"]
)
HTTP_SECONDS = histogram(
    "easeboard_http_request_seconds", "Seconds to answer an HTTP request", ["method", "route"]
)
KEPT_DOCUMENT_READS = counter(
    "easeboard_kept_document_reads",
    "Reads that looked for a kept document, by whether a current one was found",
    ["outcome"],
)
KEPT_DOCUMENT_BYTES = gauge(
    "easeboard_kept_document_bytes", "Bytes that the kept documents of this process take"
)
LIVE_CLIENTS = gauge("easeboard_live_clients", "Live connections that are open now", ["transport"])

SYNCS = counter(
    "easeboard_syncs", "Runs whose end this process recorded", ["mode", "status", "code"]
)
SYNC_SECONDS = histogram(
    "easeboard_sync_seconds",
    "Seconds from the start of a run to its end",
    ["mode", "status"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 900),
)
SYNCS_RUNNING = gauge("easeboard_syncs_running", "Runs that this process executes now")

CANVAS_SECONDS = histogram(
    "easeboard_canvas_request_seconds",
    "Seconds until Canvas responded to a request, or the request failed",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30),
)
CANVAS_RETRIES = counter("easeboard_canvas_retries", "Requests to Canvas that were retried")
CANVAS_BUDGET = histogram(
    "easeboard_canvas_budget",
    "Units left in the rate limit bucket of a Canvas token, read from each response",
    buckets=(0, 50, 100, 150, 200, 300, 400, 500, 600, 700),
)

APPEND_SECONDS = histogram(
    "easeboard_append_seconds",
    "Seconds to append events to the log, refused appends included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
APPENDED_EVENTS = counter("easeboard_appended_events", "Events appended to the log")
ORPHANED_SECRETS = gauge(
    "easeboard_orphaned_secrets",
    "Secrets without a live event that the last sweep found and destroyed; it must be 0",
)
SEALED_EVENTS = counter("easeboard_sealed_events", "Events that this process has sealed")
SEAL_FAILURES = counter(
    "easeboard_seal_failures",
    "Failures to seal the log or to publish the seals, and files and events that were changed",
    ["kind"],
)
SEALS_PUBLISHED = gauge(
    "easeboard_seals_published", "Events in the checkpoint that this process has published last"
)
BATCH_SECONDS = histogram(
    "easeboard_projection_batch_seconds",
    "Seconds to apply a batch of events to read models",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

EVENT_LOOP_LAG_SECONDS = histogram(
    "easeboard_event_loop_lag_seconds",
    "Seconds by which the event loop was late for a task that was due",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
BUILD_INFO = gauge(
    "easeboard_build_info", "1, labelled with the version of the program", ["version"]
)
