"""Runs as OpenLineage run events, where the user has set a transport.

Only on when `OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG` or an `openlineage.yml` says where to send
(https://openlineage.io/docs/client/python/#configuration); the client is imported only then, since
its import alone costs half a second.
"""

from __future__ import annotations

import importlib
import os
import uuid
from pathlib import Path
from typing import Any

from agentic.events.stream import Event, Sink

PRODUCER = "https://github.com/dbt-agentic/agentic"
_STATES = {"run.started": "START", "run.ended": "COMPLETE", "run.failed": "FAIL"}


def openlineage_sink(namespace: str, *, folder: Path) -> Sink | None:
    """A sink that emits run events, or None where no transport is configured."""
    configured = any(os.environ.get(name) for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"))
    if not configured and not (folder / "openlineage.yml").exists():
        return None
    lineage_client = importlib.import_module("openlineage.client")
    run_events = importlib.import_module("openlineage.client.event_v2")
    client = lineage_client.OpenLineageClient()

    def emit(event: Event) -> None:
        state = _STATES.get(event.name)
        if state is not None:
            client.emit(_run_event(run_events, namespace, event, state))

    return emit


def _run_event(run_events: Any, namespace: str, event: Event, state: str) -> Any:
    run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{event.fields.get('run_id', '')}"))
    return run_events.RunEvent(
        eventType=getattr(run_events.RunState, state),
        eventTime=event.at,
        run=run_events.Run(runId=run_id),
        job=run_events.Job(namespace=namespace, name=str(event.fields.get("agent", "agentic"))),
        producer=PRODUCER,
    )
