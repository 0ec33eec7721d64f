"""The JSON of Vertex AI's messages, read as its API does: what it does not know is refused, what only it may write is passed over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from muster.testing.endpoints.refusal import Refused

__all__ = ["JOB", "found_errors", "parsed"]

_MACHINE = {
    "machineType": str, "acceleratorType": object, "acceleratorCount": int, "gpuPartitionSize": str, "tpuTopology": str,
    "reservationAffinity": object,
}  # fmt: skip
JOB: Mapping[str, Any] = MappingProxyType({
    "displayName": str, "model": str, "unmanagedContainerModel": object,
    "inputConfig": {
        "gcsSource": {"uris": [str]}, "bigquerySource": {"inputUri": str}, "vertexMultimodalDatasetSource": object,
        "instancesFormat": str,
    },
    "instanceConfig": {"instanceType": str, "keyField": str, "includedFields": [str], "excludedFields": [str]},
    "modelParameters": object,
    "outputConfig": {
        "gcsDestination": {"outputUriPrefix": str}, "bigqueryDestination": {"outputUri": str},
        "vertexMultimodalDatasetDestination": object, "predictionsFormat": str,
    },
    "dedicatedResources": {
        "machineSpec": _MACHINE, "startingReplicaCount": int, "maxReplicaCount": int, "flexStart": object, "spot": bool,
    },
    "serviceAccount": str, "manualBatchTuningParameters": {"batchSize": int}, "generateExplanation": bool,
    "explanationSpec": object, "labels": {"": str}, "encryptionSpec": {"kmsKeyName": str}, "disableContainerLogging": bool,
    "name": None, "modelVersionId": None, "outputInfo": None, "state": None, "error": None, "partialFailures": None,
    "resourcesConsumed": None, "completionStats": None, "createTime": None, "startTime": None, "endTime": None,
    "updateTime": None, "satisfiesPzs": None, "satisfiesPzi": None,
})  # fmt: skip
"""A batch prediction job. Lists have the type of their items, maps that of their values at an empty name; None is output only."""

_WORDS = {str: "TYPE_STRING", int: "TYPE_INT32", bool: "TYPE_BOOL"}


def parsed(given: Any, shape: Any, at: str) -> Any:
    """A message with the names of its fields in their one form; without what is null or output only."""
    if shape is object:
        return given
    if isinstance(shape, list):
        if not isinstance(given, list):
            raise Refused("invalid", f"Invalid value at '{at}', {given!r}")
        return [parsed(one, shape[0], f"{at}[{number}]") for number, one in enumerate(given)]
    if isinstance(shape, Mapping):
        return _message(given, shape, at)
    return _scalar(given, shape, at)


def _message(given: Any, shape: Mapping[str, Any], at: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused("invalid", f"Invalid value at '{at}', {given!r}")
    if "" in shape:
        return {str(name): parsed(value, shape[""], f"{at}[{name}]") for name, value in given.items()}
    found = {}
    for name, value in given.items():
        known = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        if known not in shape:
            raise Refused(
                "invalid", f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
            )
        if value is not None and shape[known] is not None:
            found[known] = parsed(value, shape[known], f"{at}.{_snake(known)}")
    return found


def _scalar(given: Any, kind: type, at: str) -> Any:
    if kind is int and isinstance(given, str) and re.fullmatch(r"-?\d+", given):
        return int(given)
    if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
        raise Refused("invalid", f"Invalid value at '{at}' ({_WORDS[kind]}), {given!r}")
    return given


def found_errors(errors: list[tuple[str, str]]) -> Refused:
    """Several faults of one request, each with the field that it is in."""
    told = "".join(f"\t{number}.Field: {field}; Message: {text}" for number, (field, text) in enumerate(errors, 1))
    return Refused("invalid", f"List of found errors:{told}\t")


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name)
