"""Whether a version can be scored by batch jobs, and the jobs of one run."""

from __future__ import annotations

from muster.errors import InvalidInput, NotApplicable
from muster.objects.place import Place
from muster.predictor import ProviderJobs, Talk
from muster.predictors.external.batch import SERVICES
from muster.predictors.external.batch.pieces import BatchOf, open_service
from muster.predictors.external.batch.rounds import BatchJobs
from muster.predictors.external.batch.staged import Staged
from muster.records import Connection, Version

__all__ = ["batch_folder", "check_batch", "open_jobs"]


def check_batch(version: Version, connection: Connection) -> None:
    """NotApplicable, or InvalidInput, with the reason, where it cannot be."""
    if connection.kind not in SERVICES:
        raise NotApplicable(
            f"`{version.ref}` is asked over `{connection.name}`, and Muster knows no batch jobs of the kind `{connection.kind}`",
            hint=f"kinds with batch jobs are {', '.join(SERVICES)}; leave `--via batch` out",
        )
    batch_folder(connection)
    open_service(version, connection).close()


def batch_folder(connection: Connection) -> str:
    """Where runs put what their jobs read and write."""
    folder = connection.settings.get("batch_folder")
    if not isinstance(folder, str) or not folder:
        raise InvalidInput(
            f"the connection `{connection.name}` has no `batch_folder`, which its batch jobs read from and write to",
            hint="give it one with `muster connection add --replace`: a folder in object storage that the provider may use",
        )
    return folder


def open_jobs(version: Version, connection: Connection, run: str, folder: Place, talk: Talk) -> ProviderJobs:
    """Those of a run, in its own folder below the one that is given."""
    return BatchJobs(BatchOf(version, connection, Staged(folder.below(f"muster-{run}/")), run), talk)
