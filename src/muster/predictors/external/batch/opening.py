"""Whether a version can be scored by batch jobs, and the jobs of one run."""

from __future__ import annotations

from muster.errors import InvalidInput, NotApplicable, plural
from muster.objects.place import Place
from muster.predictor import ProviderJobs, Talk
from muster.predictors.external.batch import SERVICES
from muster.predictors.external.batch.ends import open_service
from muster.predictors.external.batch.rounds import BatchJobs
from muster.predictors.external.batch.wanted import MOST_REQUESTS
from muster.predictors.external.estimate import rows_of_request
from muster.records import Connection, Run, Version

__all__ = ["batch_folder", "check_batch", "open_jobs"]


def check_batch(version: Version, connection: Connection, folder: Place, rows: int | None) -> None:
    """NotApplicable, or InvalidInput, with the reason, where so many rows cannot be; by what is known before a job is started."""
    each = rows_of_request(version, rows or 1)
    service = open_service(version, connection)
    try:
        service.check(folder)
        if rows is not None and not service.by_row and rows > each * MOST_REQUESTS:
            raise NotApplicable(
                f"`{version.ref}` takes {plural(each, 'row')} in a request, and a batch job {MOST_REQUESTS:,} requests; the data"
                f" has {rows:,} rows",
                hint="score less of it at once, or by calls, without `--via batch`",
            )
    finally:
        service.close()


def batch_folder(version: Version, connection: Connection) -> str:
    """Where runs put what their jobs read and write. NotApplicable, or InvalidInput, where there is no such place."""
    if connection.kind not in SERVICES:
        raise NotApplicable(
            f"`{version.ref}` is asked over `{connection.name}`, and Muster knows no batch jobs of the kind `{connection.kind}`",
            hint=f"kinds with batch jobs are {', '.join(SERVICES)}; leave `--via batch` out",
        )
    folder = connection.settings.get("batch_folder")
    if not isinstance(folder, str) or not folder:
        raise InvalidInput(
            f"the connection `{connection.name}` has no `batch_folder`, which its batch jobs read from and write to",
            hint="give it one with `muster connection add --replace`: a folder in object storage that the provider may use",
        )
    return folder


def open_jobs(version: Version, connection: Connection, run: Run, folder: Place, talk: Talk) -> ProviderJobs:
    """Those of a run, in its own folder below the one that is given."""
    params = run.settings["params"]
    assert isinstance(params, dict)
    return BatchJobs(version, connection, run.id, folder, params=params, talk=talk)
