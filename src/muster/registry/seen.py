"""What a run on a cluster needs to see on every machine: asked there, before anything is read or written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from muster.dataset import Dataset
from muster.errors import ClusterFailed, MusterError
from muster.owners import machine
from muster.records import DATA_KINDS

__all__ = ["Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Picklable. The machine that made it sees all of it, and is not asked.

    `folders` are those of the hub and the output, `stamp` is that of the dataset here, and `database` the file of the records
    where executors write into them: such a file is safe on one machine only.
    """

    dataset: Dataset
    stamp: str
    folders: tuple[Path, ...] = ()
    database: Path | None = None
    made_on: str = field(default_factory=machine)

    def __call__(self) -> None:
        here = machine()
        if here == self.made_on:
            return
        name = here.partition("/")[0]
        missing = [str(folder) for folder in self.folders if not folder.is_dir()]
        if not self._same_data():
            missing.append(self.dataset.uri)
        if missing:
            raise ClusterFailed(
                f"an executor on {name} does not see what the driver sees: {', '.join(missing)}",
                hint="put the hub, the data and the output where every node has them under the same path, or in object storage",
                details={"machine": name, "missing": missing},
            )
        if self.database is not None:
            raise ClusterFailed(
                f"the hub's records are a file, {self.database}, which executors on other machines cannot share",
                hint="calls to an endpoint are counted in the records: keep those in PostgreSQL, or leave the runner out",
                details={"machine": name},
            )

    def _same_data(self) -> bool:
        """What is no file of some disk is the same from everywhere."""
        if "://" in self.dataset.uri or self.dataset.uri.partition(":")[0] in DATA_KINDS:
            return True
        try:
            return self.dataset.stamp() == self.stamp
        except (MusterError, OSError):
            return False
