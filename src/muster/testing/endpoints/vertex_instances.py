"""From the lines of a batch prediction job's objects to the instances that its model gets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muster.objects.place import Place as At
from muster.testing.endpoints.batch_objects import fetched, starting_with

__all__ = ["Instance", "JobFailed", "instances"]


class JobFailed(Exception):
    """Why a job as a whole, or a batch of it, came to nothing."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Instance:
    """A line: what the model gets of it, and what stands for it in the output; `fault` if it cannot be made an instance."""

    sent: Any
    shown: Mapping[str, Any]
    fault: str = ""


def instances(asked: Mapping[str, Any]) -> list[Instance]:
    """Those of all objects, in order."""
    return [
        _instance(line, asked.get("instanceConfig", {})) for line in _lines(asked["inputConfig"]["gcsSource"]["uris"])
    ]


def _lines(uris: list[str]) -> Iterator[str]:
    found = False
    for uri in uris:
        for at in _matching(uri):
            found = True
            yield from (line for line in fetched(at).decode().split("\n") if line.strip())
    if not found:
        raise JobFailed(3, f"No files matched by {', '.join(uris)}")


def _matching(uri: str) -> Iterator[At]:
    """Objects of a URI; `*` stands for anything within a name, `**` for folders too."""
    plain, star, _ = uri.partition("*")
    if not star:
        yield At.parse(uri)
        return
    pattern = re.escape(At.parse(plain).bucket + uri[len(At.parse(plain).bucket) :])
    pattern = pattern.replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    yield from (at for at in starting_with(At.parse(plain)) if re.fullmatch(pattern, at.url))


def _instance(line: str, config: Mapping[str, Any]) -> Instance:
    try:
        given = json.loads(line)
    except ValueError:
        return Instance(None, {"instance": line}, "Invalid JSON")
    key, included, excluded = (config.get(name) for name in ("keyField", "includedFields", "excludedFields"))
    array = config.get("instanceType") == "array"
    if not isinstance(given, dict):
        wants = key or included or excluded or config.get("instanceType") == "object"
        return Instance(given, {"instance": given}, "The instance must be a JSON object" if wants else "")
    if key and key not in given:
        raise JobFailed(3, f"The key field `{key}` is not in every instance")
    if array and not included:
        raise JobFailed(3, "included_fields must be populated for instances of the type array")
    missing = [name for name in included or () if name not in given]
    fault = f"The instance has no field `{missing[0]}`" if missing else ""
    names = [name for name in included or given if name != key and name not in (excluded or ())]
    fields = {name: given.get(name) for name in names}
    return Instance(
        list(fields.values()) if array else fields, {"key": given[key]} if key else {"instance": given}, fault
    )
