"""ResponseSpec: where predictions stand in the body of a response, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from muster.errors import InvalidInput, near
from muster.predictors.external.codecs.given import Given
from muster.predictors.external.codecs.tables import RESPONSES, response_named
from muster.signature import Json, Scalar, type_from_json

__all__ = ["MEANING", "RESPONSE", "Activation", "Meaning", "ResponseSpec", "Row", "Scores"]

Activation: TypeAlias = Literal["none", "sigmoid", "softmax", "ranking"]
Row: TypeAlias = Literal["", "value", "object", "list", "line", "columns", "tensors"]
Kind: TypeAlias = Literal["list", "map", "pairs", "fields", "score"]
_Format: TypeAlias = Literal["auto", "json", "jsonlines", "csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Where the numbers of classes are.

    `list`: a column with a list in the order of the classes, or of those that the column `classes` names row by row.
    `map`: a column with an object by class. `pairs`: a column with a list of class and number. `fields`: a column for each
    class, in their order. `score`: a column with one number, of the last class, or of the label where `of` says so.
    """

    kind: Kind
    columns: tuple[str, ...]
    classes: str | None = None
    of: Literal["last", "label"] = "last"

    @property
    def column(self) -> str:
        return self.columns[0]

    def to_json(self) -> Json:
        told: dict[str, Json] = {self.kind: list(self.columns) if self.kind == "fields" else self.column}
        if self.classes is not None:
            told["classes"] = self.classes
        return {**told, "of": "label"} if self.of == "label" else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the columns of a response mean. The empty name is that of the whole row.

    `activation` says what `probabilities` are: probabilities (`none`), what gives them (`sigmoid`, `softmax`), or numbers of
    which the highest tells the label and no more (`ranking`). `classes` are in the endpoint's own order; where `codes`,
    a label is the place of its class among them. `flags` are those of a multilabel task.
    """

    label: str | None = None
    value: str | None = None
    probabilities: Scores | None = None
    flags: Scores | None = None
    activation: Activation = "none"
    classes: tuple[Scalar, ...] = ()
    codes: bool = False
    threshold: float | None = None

    @property
    def empty(self) -> bool:
        return self.label is None and self.value is None and self.probabilities is None and self.flags is None

    @property
    def gives_probabilities(self) -> bool:
        return self.probabilities is not None and self.activation != "ranking"

    def to_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {
            "label": self.label,
            "value": self.value,
            "probabilities": None if self.probabilities is None else self.probabilities.to_json(),
            "flags": None if self.flags is None else self.flags.to_json(),
            "classes": list(self.classes) or None,
            "threshold": self.threshold,
            "activation": self.activation if self.activation != "none" else None,
            "codes": self.codes or None,
        }
        return {k: v for k, v in told.items() if v is not None}


MEANING = ("label", "value", "probabilities", "flags", "activation", "classes", "codes", "threshold")
RESPONSE = ("format", "within", "rows", "row", "single", "header", "columns", "error", "type", "targets", *MEANING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSpec:
    """How a body is read, stage by stage.

    `within` are paths of texts that hold the rest, outermost first: JSON in JSON, or CSV in JSON. `format` is that of the
    innermost, `rows` the path to its rows. `row` is what one is: a `value` (a number, a label, a list of probabilities), an
    `object`, a `list` of the fields `columns`; or there are `columns` by name, `tensors`, or all values on one `line`.
    `single`: what is at the path is one row itself. `header`: CSV begins with names. `error` is the member of a row that
    says why it has no prediction. `type` is that of the prediction where neither task nor classes tell.
    """

    format: _Format = "auto"
    within: tuple[tuple[str | int, ...], ...] = ()
    rows: tuple[str | int, ...] | None = None
    row: Row = ""
    single: bool = False
    header: bool = False
    columns: tuple[str, ...] = ()
    error: str = "error"
    type: Json = None
    meaning: Meaning = field(default_factory=Meaning)
    targets: Mapping[str, Meaning] = field(default_factory=dict)

    @property
    def frozen(self) -> bool:
        """Whether nothing is left to be found in a body."""
        return self.format != "auto" and self.row != "" and bool(self.targets or not self.meaning.empty)

    @property
    def by_name(self) -> bool:
        """Whether the numbers of classes stand beside their names, in the body itself: fields that have none are known by their places."""
        scores = self.meaning.probabilities
        if scores is None:
            return False
        named = self.header or self.row in ("object", "columns", "tensors")
        return scores.kind in ("map", "pairs") or scores.classes is not None or (scores.kind == "fields" and named)

    def to_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {
            "format": self.format,
            "within": [list(path) for path in self.within] or None,
            "rows": None if self.rows is None else list(self.rows),
            "row": self.row or None,
            "single": self.single or None,
            "header": self.header or None,
            "columns": list(self.columns) or None,
            "error": self.error if self.error != "error" else None,
            "type": self.type,
            "targets": {n: m.to_json() for n, m in self.targets.items()} or None,
            **self.meaning.to_json(),
        }
        return {k: v for k, v in told.items() if v is not None}

    @classmethod
    def from_json(cls, document: Json | ResponseSpec) -> ResponseSpec:
        """A name, a constant of Dataiku's, or a dictionary. InvalidInput says all that is wrong."""
        if isinstance(document, ResponseSpec):
            return document
        if isinstance(document, str):
            document = {"format": document}
        if not isinstance(document, Mapping):
            raise InvalidInput(f"{document!r} is no response format", hint="give a name, or an object")
        given = Given(_preset(document), RESPONSE, "the response format")
        spec = _read(given)
        _check(spec, given)
        given.raise_if_wrong("see `muster.decode` for the formats and their keys")
        return spec


def _preset(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """With what the format's name stands for."""
    name = document.get("format", "auto")
    if not isinstance(name, str) or name not in response_named:
        raise InvalidInput(
            f"`{name}` is no response format{near(str(name), response_named)}",
            hint=f"the response formats are {', '.join(RESPONSES)}",
        )
    return {"format": "auto", **response_named[name].given, **{k: v for k, v in document.items() if k != "format"}}


def _read(given: Given) -> ResponseSpec:
    targets = {}
    for name, told in given.members("targets").items():
        if isinstance(told, Mapping):
            inner = Given(told, MEANING, f"the target `{name}`")
            targets[name] = _meaning(inner)
            given.wrong += inner.wrong
        elif isinstance(told, str):
            targets[name] = Meaning(value=told)
        else:
            given.wrong.append(f"the target `{name}` is {told!r} and neither a column nor an object")
    return ResponseSpec(
        format=given.choice("format", get_args(_Format), "auto"),
        within=_paths(given),
        rows=_path(given),
        row=given.choice("row", get_args(Row), ""),
        single=given.flag("single"),
        header=given.flag("header"),
        columns=given.texts("columns"),
        error=given.text("error", "error"),
        type=given.document.get("type"),
        meaning=_meaning(given),
        targets=targets,
    )


def _path(given: Given) -> tuple[str | int, ...] | None:
    value = given.document.get("rows")
    if value is None:
        return None
    return (value,) if isinstance(value, str) else _steps(given, "rows", value)


def _paths(given: Given) -> tuple[tuple[str | int, ...], ...]:
    value = given.document.get("within")
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or len(value) > 2:
        given.refuse("within", "a list of two paths at most, each to a text that holds the rest")
        return ()
    return tuple(_steps(given, "within", path) for path in value)


def _steps(given: Given, key: str, value: Json) -> tuple[str | int, ...]:
    steps = value if isinstance(value, (list, tuple)) else [None]
    found = tuple(s for s in steps if isinstance(s, (str, int)) and not isinstance(s, bool))
    if len(found) < len(steps):
        given.refuse(key, "a path: a list of names, and numbers within lists")
    return found


def _meaning(given: Given) -> Meaning:
    return Meaning(
        label=given.text("label") if given.has("label") else None,
        value=given.text("value") if given.has("value") else None,
        probabilities=_scores(given, "probabilities"),
        flags=_scores(given, "flags"),
        activation=given.choice("activation", get_args(Activation), "none"),
        classes=given.classes("classes"),
        codes=given.flag("codes"),
        threshold=given.number("threshold"),
    )


_SCORES = ("list", "map", "pairs", "fields", "score", "prefix", "suffix", "classes", "of")


def _scores(given: Given, key: str) -> Scores | None:
    if isinstance(given.document.get(key), str):
        return Scores(kind="list", columns=(given.text(key),))
    told = given.members(key)
    if not told:
        return None
    inner = Given(told, _SCORES, f"`{key}`")
    affixes = inner.text("prefix"), inner.text("suffix")
    kinds = [k for k in get_args(Kind) if inner.has(k)] + (["prefix and suffix"] if any(affixes) else [])
    if len(kinds) != 1:
        said = f"says {' and '.join(kinds)}" if kinds else "says none of them"
        inner.wrong.append(f"`{key}` says where the classes are in one way, and {said}")
    found = _of_kind(inner, kinds[0], affixes, given.classes("classes")) if kinds else None
    given.wrong += inner.wrong
    return found


def _of_kind(inner: Given, kind: str, affixes: tuple[str, str], classes: tuple[Scalar, ...]) -> Scores | None:
    if kind == "prefix and suffix":
        prefix, suffix = affixes
        if not classes:
            inner.wrong.append("a prefix or suffix needs `classes`: their names stand between")
        return Scores(kind="fields", columns=tuple(f"{prefix}{c}{suffix}" for c in classes)) if classes else None
    if kind == "fields":
        return Scores(kind="fields", columns=inner.texts("fields"))
    names = inner.text("classes") if inner.has("classes") else None
    of: Literal["last", "label"] = "label" if inner.choice("of", ("last", "label"), "last") == "label" else "last"
    known = {one: one for one in get_args(Kind)}
    return Scores(kind=known[kind], columns=(inner.text(kind),), classes=names, of=of)


def _check(spec: ResponseSpec, given: Given) -> None:
    for meaning in (spec.meaning, *spec.targets.values()):
        _check_meaning(meaning, given)
    if spec.type is not None:
        try:
            type_from_json(spec.type)
        except InvalidInput as error:
            given.wrong.append(f"`type` is wrong: {error.message}")
    if spec.row in ("columns", "tensors") and spec.format in ("csv", "jsonlines"):
        given.wrong.append(f"`row` is `{spec.row}`, which is of JSON alone, and the format is `{spec.format}`")
    if spec.row == "line" and spec.format not in ("csv", "auto"):
        given.wrong.append(f"`row` is `line`, which is of CSV alone, and the format is `{spec.format}`")
    if spec.header and spec.format not in ("csv", "auto"):
        given.wrong.append(f"`header` is of CSV alone, and the format is `{spec.format}`")
    if spec.rows and spec.format in ("csv", "jsonlines"):
        given.wrong.append(f"`rows` is a path in JSON, and the format is `{spec.format}`")
    if spec.single and spec.row in ("line", "columns", "tensors"):
        given.wrong.append(f"`single` says that the document is a row, and `row` that it is `{spec.row}`")


def _check_meaning(meaning: Meaning, given: Given) -> None:
    scores, classes = meaning.probabilities, meaning.classes
    if meaning.threshold is not None and not 0 <= meaning.threshold <= 1:
        given.wrong.append(f"`threshold` is {meaning.threshold} and not from 0 to 1")
    if scores is None:
        return
    if scores.kind == "fields" and classes and len(scores.columns) != len(classes):
        given.wrong.append(f"`probabilities` has {len(scores.columns)} fields, and there are {len(classes)} classes")
    if scores.kind == "score" and meaning.activation in ("softmax", "ranking"):
        given.wrong.append(f"`activation` is `{meaning.activation}`, which one score alone cannot have")
    if scores.of == "label" and meaning.label is None:
        given.wrong.append("`probabilities` are `of` the label, and no `label` is given")
    if scores.classes is not None and scores.kind != "list":
        given.wrong.append(f"`classes` of `probabilities` go with a `list`, and it is a `{scores.kind}`")
