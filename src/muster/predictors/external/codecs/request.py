"""RequestSpec: how rows become the body of a request, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias, get_args

from muster.errors import InvalidInput, near
from muster.predictors.external.codecs import template as templates
from muster.predictors.external.codecs.given import Given
from muster.predictors.external.codecs.tables import REQUESTS, RequestFormat, request_named
from muster.signature import Json, type_from_json

__all__ = ["Missing", "RequestSpec"]

Missing: TypeAlias = Literal["null", "empty", "omit", "NaN"]

_HINT = "see `muster.encode` for the formats and their options"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """`columns` are sent, in this order; none means those of the batch. `rename` has a column's name on the wire, `dtypes` its type there.

    `nan` is what a null or a number that is not finite is sent as. `dates` is `iso`, `epoch_s`, `epoch_ms` or a pattern of
    strftime; `booleans` two words, where `true/false` and `1/0` stand for what JSON has. `input` names what the
    format names: a tensor, a port. `tensors`, `datatype` and `column_rank` are of `oip-v2` alone. `params` are
    sent with each request, unless a call says otherwise; `extra` are further members of the document.
    """

    format: str
    columns: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    nan: Missing = "null"
    dates: str = "iso"
    decimals: Literal["number", "string"] = "number"
    booleans: str = "true/false"
    strings_only: bool = False
    header: bool = False
    input: str = ""
    tensors: Literal["matrix", "columns"] = "matrix"
    datatype: str = ""
    column_rank: Literal["1", "2"] = "2"
    template: Json = None
    lines: bool = False
    params: Mapping[str, Json] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)
    content_type: str = ""
    accept: str = ""

    @property
    def about(self) -> RequestFormat:
        return REQUESTS[self.format]

    @property
    def document(self) -> Json:
        """The template that is filled in."""
        return self.template if self.format == "template" else self.about.template

    @property
    def by_name(self) -> bool:
        """Whether names of columns go with the values, so that their order is of no weight."""
        match self.about.frame:
            case "csv":
                return self.header
            case "tensors":
                return self.tensors == "columns"
        return templates.has_names(self.document)

    @property
    def one_row(self) -> bool:
        """Whether a request takes a single row."""
        return not self.lines and self.about.frame == "json" and templates.takes_one_row(self.document)

    @property
    def carries_params(self) -> bool:
        """Whether inference parameters can be sent."""
        return bool(self.about.params) or templates.takes_params([self.document, dict(self.extra)])

    def to_json(self) -> dict[str, Json]:
        """All that differs from what the format's name alone stands for."""
        usual = _read(Given({}, (), ""), self.about)
        told: dict[str, Json] = {"format": self.format}
        for one in fields(self):
            value = getattr(self, one.name)
            if value != getattr(usual, one.name):
                told[one.name] = list(value) if isinstance(value, tuple) else value
        return told

    @classmethod
    def from_json(cls, document: Json | RequestSpec) -> RequestSpec:
        """A name, a constant of Dataiku's, or a dictionary. InvalidInput says all that is wrong."""
        if isinstance(document, RequestSpec):
            return document
        if isinstance(document, str):
            document = {"format": document}
        if not isinstance(document, Mapping):
            raise InvalidInput(f"{document!r} is no request format", hint="give a name, or an object with a `format`")
        given = Given(document, [f.name for f in fields(cls)], "the request format")
        about = _format(given)
        spec = _read(given, about)
        _check(spec, given)
        given.raise_if_wrong(_HINT)
        return spec


def _format(given: Given) -> RequestFormat:
    name = given.document.get("format")
    if name is None and given.has("template"):
        name = "template"
    if isinstance(name, str) and name in request_named:
        return request_named[name]
    if name is None:
        given.wrong.append("the request format has no `format`")
    else:
        given.wrong.append(f"`{name}` is no request format{near(str(name), request_named)}")
    given.raise_if_wrong(f"the request formats are {', '.join(REQUESTS)}")
    return REQUESTS["csv"]  # not reached: something was wrong


def _read(given: Given, about: RequestFormat) -> RequestSpec:
    return RequestSpec(
        format=about.name,
        columns=given.texts("columns"),
        rename=_texts_by_name(given, "rename"),
        dtypes=_texts_by_name(given, "dtypes"),
        nan=given.choice("nan", get_args(Missing), "empty" if about.frame == "csv" else "null"),
        dates=given.text("dates", "iso"),
        decimals=given.choice("decimals", ("number", "string"), "number"),
        booleans=given.text("booleans", "true/false"),
        strings_only=given.flag("strings_only", default=about.strings_only),
        header=given.flag("header"),
        input=given.text("input"),
        tensors=given.choice("tensors", ("matrix", "columns"), "matrix"),
        datatype=given.choice("datatype", ("", *_DATATYPES), ""),
        column_rank=given.choice("column_rank", ("1", "2"), "2"),
        template=given.document.get("template"),
        lines=given.flag("lines", default=about.frame == "lines"),
        params=given.members("params"),
        extra=given.members("extra"),
        content_type=given.text("content_type"),
        accept=given.text("accept"),
    )


_DATATYPES = (
    *("FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"),
    *("BOOL", "BYTES"),
)


def _texts_by_name(given: Given, key: str) -> Mapping[str, str]:
    found = given.members(key)
    if all(isinstance(v, str) and v for v in found.values()):
        return {k: str(v) for k, v in found.items()}
    given.refuse(key, "an object of texts")
    return {}


def _check(spec: RequestSpec, given: Given) -> None:
    """What each key alone cannot show."""
    frame = spec.about.frame
    words = spec.booleans.split("/")
    if len(words) != 2 or not all(words) or words[0] == words[1]:
        given.refuse("booleans", "two words such as `true/false`, `1/0` or `yes/no`")
    if spec.dates not in ("iso", "epoch_s", "epoch_ms") and "%" not in spec.dates:
        given.refuse("dates", f"iso, epoch_s, epoch_ms or a pattern such as `%Y-%m-%d`{near(spec.dates, _DATES)}")
    for name, kind in spec.dtypes.items():
        _check_type(name, kind, given)
    if spec.columns:
        for key, told in (("rename", spec.rename), ("dtypes", spec.dtypes)):
            _check_columns(key, told, spec.columns, given)
    _check_wire_names(spec, given)
    if spec.nan == "omit" and (frame in ("csv", "tensors") or templates.is_positional(spec.document)):
        given.wrong.append(
            f"`nan` is `omit`, and in `{spec.format}` values are told apart by their places: a missing one would move the rest"
        )
    _check_template(spec, given)
    _check_applies(spec, given)


_DATES = ("iso", "epoch_s", "epoch_ms")


def _check_type(name: str, kind: str, given: Given) -> None:
    try:
        type_from_json(kind)
    except InvalidInput:
        given.wrong.append(f"`dtypes` has `{kind}` for `{name}`, which is no type{near(kind, _TYPES)}")


_TYPES = ("string", "int32", "int64", "float", "double", "bool", "date32", "timestamp[us]")


def _check_columns(key: str, told: Mapping[str, str], columns: Sequence[str], given: Given) -> None:
    given.wrong += [
        f"`{key}` has `{n}`, which is none of `columns`{near(n, columns)}" for n in told if n not in columns
    ]


def _check_wire_names(spec: RequestSpec, given: Given) -> None:
    names = [spec.rename.get(c, c) for c in spec.columns] or list(spec.rename.values())
    if twice := sorted({n for n in names if names.count(n) > 1}):
        given.wrong.append(f"two columns would be sent as {', '.join(f'`{n}`' for n in twice)}")


def _check_template(spec: RequestSpec, given: Given) -> None:
    if spec.format != "template":
        if spec.template is not None:
            given.wrong.append(f"`template` is given, and the format is `{spec.format}` and not `template`")
        return
    if spec.template is None:
        given.wrong.append("the format is `template`, and no `template` is given")
        return
    each: Json = {"$each": spec.template}
    given.wrong += templates.problems(each if spec.lines else spec.template)


_ONLY: Mapping[str, tuple[str, ...]] = {
    "header": ("csv",),
    "tensors": ("tensors",),
    "datatype": ("tensors",),
    "column_rank": ("tensors",),
}


def _check_applies(spec: RequestSpec, given: Given) -> None:
    """Options that would be passed over."""
    frame = spec.about.frame
    for key, frames in _ONLY.items():
        if given.has(key) and frame not in frames:
            given.wrong.append(f"`{key}` means nothing to the format `{spec.format}`")
    if given.has("input") and not spec.about.input and spec.format != "template":
        given.wrong.append(f"`input` means nothing to the format `{spec.format}`, which names no input")
    if given.has("lines") and spec.lines != (frame == "lines") and spec.format != "template":
        given.wrong.append(f"`lines` is of the format `template`, and `{spec.format}` has its own")
    if spec.params and not spec.carries_params:
        given.wrong.append(f"`params` are given, and the format `{spec.format}` carries none")
    if spec.extra and frame == "csv":
        given.wrong.append("`extra` members are given, and CSV has no members")
