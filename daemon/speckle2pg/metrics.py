"""The daemon's metrics, by Prometheus's naming rules; labels of a project go when it goes.

Plain counters and histograms are module objects of one registry of our own; what is computed from the database at
scrape time is set by `http/metrics`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

REGISTRY = CollectorRegistry()

BUILD = Info("speckle2pg_build", "Version of the daemon.", registry=REGISTRY)
LAG = Gauge(
    "speckle2pg_lag_seconds",
    "Age of the oldest announced version of a project that is not in the tables yet; 0 when current.",
    ["project"],
    registry=REGISTRY,
)
LAG_MAX = Gauge("speckle2pg_lag_seconds_max", "The largest lag over all projects.", registry=REGISTRY)
PROJECT_STATE = Gauge(
    "speckle2pg_project_readable",
    "1 when the project can be read, 0 when it is unreadable or gone.",
    ["project"],
    registry=REGISTRY,
)
PROJECTS = Gauge("speckle2pg_projects", "Registered projects by state.", ["state"], registry=REGISTRY)
END_TO_END = Histogram(
    "speckle2pg_end_to_end_seconds",
    "Seconds from a version's creation in Speckle to its commit here.",
    buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800),
    registry=REGISTRY,
)
STAGE_DURATION = Histogram(
    "speckle2pg_stage_duration_seconds",
    "Seconds per stage of a sync.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
SYNCS = Counter("speckle2pg_syncs", "Syncs of a model by result.", ["result"], registry=REGISTRY)
ELEMENTS = Counter("speckle2pg_elements", "Elements written by operation.", ["operation"], registry=REGISTRY)
EVENTS = Counter("speckle2pg_events", "Events by source and type.", ["source", "type"], registry=REGISTRY)
COALESCED = Counter(
    "speckle2pg_events_coalesced",
    "Events that found their slot taken or the mailbox full.",
    ["reason"],
    registry=REGISTRY,
)
SUBSCRIPTION_CONNECTED = Gauge(
    "speckle2pg_subscription_connected", "Websockets that are connected and subscribed.", registry=REGISTRY
)
SUBSCRIPTION_SOCKETS = Gauge(
    "speckle2pg_subscription_sockets", "Websockets that should be connected.", registry=REGISTRY
)
RECONNECTS = Counter("speckle2pg_reconnects", "Websocket reconnects by reason.", ["reason"], registry=REGISTRY)
SPECKLE_REQUESTS = Counter(
    "speckle2pg_speckle_requests",
    "Requests to Speckle by endpoint and status.",
    ["endpoint", "code"],
    registry=REGISTRY,
)
DOWNLOAD_BYTES = Counter("speckle2pg_download_bytes", "Bytes of objects downloaded, uncompressed.", registry=REGISTRY)
RECONCILE_SUCCESS = Gauge(
    "speckle2pg_reconcile_last_success_timestamp_seconds",
    "When every project was last compared with the server.",
    registry=REGISTRY,
)
VERSIONS = Gauge("speckle2pg_versions", "Unfinished versions by state.", ["state"], registry=REGISTRY)
OLDEST_PENDING = Gauge(
    "speckle2pg_oldest_pending_seconds", "Age of the oldest announced version that waits.", registry=REGISTRY
)
FEED_STALL = Gauge(
    "speckle2pg_feed_stall_seconds",
    "Age of the oldest committed change that the feed holds back because an older transaction is open; 0 if none.",
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge("speckle2pg_queue_depth", "Slots taken over all mailboxes.", registry=REGISTRY)
WORKERS = Gauge("speckle2pg_workers", "Projects whose worker is alive.", registry=REGISTRY)
TOKEN_ACCEPTED = Gauge(
    "speckle2pg_token_accepted", "1 when Speckle accepted the token at the last try.", registry=REGISTRY
)
DB_POOL = {
    name: Gauge(f"speckle2pg_db_pool_{name}", text, registry=REGISTRY)
    for name, text in (
        ("size", "Connections of the pool."),
        ("available", "Idle connections of the pool."),
        ("waiting", "Requests that wait for a connection."),
    )
}


def start_at_zero() -> None:
    """Makes the known label values appear before they first happen, so that rates start at 0."""
    for result in ("synced", "unchanged", "held", "failed", "retried", "stale"):
        SYNCS.labels(result)
    for operation in ("added", "modified", "removed", "restored", "unchanged"):
        ELEMENTS.labels(operation)
    for reason in ("slot_taken", "mailbox_full"):
        COALESCED.labels(reason)
    for stage in ("plan", "fetch", "extract", "load"):
        STAGE_DURATION.labels(stage)


def forget_project(project_id: str) -> None:
    """Removes a project's series."""
    for metric in (LAG, PROJECT_STATE):
        if (project_id,) in metric._metrics:  # noqa: SLF001  (the library has no public question)
            metric.remove(project_id)
