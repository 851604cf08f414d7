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
        "100,000 events by two took half of the time of one (decision 0037)."
    ),
    "live_messages": (
        "Writer, service, clients and PostgreSQL share two cores. A wake-up is sent at most every "
        "50 ms, because one every 5 ms makes appends 22 % dearer (decision 0033), and a message "
        "waits until every process knows its event."
    ),
    "growth": (
        "Pages of history and the due scan read a range of an index, whatever the size of the log "
        "(tests of the query plans). What grows between small logs is not profiled; in the due "
        "scan it is probably that its table no longer fits into the buffers."
    ),
}
