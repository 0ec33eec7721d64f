"""What scanning a model's files showed, put on record before anything of them is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from muster.errors import InvalidModel
from muster.predictor import Description, Site
from muster.records import Run, new_id, now
from muster.signature import Json
from muster.store import RecordStore

__all__ = ["Scan", "Scanner"]

Findings = tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """`scan` gives all findings of a folder, `dangers` the bad ones of them by file; `refuse` says whether these end a registration."""

    scan: Callable[[Path], Findings]
    dangers: Callable[[Sequence[Mapping[str, Json]]], Mapping[str, Sequence[str]]]
    refuse: bool = True


@dataclass(frozen=True, slots=True)
class Scanner:
    """Scans for one registration, by one actor."""

    store: RecordStore
    actor: str
    site: Site

    def scanned(self, description: Description, digest: str, how: Scan) -> Description:
        """The description with what was found in its stored files. InvalidModel where that is refused."""
        found = how.scan(self.site.artifact(digest))
        bad = how.dangers(found)
        told = "; ".join(f"{file} refers to {', '.join(f'`{n}`' for n in names)}" for file, names in bad.items())
        if bad:
            refusal = _refusal(told, found) if how.refuse else None
            self._record(description, digest, found, refusal)
            if refusal is not None:
                raise refusal
            self.site.talk(f"warning: {told}, which can do harm when it is loaded; it is loaded in its worker alone")
        notes = (f"scanned: {told}, which can do harm when it is loaded",) if bad else ()
        return replace(description, findings=(*description.findings, *found), notes=(*description.notes, *notes))

    def _record(self, description: Description, digest: str, found: Findings, refusal: InvalidModel | None) -> None:
        at = now()
        run = Run(
            id=new_id(),
            kind="scan",
            status="done" if refusal is None else "failed",
            version_digest=digest,
            input=description.source,
            summary={"findings": [dict(f) for f in found]},
            error=None if refusal is None else refusal.message,
            hint=None if refusal is None else refusal.hint,
            created_at=at,
            created_by=self.actor,
            ended_at=at,
        )
        with self.store.transaction(self.actor, "scan") as tx:
            tx.insert(run)


def _refusal(told: str, found: Findings) -> InvalidModel:
    return InvalidModel(
        f"the model was not loaded, since that can do harm: {told}",
        hint="ask whoever made it for a data format (skops, ONNX, the booster's own); if you trust it, set scan.pickles to `warn`"
        " (MUSTER_SCAN_PICKLES=warn)",
        details={"findings": [dict(f) for f in found]},
    )
