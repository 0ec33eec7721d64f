"""The one prediction that registration makes: load the model where it will run, ask it about a sample, decide what it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import pyarrow as pa

from muster.casts import type_name
from muster.parameters import parameters
from muster.predictor import Draft, Finding, Site
from muster.predictors.local.asking import Asked, Asker, one_batch
from muster.predictors.local.completing import complete
from muster.predictors.local.deciding import Decision, decide
from muster.predictors.local.predictor import open_raw
from muster.predictors.local.raw import places, texts
from muster.predictors.local.reading import read, scores, wanted
from muster.predictors.local.spread import cores, spread
from muster.predictors.order import better_order
from muster.predictors.probing import FIRST, from_all_over, plain
from muster.records import Probe
from muster.signature import Json

__all__ = ["probe"]

_QUICK = 0.5
"""Seconds to load, up to which a model may be loaded once more to be measured."""


def probe(draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
    """Ask about the sample, else about the model's own example; without either the model is loaded only."""
    description, declared = draft.description, draft.declared
    sample = from_all_over(sample)
    with open_raw(draft, site) as worker:
        started = time.perf_counter()
        facts = worker.start()
        loaded = time.perf_counter() - started
        example = description.example if sample is None else None
        schemas = (None if sample is None else sample.schema), (None if example is None else example.schema)
        signature = complete(facts, declared, description, *schemas)
        data = sample if sample is not None and sample.num_rows else from_all_over(example)
        asked = Asked()
        if data is not None and data.num_rows:
            asked = Asker(worker, parameters(signature, {}), site.settings.seconds("worker.call_seconds")).ask(
                signature, data
            )
        decision = decide(facts, asked.raw, declared, description)
        measured: dict[str, Json] = {}
        if asked.batch is not None and loaded < _QUICK:
            again = partial(open_raw, draft, site, cores())
            outputs = wanted(decision.reading)
            measured = spread(worker, again, asked.batch, parameters(signature, {}), outputs)
    target = declared.target or description.target
    notes = [*asked.notes, *decision.notes, *_labelled(asked, decision, target)]
    return Finding(
        task=decision.task,
        target=target,
        signature=signature,
        output=decision.output,
        reading=decision.reading,
        probe=Probe(
            rows=0 if asked.raw is None else asked.raw.num_rows,
            source="none" if asked.raw is None else "example" if data is not sample else "sample",
            seconds_to_load=round(loaded, 6),
            seconds_to_predict=round(asked.seconds, 6),
            python=str(facts["python"]),
            libraries=_libraries(facts),
            raw=_shown(facts, asked.raw),
            first=_first_rows(asked, decision),
            isolation=str(worker.reached),
        ),
        notes=tuple(notes),
        # The form of its data depends on what is installed where it loads: it is what the probe had, from now on.
        load=({"input": facts["input"]} if facts.get("input") else {}) | measured,
    )


def _labelled(asked: Asked, decision: Decision, target: str | None) -> list[str]:
    """A word of warning where the sample's own labels speak for another order of classes."""
    raw, rows, reading = asked.raw, asked.rows, decision.reading
    if raw is None or rows is None or target not in rows.schema.names or not reading.probabilities:
        return []
    if decision.task not in {"binary", "multiclass"} or pa.types.is_nested(rows.schema.field(target).type):
        return []
    actual = places(one_batch(rows.select([target])).column(0), reading.classes)
    order = better_order(scores(raw, reading, reading.classes), actual)
    if order is None:
        return []
    better = texts([reading.classes[i] for i in order])
    return [
        f"the sample's own `{target}` fits the probabilities better in the order {better}: see that the classes are in the right one"
    ]


def _libraries(facts: Mapping[str, Json]) -> dict[str, str]:
    told = facts.get("libraries")
    return {str(n): str(v) for n, v in told.items()} if isinstance(told, dict) else {}


def _shown(facts: Mapping[str, Json], raw: pa.RecordBatch | None) -> dict[str, Json]:
    """What the model told of itself, and the types of its raw answer."""
    told: dict[str, Json] = {
        k: v for k, v in facts.items() if k not in {"features", "libraries", "python"} and v not in (None, False)
    }
    columns: dict[str, Json] = {} if raw is None else {f.name: type_name(f.type) for f in raw.schema}
    return {"facts": told, "columns": columns}


def _first_rows(asked: Asked, decision: Decision) -> tuple[Json, ...]:
    if asked.raw is None:
        return ()
    answer = read(asked.raw.slice(0, FIRST), decision.reading, decision.output)
    return tuple(plain(row) for row in answer.to_pylist())
