"""Puts Muster together: the only file that picks implementations. Its methods are what people type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from muster import typed
from muster.config import Settings, expanded, without_password
from muster.conform import fit
from muster.dataset import Dataset
from muster.datasets.frame import forget_frame, keep_frame
from muster.datasets.named import NAMED, named_kind
from muster.datasets.opening import create_sink, folder_of, open_dataset
from muster.datasets.rejects import rejects_left
from muster.declaring import declared_signature
from muster.endpoint import Endpoint, Step
from muster.errors import InvalidInput, NotApplicable, near
from muster.evaluation.result import Goal
from muster.extensions import load, named
from muster.owners import user
from muster.parameters import parameters
from muster.predictor import Call, Declared, Observed, OpenPredictor, ProviderJobs, Talk
from muster.predictors import PROVIDERS
from muster.predictors.elsewhere import Elsewhere
from muster.predictors.external.batch.opening import batch_folder, check_batch, open_jobs
from muster.predictors.external.behaviour import changes, decode_answers, encode_answers
from muster.predictors.external.codecs.public import decode, encode
from muster.predictors.external.digests import digest_of
from muster.predictors.external.estimate import cost_of, estimate
from muster.predictors.external.opening import checked_settings, discover, place_of, steps_of
from muster.predictors.kept import KeepAnswer, OpenKept
from muster.predictors.local.artifact import lost, specify, store
from muster.predictors.local.download import download
from muster.predictors.local.environment import EnvironmentInfo, Environments
from muster.predictors.local.metric import OpenMetric, check_metric
from muster.predictors.local.scanning import dangers, scan
from muster.predictors.local.site import LocalSite
from muster.predictors.mlmodel.export import write_mlflow
from muster.predictors.opening import OpenVersion, open_version, origin_of, origins
from muster.predictors.pymodel.metric import describe_metric
from muster.predictors.warm import Warm
from muster.profiles.predictions import PredictionProfile
from muster.records import Connection, DatasetRecord, Run, Snapshot, Version
from muster.registry.answers import KeptAnswers
from muster.registry.backup import Backup, back_up, restore
from muster.registry.collect import Collected, Collector, Retention
from muster.registry.connections import CAPS
from muster.registry.custom_metrics import MetricTools
from muster.registry.endings import Retries
from muster.registry.importing import Import, Imported, ImportReport
from muster.registry.leftovers import Leftovers
from muster.registry.opened import Opened
from muster.registry.register import Registration, Request, Tools, overrides
from muster.registry.registry import check_calls, check_threshold
from muster.registry.scans import Scan
from muster.registry.scoring_job import ScoreTools
from muster.registry.shares import KeptShares
from muster.registry.snapshots import SnapshotTools
from muster.registry.switchboard import EndpointTools, Switchboard
from muster.runners import RUNNERS
from muster.scoring.small import head, predict_table
from muster.scoring.tables import as_table
from muster.scratch import scratch, young
from muster.signature import Json, Scalar, Signature, Task
from muster.store import BlobStore, RecordStore
from muster.stores import open_blobs, open_records
from muster.stores.whereabouts import OpenRecords, blobs_of

__all__ = ["Hub", "decode", "encode"]

_SAMPLE_ROWS = 1_000
_DECLARED = {
    "task": typed.TEXT, "target": typed.COLUMN, "classes": typed.CLASS_LIST, "threshold": typed.NUMBER, "optimise": typed.GOAL,
}  # fmt: skip


class Hub(Switchboard):
    """Every model you run. Safe from several threads; use it in a `with` block, or `close()` it."""

    def __init__(self, folder: Path, records: RecordStore, blobs: BlobStore, settings: Settings, talk: Talk) -> None:
        super().__init__(records, settings.text("actor") or user())
        self.folder = folder
        self.settings = settings
        self._blobs = blobs
        self._database: Path | str | None = None
        self._talk = talk
        self._warm = Warm(
            lambda version: open_version(version, self._site, 1),
            settings.number("worker.warm_count"),
            settings.number("worker.warm_memory"),
        )

    @classmethod
    def at(
        cls,
        folder: Path,
        settings: Settings,
        *,
        database: Path | str | None = None,
        make: bool = True,
        talk: Talk | None = None,
    ) -> Hub:
        """The hub in a folder, or in a database with its files in a folder. It is made when new, where it may be."""
        folder = folder.absolute()
        place = database or folder / "muster.db"
        records = open_records(place, make=make)
        hub = cls(folder, records, blobs_of(records, folder, settings.text("blobs")), settings, talk or _quiet)
        hub._database = None if str(place).startswith("memory:") else place  # its own
        return hub

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<muster.Hub {self.name}>"

    @property
    def name(self) -> str:
        """Where it is, for people: its folder or database, without a password."""
        named = self.settings.text("hub")
        return without_password(named) if "://" in named else str(self.folder)

    def close(self) -> None:
        """Wait for runs that were started with `wait=False`, end the workers, close the store."""
        self._join()
        self._warm.close()
        if (beside := self.__dict__.get("_beside")) is not None:
            beside.close()
        self._records.close()

    def talk_to(self, talk: Talk) -> None:
        """Where lines of progress go from now on."""
        self._talk = talk
        self.__dict__.pop("_site", None)

    def register(
        self,
        model: str,
        source: object,
        *,
        origin: str | None = None,
        task: Task | None = None,
        target: str | None = None,
        classes: Sequence[Scalar] = (),
        sample: object = None,
        threshold: float | None = None,
        aliases: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        description: str = "",
        environment: str | Path = "auto",
        signature: Signature | Mapping[str, Json] | None = None,
        output: str | Mapping[str, Json] = "auto",
        network: bool = False,
        runtime: Mapping[str, Json] | None = None,
        request: Json = "auto",
        response: Json = "auto",
        probe_calls: int = 50,
        evaluate: object = None,
        optimise: Goal | None = None,
        if_changed: bool = False,
        number: int | None = None,
    ) -> Version:
        """Register a version: all is found out and checked, then committed; or nothing is.

        With `evaluate`, labelled data, it is evaluated in the same act, and gets the threshold that is best for the goal `optimise`.

        `network`: its workers may use it. `runtime` are values of its runtime parameters, and references to secrets.
        `request` and `response` are the formats of an endpoint, found out by at most `probe_calls` calls where they are `auto`.
        `number` is one that it has elsewhere and keeps; refused if a version ever had it here.
        With `if_changed` the newest version of the same digest is given instead, where there is one, and gets the aliases.
        """
        plain = typed.read(
            {"task": task, "target": target, "classes": classes, "threshold": threshold, "optimise": optimise},
            _DECLARED,
        )
        self._check_labelled(model, evaluate, target, task, plain.get("optimise"))
        wanted = declared_signature(signature) if isinstance(signature, Mapping) else signature
        declared = Declared(
            task=task,
            target=target,
            classes=plain.get("classes", ()),
            signature=wanted,
            threshold=plain.get("threshold"),
            output=overrides(output),
            request=request,
            response=response,
            probe_calls=probe_calls,
        )
        source, origin = self._reached(source, origin)
        wish = Request(
            model=model,
            source=source,
            origin=origin,
            declared=declared,
            sample=self._sample(sample, wanted),
            aliases=tuple(aliases),
            tags=dict(tags or {}),
            description=description,
            environment=environment,
            network=network,
            runtime=dict(runtime or {}),
            if_changed=if_changed,
            number=number,
        )
        tools = Tools(
            origins={n: load(where) for n, where in self.origins().items()},
            store_artifact=partial(store, blobs=self._blobs),
            specify=partial(specify, blobs=self._blobs),
            resolve=self.environments.resolve,
            site=self._site,
            scratch=self.folder / "scratch",
            observed=lambda seen: (self._kept_answers(seen), digest_of(dict(seen.configuration))),
            lost=partial(lost, blobs=self._blobs),
            fetch=self._elsewhere.fetch,
            scan=Scan(scan, dangers, refuse=self.settings.text("scan.pickles") == "refuse"),
        )
        version = Registration(self._records, self._actor, tools, wish).run()
        return version if evaluate is None else self._evaluated_at_once(version, evaluate, optimise, target)

    def register_all(
        self,
        uri: str | None = None,
        *,
        filter: Sequence[str] | str = (),  # noqa: A002  # the flag's name
        declare: Mapping[str, Mapping[str, Any]] | None = None,
        environment: str | Path = "auto",
        dry_run: bool = False,
        parallel: int = 2,
        watch: Callable[[Imported, int, int], None] | None = None,
    ) -> ImportReport:
        """Import a whole MLflow or Databricks registry: every version once, with its number, aliases and tags.

        Versions that fail are reported and the rest go on; calling again goes on where it stopped. `filter`: `name~churn`,
        `alias=champion`, `tag.team=ops`, over what the registry holds. `declare`: for a model or version, by name, what
        `register` must be told.
        """
        return Import(self._records, self._actor, self.register).run(
            self._elsewhere.catalogue(uri),
            filters=(filter,) if isinstance(filter, str) else filter,
            declare=declare,
            options={"environment": environment},
            dry_run=dry_run,
            parallel=parallel,
            watch=watch,
        )

    def predict(
        self,
        reference: str,
        data: object,
        *,
        params: Mapping[str, Json] | None = None,
        threshold: float | None = None,
        mapping: Mapping[str, str] | None = None,
        on_reject: str = "null",
    ) -> pa.Table:
        """Predictions for a small table, a row each: `prediction`, `probabilities`, and `error` where some rows have none."""
        version = self.version(reference)
        check_calls(version)
        if threshold is not None:
            check_threshold(threshold, version)
        predictor = self._warm.predictor(version, version.threshold if threshold is None else threshold, mapping or {})
        call = Call(params=parameters(version.signature, params or {}))
        return predict_table(predictor, as_table(data), call, on_reject)

    def download(
        self,
        reference: str,
        folder: str | Path,
        *,
        format: str = "native",  # noqa: A002  # the word of the command line
        sample: object = None,
    ) -> Path:
        """A version's files in a new folder: `native` as they were registered, or `mlflow` as plain MLflow loads them.

        Rows of `sample` become the MLflow model's input example. What MLflow saved leaves as it came.
        """
        version, target = self.version(reference), expanded(folder).absolute()
        if format not in {"native", "mlflow"}:
            raise InvalidInput(f"there is no format `{format}`", hint="give native or mlflow")
        if format == "native" or version.origin == "mlflow":
            download(version, self._blobs, target)
            return target
        locked = version.environment if version.environment and version.environment.lock else None
        packages = () if locked is None else self.environments.packages(locked)
        rows = self._sample(sample, version.signature)
        download(version, self._blobs, target, lambda made: write_mlflow(version, packages, made, rows))
        return target

    def dataset(
        self,
        name: str,
        uri: str | Path | None = None,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
    ) -> DatasetRecord:
        """Register a name for a dataset; without a URI, the dataset of that name."""
        if uri is None:
            return self._datasets.get(name)
        return self._datasets.register(
            name, self.open_dataset(_absolute(str(uri))), description=description, tags=tags, replace=replace
        )

    def open_dataset(self, uri: str) -> Dataset:
        """The dataset that a path, glob, URL, `data:NAME`, `sql:CONNECTION?…` or `objects:CONNECTION/…` names."""
        if uri.startswith("data:"):
            uri = self._datasets.get(uri.removeprefix("data:")).uri
        return open_dataset(uri, self.connection)

    def backup(self, target: str | Path) -> Backup:
        """Back up records and blobs into a new folder, while others go on working."""
        return back_up(self._records, self._blobs, _folder(target), open_blobs)

    def restore(self, source: str | Path) -> Backup:
        """Restore a backup of any hub into this one, which must be empty."""
        return restore(self._records, self._blobs, _folder(source), open_blobs, self.folder / "scratch")

    @staticmethod
    def origins() -> Mapping[str, str]:
        """The origins that there are: each name with its `module:Class`."""
        return origins()

    @cached_property
    def environments(self) -> Environments:
        return Environments(self._environment_folder, self._blobs, self.settings, self._say)

    def collect_environments(self) -> list[EnvironmentInfo]:
        """Remove the environments that nothing runs in, no version that can be restored either; those that went."""
        every = [*self.versions(), *self.versions(deleted=True), *self.metrics()]
        return self.environments.collect({v.environment.key for v in every if v.environment is not None})

    def collect(self, *, dry_run: bool = False) -> Collected:
        """Collect what was deleted long ago and all that nothing refers to; with `dry_run` only say what would go."""
        retention = Retention.of(self.settings)
        if not dry_run:
            self._scorings.tidy()
            for folder in ("scratch", "outputs"):
                with scratch(self.folder / folder):
                    pass  # making one removes those of processes that are gone
        collector = Collector(
            self._records,
            self._blobs,
            self._actor,
            deletions=self._deletions,
            runs=self._runs,
            give_up=self._scorings.give_up,
            find_rejects=partial(rejects_left, find=self.connection),
            leftovers=Leftovers(self._records, self._runs, self._frames, self._outputs),
        )
        found = collector.run(retention, dry_run=dry_run)
        if dry_run:
            return found
        keep = {v.digest for v in (*self.versions(), *self.versions(deleted=True), *self.metrics())}
        copies = self._site.collect(keep | young(self.folder / "artifacts", retention.unused))
        # A folder that the user names may be shared with other hubs, whose versions this one does not know.
        gone = [] if self.settings.text("environment.folder") else self.collect_environments()
        return replace(found, copies=copies, environments=sum(e.size for e in gone))

    @property
    def _environment_folder(self) -> Path:
        named = self.settings.text("environment.folder")
        return expanded(named) if named else self.folder / "environments"

    @property
    def _elsewhere(self) -> Elsewhere:
        return Elsewhere(self.settings, self._say)

    @cached_property
    def _beside(self) -> Opened:
        """The store again, as those may open it who are sent elsewhere."""
        place = self._database
        return Opened((lambda: self._records) if place is None else OpenRecords(place, self.settings))

    @cached_property
    def _site(self) -> LocalSite:
        place, records = self._database, self._beside
        return LocalSite(
            self.folder,
            self._blobs,
            self.settings,
            self._say,
            find=self.connection,
            answers=KeptAnswers(records),
            shares=KeptShares(records, without_password(str(place or id(self._records)))),
        )

    def _say(self, line: str) -> None:
        self._talk(line)

    def _blob_store(self) -> BlobStore:
        return self._blobs

    def _metric_tools(self) -> MetricTools:
        return MetricTools(
            describe=describe_metric,
            store_artifact=partial(store, blobs=self._blobs),
            resolve=self.environments.resolve,
            check=lambda metric: check_metric(metric, self._site),
            lost=partial(lost, blobs=self._blobs),
            discard=self._site.discard,
            scratch=self.folder / "scratch",
        )

    def _score_tools(self) -> ScoreTools:
        number = self.settings.number
        return ScoreTools(
            open_dataset=self.open_dataset,
            create_sink=partial(create_sink, scratch=self._outputs, find=self.connection),
            open_version=self._open,
            runner=lambda name, workers: named(RUNNERS, name, "runner").of(self.settings, workers),
            fit=fit,
            parameters=parameters,
            profile=lambda output: partial(PredictionProfile.of, output),
            decode_profile=PredictionProfile.decode,
            workers=number("worker.count"),
            chunk_rows=number("score.chunk_rows"),
            retries=Retries(number("jobs.attempts"), self.settings.seconds("jobs.backoff_seconds")),
            keep_table=lambda table, name: str(keep_frame(table, self._frames, name)),
            forget_table=partial(forget_frame, folder=self._frames),
            announce=self._announce,
            batch_folder=self._batch_folder,
            open_jobs=self._open_jobs,
            keep_answer=KeepAnswer(self._blobs),
            open_metric=lambda metric: OpenMetric(metric, self._site, number("worker.count")),
            open_kept=lambda version, chunks, threshold: OpenKept(version, chunks, self._blobs, threshold),
            price=self._price,
            packages=lambda environment: self.environments.packages(environment),  # noqa: PLW0108  # only when one is asked for
            talk=self._say,
            texts=self.settings.flag("profiles.texts"),
            by_version=self.settings.source("worker.count") == "default",
            files=getattr(self._blobs, "folder", None),
            database=self._database if isinstance(self._database, Path) else None,
        )

    def _announce(self, version: Version, rows: int | None, chunk: int) -> Mapping[str, Json]:
        """What a scoring will ask of an endpoint; nothing of what runs here, or where the rows are not known."""
        named = version.load.get("connection")
        found = None if named is None or rows is None else estimate(version, self.connection(str(named)), rows, chunk)
        if found is None:
            return {}
        self._say(f"{version.ref} is asked over {named}: {found}")
        return found.to_json()

    def _price(self, version: Version, calls: float, seconds: float) -> float | None:
        named = version.load.get("connection")
        return None if named is None else cost_of(self.connection(str(named)).caps, calls, seconds)

    def _open(
        self,
        version: Version,
        *,
        threshold: float | None,
        mapping: Mapping[str, str],
        workers: int,
        inner: OpenPredictor | None = None,
    ) -> OpenPredictor:
        named = version.load.get("connection")
        site = self._site if named is None else self._site.knowing({str(named): self.connection(str(named))})
        return OpenVersion(version, site, threshold, mapping, workers, inner)

    def _batch_folder(self, version: Version, rows: int | None) -> str:
        named = version.load.get("connection")
        if named is None:
            raise NotApplicable(
                f"`{version.ref}` runs here, and batch jobs are of providers that run models",
                hint="leave `--via batch` out",
            )
        connection = self.connection(str(named))
        folder = batch_folder(version, connection)
        check_batch(version, connection, folder_of(folder, self.connection), rows)
        return folder

    def _open_jobs(self, version: Version, run: Run) -> ProviderJobs:
        connection = self.connection(str(version.load["connection"]))
        folder = folder_of(str(run.settings["batch_folder"]), self.connection)
        return open_jobs(version, connection, run, folder, self._say)

    def _reopen(self, versions: Collection[str]) -> None:
        self._warm.reopen(versions)

    def _endpoint_tools(self) -> EndpointTools:
        def observe(version: Version, known: Observed) -> Observed:
            origin: Any = origin_of(version)  # of endpoints, which alone can be observed
            seen: Observed = origin.observe(version, self._site, known)
            return seen

        def kept(snapshot: Snapshot) -> Observed:
            answers = None if snapshot.answers is None else decode_answers(self._blobs.read(snapshot.answers))
            return Observed(configuration=snapshot.configuration, answers=answers, noise=snapshot.noise)

        looks = SnapshotTools(
            observe, self._kept_answers, kept, changes, lambda seen: digest_of(dict(seen.configuration))
        )
        return EndpointTools(_checked_settings, _place_of, discover, _steps_of, looks)

    def _kept_answers(self, seen: Observed) -> str | None:
        return None if seen.answers is None else self._blobs.put(encode_answers(seen.answers))

    @property
    def _frames(self) -> Path:
        return self.folder / "frames"

    @property
    def _outputs(self) -> Path:
        return self.folder / "outputs"

    def _sample(self, sample: object, signature: Signature | None) -> pa.Table | None:
        """The first rows of a dataset, text read as the types that are declared, or of a table."""
        if sample is None:
            return None
        if not isinstance(sample, (str, Path)):
            return as_table(sample).slice(0, _SAMPLE_ROWS)
        types = {c.name: c.type for c in signature or ()}
        return head(self.open_dataset(str(sample)).declare(types), _SAMPLE_ROWS)


def _checked_settings(kind: str, given: Mapping[str, Json]) -> Mapping[str, Json]:
    known = {**PROVIDERS, **NAMED}
    if kind not in known:
        raise InvalidInput(
            f"there is no kind of connection `{kind}`{near(kind, known)}", hint=f"kinds are {', '.join(known)}"
        )
    return named_kind(kind).checked(given) if kind in NAMED else checked_settings(kind, given, tuple(CAPS))


def _place_of(kind: str) -> tuple[str, ...]:
    """What data is, is read at each look: its connection may lead to another place."""
    return () if kind in NAMED else place_of(kind)


def _steps_of(connection: Connection, endpoint: Endpoint | None = None) -> Iterator[Step]:
    return named_kind(connection.kind).steps(connection) if connection.holds_data else steps_of(connection, endpoint)


def _folder(name: str | Path) -> Path:
    if "://" in str(name):
        raise InvalidInput(
            f"a backup is a folder on this machine, and `{name}` is none", hint="name a folder; copy it on from there"
        )
    return expanded(name).absolute()


def _quiet(_line: str) -> None:
    return None


def _absolute(uri: str) -> str:
    """A registered path means the same from every folder."""
    return uri if ":" in uri.split("/", maxsplit=1)[0] else str(expanded(uri).absolute())
