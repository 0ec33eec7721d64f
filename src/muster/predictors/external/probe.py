"""The calls that registration makes: how the endpoint is asked and answers, in which order it wants columns, and what it said."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.conform import fit
from muster.errors import InvalidInput
from muster.predictor import Declared, Description, Draft, Finding, Observed, Site
from muster.predictors.external.asking import Asker
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.evidence import answered, evidence
from muster.predictors.external.observing import behaviour
from muster.predictors.external.orders import Labelled
from muster.predictors.external.recognition import Recognised, Wanted, recognised
from muster.predictors.local.completing import complete
from muster.predictors.local.raw import texts
from muster.predictors.probing import FIRST, from_all_over, plain
from muster.records import Probe, Reading
from muster.signature import CLASSIFICATION, Json, Output, Scalar, Signature, Task

__all__ = ["probe"]

_WEIGHED = 100
"""Rows that are encoded to see what one weighs."""


def probe(draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
    """Ask about the sample. Without one both formats must be declared in full, and nothing is asked."""
    description, declared = draft.description, draft.declared
    signature = complete({}, declared, description, None if sample is None else sample.schema, None)
    task, classes = _task(declared, description), declared.classes or description.classes
    rows, truth = _rows(sample, signature, declared.target or description.target)
    if rows is None:
        return _unseen(draft, signature, task, classes)
    connection = site.connection(str(description.load["connection"]))
    with Asker(connection, description.load, declared.probe_calls, site.shares) as asker:
        target = declared.target or description.target
        wanted = Wanted(asker.kind, signature, description.load, declared, task, classes, target)
        found = recognised(asker.probe, asker.ask, rows, wanted)
        output = output_of(found.response, task, classes or found.classes)
        _refuse_unknown(output)
        labelled, base = answered(asker, found, Labelled(rows, truth, signature, output))
        rows = labelled.rows
        order = evidence(asker, found, labelled, base)
        _refuse_inherited(declared, order)
        began = time.monotonic()
        first = asker.predict(rows.slice(0, FIRST), found.request, found.response, output)
        took = time.monotonic() - began
        observed = behaviour(asker, rows, found.request, found.response, output)
        pace = _pace(asker, found, rows, output, took)
    shown: dict[str, Json] = {"probes": [t.to_json() for t in found.tried], "calls": asker.calls, "order": order}
    answers = tuple(plain(row) for row in first.to_pylist())
    seen = Probe(
        rows=rows.num_rows,
        source="sample",
        seconds_to_load=0.0,
        seconds_to_predict=round(took, 6),
        python="",
        raw=shown,
        first=answers,
    )
    made = _finding(draft, signature, _Codec(found.request, found.response, output, order), seen)
    load = {**made.load, "pace": pace, **({"served_by": True} if asker.served else {})}
    if found.request.one_row:
        limits = description.load["limits"]
        assert isinstance(limits, dict)
        load["limits"] = {**limits, "rows": 1}
    return replace(made, load=load, observed=replace(observed, configuration=_configuration(description)))


def _pace(asker: Asker, found: Recognised, rows: pa.RecordBatch, output: Output, few_seconds: float) -> dict[str, Json]:
    """What a row weighs and takes, and a call beside its rows, as well as two calls of different size can tell."""
    weighed = rows.slice(0, 1 if found.request.one_row else _WEIGHED)
    row_bytes = round(len(encode(weighed, found.request).body) / weighed.num_rows, 1)
    pace: dict[str, Json] = {"row_bytes": row_bytes, "row_seconds": 0.0, "call_seconds": round(few_seconds, 6)}
    if found.request.one_row:
        each = few_seconds / min(FIRST, rows.num_rows)
        return {**pace, "call_seconds": round(each, 6), "one_row": True}
    if rows.num_rows <= FIRST or asker.left < 1:
        return pace
    began = time.monotonic()
    asker.predict(rows, found.request, found.response, output)
    row_seconds = max(0.0, (time.monotonic() - began - few_seconds) / (rows.num_rows - FIRST))
    call_seconds = max(0.0, few_seconds - FIRST * row_seconds)
    return {**pace, "row_seconds": round(row_seconds, 9), "call_seconds": round(call_seconds, 6)}


def _task(declared: Declared, description: Description) -> Task:
    task = declared.task or description.task
    if task is None:
        raise InvalidInput(
            "the endpoint does not tell what it answers",
            hint="declare the task: binary, multiclass, multilabel, regression, multioutput or other",
        )
    return task


def _rows(
    sample: pa.Table | None, signature: Signature, target: str | None
) -> tuple[pa.RecordBatch | None, pa.Array | None]:
    """Rows of the sample that fit the signature, from all over it, and the truth of each where the sample has it."""
    chosen = from_all_over(sample)
    if chosen is None or not chosen.num_rows:
        return None, None
    batch = chosen.combine_chunks().to_batches()[0]
    rows, errors = fit(batch.schema, signature, {}).apply(batch)
    good = None if errors is None else errors.is_null()
    if good is not None:
        rows, batch = rows.filter(good), batch.filter(good)
    if not rows.num_rows:
        raise InvalidInput(
            f"no row of the sample fits the signature: {errors[0] if errors is not None else 'it has none'}",
            hint="give a sample of the endpoint's input",
        )
    known = target is not None and target in batch.schema.names and target not in signature.names
    return rows, batch.column(target) if known else None


def _unseen(draft: Draft, signature: Signature, task: Task, classes: tuple[Scalar, ...]) -> Finding:
    """Nothing to ask about: what is declared stands, and says that nobody has seen it work."""
    declared, load = draft.declared, draft.description.load
    wanted = (declared.request, load["request"]), (declared.response, load["response"])
    request, response = (told if told != "auto" else known for told, known in wanted)
    missing = [n for n, told in (("request", request), ("response", response)) if told == "auto"]
    spec = None if missing else ResponseSpec.from_json(response)
    if spec is None or not spec.frozen:
        lacking = " and ".join(f"`{n}`" for n in missing) or "`response`"
        raise InvalidInput(
            f"without a sample nothing can be found out, and {lacking} is not declared in full",
            hint="give a sample (some rows of the endpoint's input), or the explicit specifications",
        )
    output = output_of(spec, task, classes)
    _refuse_unknown(output)
    seen = Probe(rows=0, source="none", seconds_to_load=0.0, seconds_to_predict=0.0, python="")
    order: dict[str, Json] = {"columns": {"verdict": "not decidable", "reason": "there was no sample"}}
    made = _finding(draft, signature, _Codec(RequestSpec.from_json(request), spec, output, order), seen)
    return replace(made, observed=Observed(configuration=_configuration(draft.description)))


def _configuration(description: Description) -> Mapping[str, Json]:
    told = description.load["configuration"]
    assert isinstance(told, dict)
    return told


def _refuse_inherited(declared: Declared, order: Mapping[str, Json]) -> None:
    """Classes that nobody declared of this endpoint are those of earlier versions: their order says nothing of its own."""
    told = order.get("classes")
    sure = isinstance(told, dict) and told.get("verdict") in ("by name", "supported")
    if declared.inherited and declared.classes and not sure:
        raise InvalidInput(
            f"the endpoint's answers do not name its classes, and their order is not told: {texts(declared.classes)}"
            " is that of the model's earlier versions",
            hint="declare the classes in this endpoint's own order; predictions are given in that of the model",
        )


def _refuse_unknown(output: Output) -> None:
    if output.task in CLASSIFICATION and not output.classes:
        raise InvalidInput(
            "the endpoint's answers do not tell its classes",
            hint="declare them in order; in binary the positive one last",
        )


@dataclass(frozen=True, slots=True)
class _Codec:
    request: RequestSpec
    response: ResponseSpec
    output: Output
    order: Mapping[str, Json]


def _finding(draft: Draft, signature: Signature, codec: _Codec, seen: Probe) -> Finding:
    output = codec.output
    formats: dict[str, Json] = {"request": codec.request.to_json(), "response": codec.response.to_json()}
    return Finding(
        task=output.task,
        target=draft.declared.target or draft.description.target,
        signature=signature,
        output=output,
        reading=Reading(),
        probe=seen,
        notes=tuple(_notes(codec.order)),
        load={**formats, "order": dict(codec.order)},
        specification={**formats, "signature": signature.to_json(), "output": output.to_json()},
    )


def _notes(order: Mapping[str, Json]) -> list[str]:
    """A word of warning where nothing but the order tells what is what, and nothing showed that it is right."""
    return [
        f"the order of the {what} could not be checked: {told.get('reason', 'exchanging them makes no difference on the sample')}"
        for what, told in order.items()
        if isinstance(told, dict) and told.get("verdict") == "not decidable"
    ]
