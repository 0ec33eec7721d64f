"""A version as people read it: what is it, what does it take and give, where does it run, what was found out about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from muster.cli.endpoints import endpoint_facts, is_endpoint
from muster.cli.render import Column, Sheet
from muster.cli.text import duration, exact, listed, plural, size
from muster.signature import type_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from muster.records import Environment, Probe, Version
    from muster.signature import Column as SignatureColumn
    from muster.signature import Parameter

__all__ = ["output_words", "version_sheet"]


def version_sheet(version: Version, built: Mapping[str, int]) -> Sheet:
    """`built` has the packages of each environment that is built on this machine, by its key."""
    sheet = Sheet(version.ref)
    sheet.fact("", version.description)
    sheet.fact("origin", version.origin)
    sheet.fact("source", version.source)
    sheet.fact("digest", f"{version.digest}  {size(version.size)}" if version.artifact else version.digest)
    sheet.fact("task", version.task)
    sheet.unknown("target", version.target)
    sheet.fact("classes", _classes(version))
    if version.task == "binary":
        sheet.fact(
            "threshold", "none: the model's own label stands" if version.threshold is None else f"{version.threshold:g}"
        )
    sheet.table("takes", version.signature.columns, _COLUMNS)
    if version.signature.positional:
        sheet.fact("", "by position: the model only knows how many columns there are")
    if version.signature.parameters:
        sheet.table("parameters", version.signature.parameters, _PARAMETERS)
    sheet.fact("gives", *output_words(version))
    endpoint_facts(sheet, version)
    _environment(sheet, version.environment, built)
    _probe(sheet, version.probe)
    sheet.fact("isolation", _isolation(version))
    sheet.fact("scored by", _spread(version))
    _lineage(sheet, version)
    sheet.fact("findings", *_findings(version))
    sheet.fact("notes", *version.notes)
    sheet.fact("marks", *version.marks)
    sheet.fact("aliases", listed(version.aliases) if version.aliases else "")
    sheet.fact("tags", *(f"{k}={v}" for k, v in version.tags.items()))
    sheet.fact("registered", f"{exact(version.created_at)} by {version.created_by}")
    sheet.fact("id", version.id)
    return sheet


def _type(kind: pa.DataType) -> str:
    told = type_to_json(kind)
    return told if isinstance(told, str) else json.dumps(told)


def _column_type(column: SignatureColumn) -> str:
    if column.tensor is None:
        return _type(column.type)
    return f"tensor {column.tensor.dtype} {list(column.tensor.shape)}"


_COLUMNS: list[Column[SignatureColumn]] = [
    Column("column", lambda c: c.name),
    Column("type", _column_type),
    Column("may be", lambda c: " or ".join(w for w, so in (("absent", not c.required), ("null", c.nullable)) if so)),
]
_PARAMETERS: list[Column[Parameter]] = [
    Column("parameter", lambda p: p.name),
    Column("type", lambda p: f"list of {_type(p.type)}" if p.many else _type(p.type)),
    Column("default", lambda p: json.dumps(p.default)),
]


def _findings(version: Version) -> list[str]:
    """What scanning its files for code showed, by file and severity."""
    told: dict[tuple[str, str], list[str]] = {}
    for found in version.findings:
        told.setdefault((str(found["severity"]), str(found["file"])), []).append(str(found["global"]))
    return [f"{severity}: {file} refers to {listed(names, 6)}" for (severity, file), names in told.items()]


def _classes(version: Version) -> str:
    if not version.classes:
        return ""
    positive = f"  (positive: {version.classes[-1]})" if version.task == "binary" else ""
    return listed(version.classes, 20) + positive


def output_words(version: Version) -> list[str]:
    """How the model's raw answer becomes predictions."""
    if is_endpoint(version):
        return _of_endpoint(version)
    reading, told = version.reading, []
    kind = _type(version.output.type)
    if version.output.targets:
        source = f"from `{reading.value}`" if reading.value is not None else "each from the column of its name"
        told.append(f"prediction: {listed(f'{n} ({o.task})' for n, o in version.output.targets.items())}, {source}")
    elif reading.value is not None:
        told.append(f"prediction: {kind}, from `{reading.value}`")
    elif version.threshold is not None:
        told.append(f"prediction: {kind}, {version.classes[-1]} from p ≥ {version.threshold:g}")
    elif reading.label is not None:
        codes = f", whose numbers 0, 1, … stand for {listed(reading.classes, 20)}" if reading.codes else ""
        told.append(f"prediction: {kind}, the model's own label, from `{reading.label}`{codes}")
    elif reading.probabilities:
        told.append(f"prediction: {kind}, {_chosen(version)}")
    else:
        told.append("prediction: all that the model answers, by the names of its columns")
    if reading.probabilities:
        told.append(_probabilities(version))
    return told


def _of_endpoint(version: Version) -> list[str]:
    """Its schema; what of the answer becomes what, stands with its format."""
    told = [f"prediction: {_type(version.output.type)}"]
    if version.output.probabilities:
        told.append(f"probabilities: {listed(version.classes, 20)}")
    return told


def _chosen(version: Version) -> str:
    match version.task:
        case "binary":
            return f"{version.classes[-1]} from p ≥ 0.5"
        case "multilabel":
            return "each class from p ≥ 0.5"
    return "the most probable class"


def _probabilities(version: Version) -> str:
    reading = version.reading
    names = listed((f"`{n}`" for n in reading.probabilities), 4)
    told = (
        f"probabilities: {listed(version.classes, 20)}, from {names}"
        if version.classes
        else f"probabilities: from {names}"
    )
    if reading.activation != "none":
        told += f" by {reading.activation}"
    if reading.classes and tuple(map(str, reading.classes)) != tuple(map(str, version.classes)):
        told += f"; the model's own order is {listed(reading.classes, 20)}"
    return told


def _environment(sheet: Sheet, environment: Environment | None, built: Mapping[str, int]) -> None:
    if environment is None:
        return
    if environment.kind == "executable":
        where = f"the Python at {environment.executable}"
    elif environment.key in built:
        where = f"built here, {plural(built[environment.key], 'package')}"
    else:
        where = "not built here: this Python is used where it has all that is locked"
    sheet.fact(
        "environment",
        f"Python {environment.python}, {where}",
        listed(environment.requirements) if environment.requirements else "",
    )


_NAMED = ("server", "name", "version")
_PARTS = ("aliases", "stage", "source", "user", "created_at", "tags")
_RUN = ("id", "name", "user", "status", "ended_at", "metrics", "params", "tags")


def _lineage(sheet: Sheet, version: Version) -> None:
    """What its source tells of it, and of the run that made it."""
    sheet.fact("imported from", version.imported)
    told = version.lineage
    parts = _PARTS if version.imported else (*_NAMED, *_PARTS)
    lines = [f"{k.removesuffix('_at')}: {_told(told[k])}" for k in parts if k in told]
    for part, ident in (("run", "run_id"), ("model", "model_id")):
        of = told.get(part)
        if isinstance(of, dict):
            lines += [f"{part} {k.removesuffix('_at')}: {_told(of[k])}" for k in _RUN if k in of]
        elif ident in told:
            lines.append(f"{part} id: {told[ident]}")
    sheet.fact("lineage", *lines)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return listed((f"{k}={_short(v)}" for k, v in value.items()), 8)
    return listed(value) if isinstance(value, list) else str(value)


def _probe(sheet: Sheet, probe: Probe | None) -> None:
    """What the one prediction at registration showed."""
    if probe is None:
        return
    tried = f"loaded in {duration(probe.seconds_to_load)}, " if probe.python else ""
    if probe.source == "none":
        tried += "not asked for want of rows"
    else:
        rows = f"{plural(probe.rows, 'row')} of {'the sample' if probe.source == 'sample' else 'its own example'}"
        tried += f"predicted {rows} in {duration(probe.seconds_to_predict)}"
    calls = probe.raw.get("calls")
    if probe.python:
        tried += f", under Python {probe.python}"
    elif isinstance(calls, int):
        tried += f", {plural(calls, 'call')} in all"
    sheet.fact("tried", tried)
    sheet.fact("", listed(f"{name} {found}" for name, found in probe.libraries.items()) if probe.libraries else "")
    sheet.fact("answered", *(json.dumps(_short(answer), ensure_ascii=False) for answer in probe.first[:3]))
    sheet.fact("", *probe.notes)


def _isolation(version: Version) -> str:
    """How far its worker was shut in, and what it asks for."""
    reached = version.probe.isolation if version.probe is not None else None
    return ", ".join(t for t in (reached, "asks for the network" if version.load.get("network") else None) if t)


def _spread(version: Version) -> str:
    """How a scoring is spread over the cores, where that was measured."""
    gain = f" (quicker by {version.load['gain']} than one core)" if "gain" in version.load else ""
    match version.load.get("spread"):
        case "threads":
            return f"one worker, whose library uses all cores itself{gain}"
        case "workers":
            return f"a worker on each core{gain and f'; its library uses several itself{gain}'}"
    return ""


def _short(value: object) -> object:
    """Numbers to three places: enough to see what kind of answer it is."""
    match value:
        case float():
            return round(value, 3)
        case list():
            return [_short(v) for v in value]
        case dict():
            return {k: _short(v) for k, v in value.items()}
    return value
