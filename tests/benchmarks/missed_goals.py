"""Why goals are missed, by benchmark: what a profile shows, and what it would take.

Written by hand from profiles of 2026-11-27; printed if the benchmark misses a goal.
"""

REASONS = {
    "reads": (
        "A 304 of 106 µs: kernel and socket take about 25, uvicorn and our protocol 17, the log "
        "line 10, the document in memory 5, and the middleware of the door (authentication, rate "
        "limit, trace, counters) most of the rest. Less than 90 µs needs a second way around the "
        "middleware, which would state its rules twice. A first read costs what its 200 rows cost: "
        "PostgreSQL 420 µs, decoding, JSON and gzip 690 µs; slow requests wait behind such a piece "
        "of work in one event loop."
    ),
    "sync_ordinary_students": (
        "In an incremental run the client takes 1.3 ms, the rest of the loop (queue, tasks) 2.2, "
        "the threads of the database 1.2, the projector 0.8; 70 % of all samples are in the "
        "interpreter itself, and no hot spot is left. A first run records 127 events. First grades "
        "inside `CourseFetched` would make them 8, but history and auditors see them "
        "(decision 0035). ISA-L and uvloop make the floor cheaper too, from 4.6 to 2.7 ms, so its "
        "ratio is harder to reach than it was."
    ),
    "catch_up": (
        "Rates by the CPU of one process, in which starting it counts: in a small run that is a "
        "third. Decryption, decoding and rows of `sync_log` and `dashboard_stats`, which apply "
        "most of the events, are left. One decoding loop for all gave 1.06 ×; COPY needs all rows "
        "in memory and cannot continue after a crash. A rebuild uses several processes instead: "
        "100,000 events by two took half of the time of one (decision 0037). In catch-up two "
        "processes share two cores with PostgreSQL: 1.44 × by the clock in the run of 2026-11-28, "
        "1.63 and 1.65 in the two before."
    ),
    "sync_large_student": (
        "The critical path is 0.48 s of latency. The process needs its own CPU beside it: 0.4 s at "
        "reference speed, but 1.6 s when the machine is four times slower, and then that is the "
        "longer path. At a slowness near 1 the run is recorded within 1.12 × of the critical path, "
        "and readable 0.03 s later."
    ),
    "live_messages": (
        "Writer, service, clients and PostgreSQL share two cores. A wake-up is sent at most every "
        "50 ms, because one every 5 ms makes appends 22 % dearer (decision 0033), and a message "
        "waits until every process knows its event. Half of this is CPU, and grows with the "
        "slowness."
    ),
    "idle_service": (
        "Start-up is 3.3 s of CPU at a slowness of 4: importing FastAPI, pydantic's models and "
        "psycopg is most of it. Statements: each process follows the log once a second, and renews "
        "its heartbeat and its leases; the owner of a read model does so once a second, so that "
        "none is without an owner for long."
    ),
}
