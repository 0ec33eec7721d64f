"""The bytes of a response as a document: JSON, lines of JSON, or records of CSV, out of the texts that they may be wrapped in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from muster.errors import ModelFailed, shortened
from muster.predictors.external.codecs.response import ResponseSpec

__all__ = ["document", "follow", "load_csv", "load_json", "load_lines", "refuse_error", "text_of"]

_PAGE = "see what answers at this address: it looks like the page of a proxy or of a login, and not like a model"
_FORM = "a model must answer in one form: register it again if its form has changed"


def text_of(body: bytes, content_type: str) -> str:
    """The body as text. ModelFailed says what it is that cannot be an answer."""
    charset = content_type.partition("charset=")[2].partition(";")[0].strip().strip("\"'").lower() or "utf-8"
    try:
        text = body.decode("utf-8-sig" if charset in ("utf-8", "utf8") else charset)
    except (LookupError, UnicodeError, ValueError):
        raise ModelFailed(
            f"the endpoint answered bytes that are no text ({len(body):,} of them, {content_type or 'without a content type'})",
            hint="ask for JSON or CSV with `accept`",
        ) from None
    inner = text.strip()
    if not inner:
        raise ModelFailed("the endpoint answered nothing: the body is empty", hint="see the endpoint's log")
    if inner.startswith("<"):
        raise ModelFailed(f"the endpoint answered a page and no prediction: {shortened(inner)!r}", hint=_PAGE)
    return text


def document(text: str, spec: ResponseSpec) -> Any:
    """What is innermost."""
    for path in spec.within:
        inner = follow(load_json(text), path)
        if not isinstance(inner, str):
            raise ModelFailed(
                f"the answer has {_shown(inner)} where a text was that holds the predictions",
                hint=_FORM,
            )
        text = inner
    match spec.format:
        case "csv":
            return load_csv(text)
        case "jsonlines":
            return load_lines(text)
    return load_json(text)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would hide one of two answers."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [k for k, _ in pairs]
        twice = next(k for k in names if names.count(k) > 1)
        raise ModelFailed(f"the answer has the key `{twice}` twice in one object", hint="mend what writes the answer")
    return found


def load_json(text: str) -> Any:
    """JSON, with NaN and Infinity as some servers write them."""
    try:
        return _whole_characters(text, json.loads(text, object_pairs_hook=_object))
    except json.JSONDecodeError as error:
        _no_json(text, error)
    except RecursionError:
        raise ModelFailed("the answer is nested too deeply", hint="see what answers at this address") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise ModelFailed(f"the answer is no JSON: {error}", hint="see the endpoint's log") from None


_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def _whole_characters(text: str, found: Any) -> Any:
    """With `?` for half of a surrogate pair, which JSON can spell and no text can hold."""
    if not _HALF.search(text):
        return found
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))


def _no_json(text: str, error: json.JSONDecodeError) -> NoReturn:
    framed = text.lstrip()[:1] in ("[", "{") and text.rstrip()[-1:] not in ("]", "}")
    cut = framed or error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if cut:
        raise ModelFailed(
            f"the answer breaks off after {len(text):,} characters: {error.msg}",
            hint="send fewer rows together, or try again",
        )
    near_by = text[max(0, error.pos - 20) : error.pos + 20]
    raise ModelFailed(
        f"the answer is no JSON: {error.msg} at character {error.pos:,}, near {near_by!r}",
        hint="see what the endpoint answers",
    )


def load_lines(text: str) -> list[Any]:
    """JSON on each line. Only a line feed ends one: other separators may stand within texts."""
    lines = text.strip().split("\n")
    return [load_json(line) for line in lines if line.strip()]


def load_csv(text: str) -> list[list[str]]:
    """Records. Blank lines at the end are none; in between, one is a record with an empty field."""
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise ModelFailed(f"the answer is no CSV: {error}", hint="see what the endpoint answers") from None
    while records and not any(records[-1]):
        records.pop()
    return [r or [""] for r in records]


def follow(found: Any, path: Sequence[str | int]) -> Any:
    """What is at the path; ModelFailed with the endpoint's own error where it says one instead."""
    for step in path:
        refuse_error(found)
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            have = ", ".join(f"`{k}`" for k in list(found)[:8]) if isinstance(found, dict) else _shown(found)
            raise ModelFailed(
                f"the answer has no `{step}` where the predictions are; it has {have or 'nothing'}", hint=_FORM
            ) from None
    return found


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False))


_ERRORS = ("error", "errors", "error_code", "errorMessage", "error_message", "exception", "stack_trace", "Error")
_TALK = ("message", "Message", "detail", "msg")
_ENVELOPE = frozenset(
    {*_TALK, "status", "code", "statusCode", "type", "title", "requestId", "request_id", "timestamp", "path"}
)
"""Members of what says that something went wrong, and of no prediction."""


def refuse_error(found: Any) -> None:
    """ModelFailed if the document says that it is an error."""
    if not isinstance(found, dict):
        return
    said = [k for k in _ERRORS if _is_error(found.get(k))]
    if not said and set(found) <= _ENVELOPE:
        said = [k for k in _TALK if found.get(k)]
    if said:
        told = "; ".join(_told(found[k]) for k in (*said, *(t for t in _TALK if t not in said)) if found.get(k))
        raise ModelFailed(f"the endpoint answered an error: {told}", hint="see the endpoint's log")


def _is_error(said: Any) -> bool:
    """A list with nulls in it tells of rows: of those that are good too."""
    return bool(said) and (isinstance(said, (str, dict)) or (isinstance(said, list) and None not in said))


def _told(value: Any) -> str:
    if isinstance(value, dict):
        value = next((value[k] for k in _TALK if isinstance(value.get(k), str)), value)
    return shortened(value if isinstance(value, str) else json.dumps(value), 500)
