"""The tour of models that someone else runs, without an account: endpoints of several kinds on this machine, and one model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from muster.demo.fitting import Weights, fitted
from muster.demo.flights import QUESTION, SCORED_MONTH, TRAINED_ON, month_file, months
from muster.demo.logistic import COLUMNS
from muster.demo.stand import ENDPOINT, TARGET, Stand, answering, left_out, stands
from muster.demo.told import Told, go_on
from muster.endpoint import Endpoint
from muster.errors import MissingExtra, SourceError, plural
from muster.hub import Hub
from muster.records import Run, Version, now
from muster.testing.endpoints import Account

__all__ = ["next_steps", "tour"]

CLASSES = ("no", "yes")
SCORED, SWAPPED = "databricks", "openinference"
COMPARED = 2_000
SAME = 1e-6


def tour(hub: Hub, folder: Path, told: Told) -> Run:
    """Safe to run again: the servers have their addresses again, and what has changed since becomes the next version."""
    months(hub, folder, told.talk)
    weights = _weights(folder, TRAINED_ON)
    sample = _flights(folder, TRAINED_ON[-1:])
    began = now()
    here = hub.register(
        "late", _written(folder, weights), target=TARGET, sample=sample, description=QUESTION, if_changed=True
    )
    told.registered(here, began)
    with stands(weights, told.talk, _ports(hub)) as found:
        connected = _connected(hub, found.values(), told)
        versions = {stand.kind: _registered(hub, stand, sample, told) for stand in connected}
        later = _flights(folder, [SCORED_MONTH])
        _compare(hub, [here, *versions.values()], later.slice(0, COMPARED), told)
        run = _score(hub, versions[SCORED], folder, told)
        _exchange(hub, versions[SWAPPED], found[SWAPPED][1], _weights(folder, TRAINED_ON[:1]), told)
    return run


def next_steps(folder: Path, muster: str, run: Run) -> str:
    """What needs no server, for they are gone."""
    return "The endpoints were servers on this machine, and are gone. " + go_on(
        folder,
        muster,
        "connection list",
        f"connection show demo-{SCORED}",
        f"version show {run.model}",
        f"version snapshots {ENDPOINT}-{SWAPPED}@latest",
        f"run show {run.id}",
        "event list",
    )


def _flights(folder: Path, months: Iterable[int]) -> pa.Table:
    """What the model takes, and the truth; of flights that arrived."""
    files = [month_file(folder, month) for month in months]
    return pa.concat_tables(pq.read_table(f, columns=[*COLUMNS, TARGET]) for f in files).drop_null()


def _weights(folder: Path, months: Iterable[int]) -> Weights:
    table = _flights(folder, months)
    return fitted(table, pc.equal(table[TARGET], CLASSES[-1]))


def _written(folder: Path, weights: Weights) -> Path:
    """The model as files that Muster registers like any others."""
    model = folder / "models" / "late"
    model.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("logistic.py"), model / "model.py")
    (model / "weights.json").write_text(json.dumps(weights, indent=1, sort_keys=True))
    return model


def _connected(hub: Hub, found: Iterable[tuple[Stand, Account]], told: Told) -> list[Stand]:
    """Those whose connection passes its test; the names of the steps are told once."""
    done: list[Stand] = []
    for stand, account in found:
        settings: dict[str, Any] = dict(account.settings)
        hub.connect(_name(stand), stand.kind, replace=True, **settings)
        try:
            steps = hub.test_connection(_name(stand), ENDPOINT if stand.lists else None)
        except MissingExtra as error:
            hub.remove_connection(_name(stand))
            told.talk(left_out(stand.kind, error))
            continue
        if failed := [s for s in steps if not s.passed]:
            raise SourceError(
                f"the connection `{_name(stand)}` fails at {failed[0].name}: {failed[0].told}",
                hint=failed[0].hint or "see whether a server on this machine can be reached at 127.0.0.1",
            )
        done.append(stand)
        told.talk(f"connected  {_name(stand)}  {', '.join(s.name for s in steps)}: ok")
    return done


def _ports(hub: Hub) -> dict[str, int]:
    """Where the servers were before: a connection leads to one place for ever."""
    urls = {
        c.kind: str(v) for c in hub.connections() for n, v in c.settings.items() if n in ("url", "host", "endpoint_url")
    }
    return {kind: port for kind, url in urls.items() if (port := urlsplit(url).port)}


def _name(stand: Stand) -> str:
    return f"demo-{stand.kind}"


def _registered(hub: Hub, stand: Stand, sample: pa.Table, told: Told) -> Version:
    """As the list of its account has it. One that was seen to have changed is registered anew, as one would do."""
    source = next(iter(hub.discover(_name(stand)))) if stand.lists else Endpoint(_name(stand))
    model, began = f"{ENDPOINT}-{stand.kind}", now()
    before = next(iter(hub.versions(model)), None) if any(m.name == model for m in hub.models()) else None
    version = hub.register(
        model,
        source,
        task="binary",
        target=TARGET,
        classes=CLASSES,
        sample=sample,
        description=f"{QUESTION} Asked of {stand.kind}",
        if_changed=before is None or not before.marks,
    )
    told.registered(version, began)
    return version


def _compare(hub: Hub, versions: list[Version], rows: pa.Table, told: Told) -> None:
    """All must say the same of the same rows: the label, and the probabilities where they give some."""
    answers = {v.ref: hub.predict(v.ref, rows) for v in versions}
    first = answers[versions[0].ref]
    for ref, answer in answers.items():
        same = answer["prediction"].equals(first["prediction"])
        if same and "probabilities" in answer.column_names:
            apart = pc.abs(pc.subtract(*(pc.list_flatten(a["probabilities"]) for a in (answer, first))))
            same = pc.max(apart).as_py() <= SAME
        if not same:
            raise SourceError(
                f"`{ref}` and `{versions[0].ref}` are one model, and answer differently",
                hint=f"`muster version show {ref}` says how it is asked and read",
            )
    told.talk(f"the same  {plural(len(answers), 'version')} predict the same of {plural(rows.num_rows, 'row')} of July")


def _score(hub: Hub, version: Version, folder: Path, told: Told) -> Run:
    run = hub.score(
        version.ref,
        month_file(folder, SCORED_MONTH),
        folder / "scored" / f"2013-{SCORED_MONTH:02}-{SCORED}.parquet",
        keep=["date", "carrier", "flight", "late"],
        overwrite=True,
    )
    told.scored(run)
    served = run.summary["served_by"]
    assert isinstance(served, dict)
    told.talk(f"served by  {', '.join(f'{name}: {rows:,} rows' for name, rows in served.items())}")
    return run


def _exchange(hub: Hub, version: Version, account: Account, other: Weights, told: Told) -> None:
    """Nothing but the answers tells that the model was exchanged."""
    for act in ("looked at again", "the model behind it was exchanged in silence"):
        seen = hub.snapshot(version.ref)
        told.talk("  ".join(("changed" if seen.changes else "unchanged", version.ref, act, *seen.changes)))
        account.swap(ENDPOINT, answering(other))
