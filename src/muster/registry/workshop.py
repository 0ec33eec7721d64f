"""Work that makes runs: the Hub's methods to score, wait, resume, cancel, and to be a worker of the queue."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Unpack, overload

from muster import typed
from muster.errors import Conflict, DatasetNotFound, InvalidInput, MusterError, NotApplicable, RunCancelled, RunFailed
from muster.evaluation.agreement import Agreement
from muster.evaluation.champion import beside_champion
from muster.evaluation.comparison import Comparison
from muster.evaluation.history import Asking, History
from muster.evaluation.result import Evaluation, Goal
from muster.records import EvaluationRecord, Run, Version, new_id
from muster.registry.agreements import Agreements
from muster.registry.comparable import check_comparable, check_heard
from muster.registry.evaluation_job import EvaluateOptions, asked_of, checked, completed, evaluate_request
from muster.registry.evaluations import Evaluations
from muster.registry.histories import Histories
from muster.registry.jobs import Jobs, Tell
from muster.registry.labelled import check_labelled
from muster.registry.metric_house import MetricHouse
from muster.registry.references import ID
from muster.registry.runs import OVER
from muster.registry.score import Scorings
from muster.registry.scoring_job import ScoreRequest, ScoreTools, Watch
from muster.registry.search import Listing
from muster.registry.subjects import CHAMPION
from muster.scoring.tables import as_table
from muster.signature import Json, Task
from muster.store import BlobStore, RecordStore

__all__ = ["Workshop"]

_OF_CHAMPION = frozenset(
    {"target", "weight", "segments", "key", "threshold", "costs", "mapping", "params", "runner", "watch"}
)
"""What is asked of the champion as of the version beside it; where predictions or labels stand is of that one alone."""

_OF_HISTORY = {
    "metrics": typed.TEXTS, "filters": typed.TEXTS, "by": typed.TEXT, "require": typed.TEXTS, "limit": typed.WHOLE,
}  # fmt: skip


class Workshop(MetricHouse, ABC):
    """Runs from their start to their end, here or by the workers of the hub; what they need of implementations is lent."""

    def __init__(self, records: RecordStore, actor: str) -> None:
        super().__init__(records, actor)
        self._background: dict[str, threading.Thread] = {}

    @abstractmethod
    def _score_tools(self) -> ScoreTools: ...
    @abstractmethod
    def _blob_store(self) -> BlobStore: ...

    def score(
        self,
        reference: str,
        data: object,
        output: str | Path,
        *,
        keep: Sequence[str] | str = (),
        params: Mapping[str, Json] | None = None,
        threshold: float | None = None,
        mapping: Mapping[str, str] | None = None,
        prefix: str = "",
        on_reject: str = "skip",
        overwrite: bool = False,
        runner: str = "local",
        via: str = "calls",
        queue: bool = False,
        wait: bool = True,
        watch: Watch | None = None,
    ) -> Run:
        """Score a dataset, or a table in memory, into a dataset.

        Blocks until it is done and raises if it failed; `wait=False` returns at once.

        `via="batch"` has an external model score through its provider's own batch jobs, over the `batch_folder` of its connection.
        With `queue` it is left to the workers of the hub, as `muster worker` is one, in this or any other process.
        """
        named_data = str(data) if isinstance(data, (str, os.PathLike)) else self._kept(data, queue=queue)
        request = ScoreRequest(
            reference=reference,
            data=named_data,
            output=str(output),
            keep="all" if keep == "all" else (keep,) if isinstance(keep, str) else tuple(keep),
            params=dict(params or {}),
            threshold=threshold,
            mapping=dict(mapping or {}),
            prefix=prefix,
            on_reject=on_reject,
            overwrite=overwrite,
            runner=runner,
            via=via,
            queue=queue,
        )
        try:
            run = self._scorings.start(request)
        except BaseException:
            self._lent.forget_table(named_data)
            raise
        if queue:
            return self._jobs.wait(run.id, watch) if wait else run
        return self._execute(run, watch) if wait else self._begin(run, watch)

    def _begin(self, run: Run, watch: Watch | None) -> Run:
        thread = threading.Thread(target=self._behind, args=(run, watch), name=f"muster-run-{run.id}")
        self._background[run.id] = thread
        thread.start()
        return run

    @overload
    def evaluate(
        self,
        reference: object = None,
        data: object = None,
        *,
        vs_champion: bool = False,
        wait: Literal[True] = True,
        **asked: Unpack[EvaluateOptions],
    ) -> Evaluation: ...
    @overload
    def evaluate(
        self, reference: object = None, data: object = None, *, wait: bool, **asked: Unpack[EvaluateOptions]
    ) -> Evaluation | Run: ...
    def evaluate(
        self,
        reference: object = None,
        data: object = None,
        *,
        vs_champion: bool = False,
        wait: bool = True,
        **asked: Unpack[EvaluateOptions],
    ) -> Evaluation | Run:
        """How good a version is on labelled data; or how good predictions are that stand in the data already.

        With one of the two it is the data. The options are those of EvaluateOptions. Blocks until it is done and raises if it
        failed; `wait=False` gives the run at once, whose summary names the evaluation once it is done. `vs_champion` has the
        champion of the model evaluated on the same data, unless it was before, and gives the difference from it with each metric.
        """
        asked = checked(asked)
        typed.read({"vs_champion": vs_champion, "wait": wait}, dict.fromkeys(("vs_champion", "wait"), typed.FLAG))
        if not wait and (vs_champion or asked.get("require")):
            what = "the difference from the champion" if vs_champion else "whether it reaches what is required"
            raise InvalidInput(f"{what} is known only when the evaluation is done", hint="leave `wait` out")
        if data is None:
            reference, data = None, reference
        if data is None:
            raise InvalidInput(
                "there is nothing to evaluate", hint="give data with actual values, and a version to predict them"
            )
        of = None if reference is None else typed.read_one("reference", reference, typed.TEXT)
        named_data = str(data) if isinstance(data, (str, os.PathLike)) else self._kept(data, queue=False)
        request = evaluate_request(of, named_data, asked)
        if request.output is not None:
            self._scorings.tidy()
        try:
            run = self._evaluations.start(request, self._actor)
        except BaseException:
            self._lent.forget_table(named_data)
            raise
        if not wait:
            return self._begin(run, asked.get("watch"))
        found = self.evaluation(str(self._execute(run, asked.get("watch")).summary["evaluation"]))
        found.required = request.require
        return self._beside_champion(found, data, asked) if vs_champion else found

    def _beside_champion(self, found: Evaluation, data: object, asked: EvaluateOptions) -> Evaluation:
        """With its difference from the champion of its model; where there is none to compare with, why is said with it."""
        model = found.record.model
        if model is None:
            return beside_champion(found, "the data are scored already: they are of no model that has a champion")
        number = self.aliases(model).get(CHAMPION)
        if number is None:
            return beside_champion(found, f"`{model}` has no champion: no version has the alias")
        if number == found.record.number:
            return beside_champion(found, f"`{found.record.ref}` is the champion itself")
        options: EvaluateOptions = {n: v for n, v in asked.items() if n in _OF_CHAMPION}  # type: ignore[assignment]  # a part
        champion = f"{model}:{number}"
        try:
            return beside_champion(found, self._evaluated(champion, data, completed(options, self._asked_of(found))))
        except RunCancelled:
            raise
        except MusterError as error:
            return beside_champion(found, f"the champion, `{champion}`, cannot be evaluated: {error.message}")

    def evaluation(self, identity: str) -> Evaluation:
        """The evaluation of an id, with every figure."""
        return self._evaluations.get(identity)

    def evaluations(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[EvaluationRecord]:
        """Records of evaluations, the newest first unless sorted otherwise; `tag.KEY=VALUE` filters by a label."""
        return self._evaluations.list(filters, sort, limit)

    def history(
        self,
        reference: str,
        metrics: Sequence[str] | str | None = None,
        filters: Sequence[str] = (),
        *,
        by: str | None = None,
        require: Sequence[str] = (),
        limit: int = 200,
    ) -> History:
        """How good a version was found one time after the other, or all versions of a model, by its name alone.

        The evaluations stand in time, or in the order of a label: `by="month"`. Without `metrics` the main ones are told. What is
        required (`roc_auc>=0.8`) is drawn as a line, and `faults` says what the newest evaluations do not meet, or why there are none.
        """
        reference = typed.read_one("reference", reference, typed.TEXT)
        given = {"metrics": metrics, "filters": filters, "by": by, "require": require, "limit": limit}
        told = typed.read(given, _OF_HISTORY)
        filters, limit = told.get("filters", ()), told.get("limit", 200)
        asked = Asking.of(told.get("metrics"), told.get("by"), told.get("require", ()))
        return self._histories.of(reference, filters, limit, asked)

    def optimise(self, reference: str, evaluation: str, goal: Goal = "f1", *, reason: str = "") -> Version:
        """Set the threshold of a version to the one that an evaluation of it finds best, as an audited act.

        The goal is a metric (`f1`, `mcc`), a limit (`recall>=0.9`, `precision>=0.8`, `alerts<=1000`), a cost matrix
        `[[tn, fp], [fn, tp]]` or `cost` with the costs of the evaluation. No evaluation that was made before changes.
        NotApplicable where no threshold is the best.
        """
        evaluation = typed.read_one("evaluation", evaluation, typed.TEXT)
        goal = typed.read_one("goal", goal, typed.GOAL)
        version, found = self._registry.version(reference), self.evaluation(evaluation)
        if found.record.version_digest != version.digest:
            raise InvalidInput(
                f"evaluation {found.id} is of {found.record.ref or 'scored data'}, and not of `{version.ref}`",
                hint=f"evaluate it: `muster evaluate {version.ref} DATA`",
            )
        best = found.best(goal)
        if best.threshold is None:
            raise NotApplicable(f"no threshold is best for `{best.goal}`: {best.reason}", hint="choose another goal")
        told = reason or f"best for {best.goal} in evaluation {found.id}"
        return self.set_threshold(version.ref, best.threshold, reason=told)

    def _evaluated_at_once(self, version: Version, data: object, goal: Goal | None, target: str | None) -> Version:
        """A version that was just registered, evaluated; with the threshold that is best for a goal, if one is given."""
        try:
            found = self.evaluate(version.ref, data, target=target)
            return version if goal is None else self.optimise(version.ref, found.id, goal)
        except MusterError as error:
            hint = f"mend that, then `muster evaluate {version.ref} DATA`" + (f"; {error.hint}" if error.hint else "")
            details = error.details
            raise RunFailed(f"registered {version.ref}, but: {error.message}", hint=hint, details=details) from error

    def _check_labelled(
        self, model: str, data: object, target: str | None, task: Task | None, goal: Goal | None
    ) -> None:
        """Before anything is registered: what stands in the way of evaluating on these data."""
        names: Sequence[str] | None = None
        if data is not None:
            named = isinstance(data, (str, os.PathLike))
            names = self._lent.open_dataset(str(data)).names if named else as_table(data).column_names
        check_labelled(names, next(iter(self.models([f"name={model}"])), None), target, task, goal)

    def compare(
        self, items: Sequence[str], data: object = None, *, agreement: bool = False, **asked: Unpack[EvaluateOptions]
    ) -> Comparison:
        """Evaluations side by side, the first as the reference. An item is the id of an evaluation or a version.

        Versions are evaluated on `data`, or on what the evaluations among the items were made on, asked as those; one that was
        evaluated so before is not again. With `agreement` each is held against the reference row by row, in one more pass. What
        cannot be compared, or would not be heard, is refused before anything is evaluated.
        """
        items = typed.read_one("items", items, typed.TEXTS)
        agreement = typed.read_one("agreement", agreement, typed.FLAG)
        asked = checked(asked)
        if asked.get("output") is not None:
            raise InvalidInput("a comparison writes no rows", hint="evaluate each version with its own `output`")
        found = [self._evaluations.get(item) if ID.fullmatch(item) else None for item in items]
        first = next((e for e in found if e is not None), None)
        check_heard(found, data, asked, agreement=agreement)
        given = data
        if data is None and first is not None:
            data = first.record.data
        if data is None and None in found:
            raise InvalidInput("there are no data to compare on", hint="name them with `data=` (--data)")
        options = asked if first is None else completed(asked, self._asked_of(first))
        check_comparable(items, found, options, self._registry)
        try:
            compared = Comparison(
                [self._evaluated(item, data, options) if e is None else e for item, e in zip(items, found, strict=True)]
            )
        except DatasetNotFound as gone:
            if given is not None or first is None:
                raise
            told = f"the data of evaluation {first.id} are not there any more, or were a table in memory"
            raise DatasetNotFound(told, hint="name the same data with `data=` (--data)") from gone
        if agreement:
            compared.agreement = self._agreed(compared, given, asked.get("watch"))
        return compared

    def _asked_of(self, evaluation: Evaluation) -> EvaluateOptions:
        """What would ask the same again, but for metrics that were deleted since: the comparison says that they are of one alone."""
        asking = asked_of(evaluation)
        return {**asking, "metrics": self._custom_metrics.known(asking["metrics"])}

    def _agreed(self, compared: Comparison, data: object, watch: Watch | None) -> tuple[Agreement, ...]:
        reference, others = compared.reference, compared.evaluations[1:]
        self._agreements.check(reference, others)
        named = isinstance(data, (str, os.PathLike))
        uri = str(data) if named else None if data is None else self._kept(data, queue=False)
        try:
            return tuple(self._agreements.between(reference, other, uri, watch) for other in others)
        finally:
            if not named:
                self._lent.forget_table(uri)

    def _evaluated(self, reference: str, data: object, options: EvaluateOptions) -> Evaluation:
        if isinstance(data, (str, os.PathLike)):
            request = evaluate_request(reference, str(data), options)
            if (before := self._evaluations.made(request)) is not None:
                return before
        return self.evaluate(reference, data, **options)

    def delete_evaluation(self, identity: str, *, reason: str = "") -> None:
        """Forget an evaluation and all its figures."""
        self._evaluations.remove(identity, self._actor, reason)

    def resume(self, run: str, watch: Watch | None = None) -> Run:
        """Go on with a run that was cut off or failed; an evaluation begins again."""
        found = self._runs.get(run)
        if found.kind == "evaluate":
            return self._over(self._evaluations.resume(found, watch))
        return self._over(self._scorings.resume(run, watch))

    def wait(self, run: str, watch: Watch | None = None) -> Run:
        """The run when it is done, whoever works on it; RunFailed if it ended otherwise."""
        try:
            ended = self._jobs.wait(run, watch)
        except (RunCancelled, RunFailed):
            self._join(run)  # its end is recorded before what it has staged is removed
            raise
        self._join(run)
        return ended

    def work(
        self, *, count: int = 1, once: bool = False, stop: threading.Event | None = None, tell: Tell | None = None
    ) -> None:
        """Be a worker: take up what `score(queue=True)` left, the oldest first and `count` at once, until `stop` is set.

        Then it lets go of what it is at, so that another worker goes on. With `once` it ends when nothing more waits.
        """
        self._jobs.work(count=count, once=once, stop=stop or threading.Event(), tell=tell or (lambda _run: None))

    def cancel(self, run: str) -> Run:
        """Stop a run; nothing of its output is left."""
        found = self._runs.get(run)
        if found.kind == "evaluate":
            return self._over(self._evaluations.cancel(found))
        return self._over(self._scorings.cancel(run))

    def _join(self, *runs: str) -> None:
        """Wait for these runs, or all, if they were started here with `wait=False`."""
        for run in runs or tuple(self._background):
            thread = self._background.get(run)
            if thread is not None and thread is not threading.current_thread():
                thread.join()

    @cached_property
    def _scorings(self) -> Scorings:
        return Scorings(self._runs, self._registry, self._actor, self._lent)

    @cached_property
    def _evaluations(self) -> Evaluations:
        return Evaluations(
            self._records, self._blob_store(), self._runs, self._registry, self._lent, metrics=self._custom_metrics
        )

    @cached_property
    def _histories(self) -> Histories:
        return Histories(self._registry, self._evaluations)

    @cached_property
    def _agreements(self) -> Agreements:
        return Agreements(self._blob_store(), self._registry, self._lent)

    @cached_property
    def _jobs(self) -> Jobs:
        return Jobs(self._runs, self._scorings, self._lent.retries)

    @cached_property
    def _lent(self) -> ScoreTools:
        return self._score_tools()

    def _kept(self, data: object, *, queue: bool) -> str:
        """A table in memory, in a file of the hub's folder until its run is over: so it can be resumed like any other."""
        if queue:
            raise InvalidInput(
                "a table in memory is not left to other processes",
                hint="write it to a file that the workers see, or score it here, without `queue`",
            )
        return self._lent.keep_table(as_table(data), new_id())

    def _execute(self, run: Run, watch: Watch | None) -> Run:
        try:
            return (self._evaluations if run.kind == "evaluate" else self._scorings).execute(run, watch)
        finally:
            self._over(self.run(run.id))

    def _over(self, run: Run) -> Run:
        """A table that was kept for a run goes when nothing needs it any more; a run that failed may be resumed."""
        if run.status in OVER:
            self._lent.forget_table(run.input)
        return run

    def _behind(self, run: Run, watch: Watch | None) -> None:
        """Execute in the background: how it ended stands in the run's record, also where somebody else took or cancelled it."""
        try:
            self._execute(run, watch)
        except (Conflict, RunFailed):
            return
        finally:
            self._background.pop(run.id, None)
