"""What a tracking server tells of a version, as it is kept: bounded, without a secret, and as JSON that every store takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from muster.errors import shortened
from muster.signature import Json

__all__ = ["logged_model_lineage", "named", "run_lineage", "stage_of", "tags_of", "version_lineage"]

_USER = re.compile(r"(\bhttps?://)[^/@\s]+@|(?<=://)[^/@:\s]+:[^/@\s]+@")
_MOST = 500
_LONG = 1_000
_HEAVY = frozenset({"mlflow.log-model.history", "mlflow.loggedArtifacts", "mlflow.note.content"})
"""Tags of MLflow's own that repeat at length what stands elsewhere."""


def version_lineage(server: str, version: Mapping[str, Any]) -> dict[str, Json]:
    """A registered version by its own words."""
    return _filled(
        server=server,
        name=version.get("name"),
        version=_number(version.get("version")),
        aliases=[str(a) for a in version.get("aliases") or []],
        stage=stage_of(version),
        source=version.get("source"),
        run_id=version.get("run_id"),
        model_id=version.get("model_id"),
        user=version.get("user_id"),
        description=shortened(str(version.get("description") or ""), _LONG),
        created_at=_time(version.get("creation_timestamp")),
        updated_at=_time(version.get("last_updated_timestamp")),
        tags=_bounded(tags_of(version)),
    )


def run_lineage(run: Mapping[str, Any]) -> dict[str, Json]:
    """A run: who, when, what it measured and with which parameters."""
    info, data = run.get("info") or {}, run.get("data") or {}
    return _filled(
        id=info.get("run_id"),
        name=info.get("run_name"),
        experiment_id=info.get("experiment_id"),
        user=info.get("user_id"),
        status=info.get("status"),
        started_at=_time(info.get("start_time")),
        ended_at=_time(info.get("end_time")),
        metrics=_metrics(data.get("metrics")),
        params=_bounded(named(data.get("params"))),
        tags=_bounded(named(data.get("tags"))),
    )


def logged_model_lineage(model: Mapping[str, Any]) -> dict[str, Json]:
    """A logged model of MLflow 3."""
    info, data = model.get("info") or {}, model.get("data") or {}
    return _filled(
        id=info.get("model_id"),
        name=info.get("name"),
        experiment_id=info.get("experiment_id"),
        run_id=info.get("source_run_id"),
        user=info.get("creator_id"),
        created_at=_time(info.get("creation_timestamp_ms")),
        metrics=_metrics(data.get("metrics")),
        params=_bounded(named(data.get("params"))),
        tags=_bounded(named(info.get("tags"))),
    )


def tags_of(thing: Mapping[str, Any]) -> dict[str, str]:
    return named(thing.get("tags"))


def stage_of(version: Mapping[str, Any]) -> str:
    stage = str(version.get("current_stage") or "")
    return "" if stage == "None" else stage


def named(pairs: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """`[{key, value}]` as a mapping."""
    return {str(p["key"]): str(p.get("value", "")) for p in pairs or [] if isinstance(p, Mapping) and "key" in p}


def _filled(**facts: Json) -> dict[str, Json]:
    """Those that there are."""
    return {k: _clean(v) if isinstance(v, str) else v for k, v in facts.items() if v not in (None, "", [], {})}


def _clean(text: str) -> str:
    """Without the user and password of a URL, as git's remotes and databases have them. A mere user may be a bucket's or profile's."""
    return _USER.sub(r"\1", text)


def _bounded(values: Mapping[str, str]) -> dict[str, Json]:
    kept = sorted((k, v) for k, v in values.items() if k not in _HEAVY)[:_MOST]
    return {shortened(k, _LONG): shortened(_clean(v), _LONG) for k, v in kept}


def _metrics(metrics: Sequence[Mapping[str, Any]] | None) -> dict[str, Json]:
    """By name; what is not finite, and JSON has no word for, as text."""
    found: dict[str, Json] = {}
    for metric in (metrics or [])[:_MOST]:
        try:
            value = float(metric["value"])
        except (KeyError, TypeError, ValueError):
            continue
        found[shortened(str(metric.get("key", "")), _LONG)] = value if math.isfinite(value) else str(value)
    return found


def _number(text: object) -> int | None:
    return int(str(text)) if str(text).isdecimal() else None


def _time(milliseconds: object) -> str | None:
    """RFC 3339; None for what is no time, or one that no calendar has."""
    try:
        value = int(str(milliseconds))
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
