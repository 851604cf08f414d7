"""Everything a process counts and times, in the order in which docs/operations.md explains it.

An instrument is like a logger: the process has one, whoever uses it.
None is labelled by person, address, or a name that somebody else chose.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PROCESS_REGISTRY = CollectorRegistry()

counter = partial(Counter, registry=PROCESS_REGISTRY)
gauge = partial(Gauge, registry=PROCESS_REGISTRY)
histogram = partial(Histogram, registry=PROCESS_REGISTRY)

HTTP_REQUESTS = counter(
    "easeboard_http_requests", "Requests answered", ["method", "route", "status"]
)
HTTP_SECONDS = histogram(
    "easeboard_http_request_seconds", "Seconds until a request was answered", ["method", "route"]
)
LIVE_CLIENTS = gauge(
    "easeboard_live_clients", "Clients that follow their syncs just now", ["transport"]
)

SYNCS = counter(
    "easeboard_syncs", "Runs that ended, as this process recorded it", ["mode", "status", "code"]
)
SYNC_SECONDS = histogram(
    "easeboard_sync_seconds",
    "Seconds from the start of a run to its end",
    ["mode", "status"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 900),
)
SYNCS_RUNNING = gauge("easeboard_syncs_running", "Runs this process works on just now")

CANVAS_SECONDS = histogram(
    "easeboard_canvas_request_seconds",
    "Seconds until Canvas had answered a request, or had not",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30),
)
CANVAS_RETRIES = counter("easeboard_canvas_retries", "Requests to Canvas that were tried again")
CANVAS_BUDGET = histogram(
    "easeboard_canvas_budget",
    "Units left in the bucket of a token, as Canvas says with an answer",
    buckets=(0, 50, 100, 150, 200, 300, 400, 500, 600, 700),
)

APPEND_SECONDS = histogram(
    "easeboard_append_seconds",
    "Seconds an append took, refused ones included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
APPENDED_EVENTS = counter("easeboard_appended_events", "Events appended to the log")
BATCH_SECONDS = histogram(
    "easeboard_projection_batch_seconds",
    "Seconds a batch of events took to get into read models",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

EVENT_LOOP_LAG_SECONDS = histogram(
    "easeboard_event_loop_lag_seconds",
    "Seconds by which the event loop came late to a task that was due",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
BUILD_INFO = gauge("easeboard_build_info", "1, labelled with the version that runs", ["version"])
