"""What is wrong with a request for a batch prediction job, each fault with the field that it is in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["faults"]

_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_AT = "batch_prediction_job"
_NOT_SET = "Required field is not set."


def faults(asked: dict[str, Any], formats: Sequence[str], scheme: str) -> Iterator[tuple[str, str]]:
    """`formats` are those that the model reads, none if there is no model; buckets have the scheme."""
    if not asked.get("displayName"):
        yield f"{_AT}.display_name", _NOT_SET
    if not formats:
        yield f"{_AT}.model", _NOT_SET
    yield from _source(asked.get("inputConfig", {}), formats, scheme)
    yield from _destination(asked.get("outputConfig", {}), scheme)
    yield from _instances(asked.get("instanceConfig", {}))
    yield from _rest(asked)


def _source(config: dict[str, Any], formats: Sequence[str], scheme: str) -> Iterator[tuple[str, str]]:
    at, format_ = f"{_AT}.input_config", config.get("instancesFormat", "")
    if format_ != "jsonl" or (formats and "jsonl" not in formats):
        yield (
            f"{at}.instances_format",
            f"Unsupported `{format_}`: the model reads {list(formats)}, and this server jsonl.",
        )
    uris = config.get("gcsSource", {}).get("uris", [])
    if not uris or set(config) - {"gcsSource", "instancesFormat"}:
        yield f"{at}.gcs_source.uris", _NOT_SET
    yield from (
        (f"{at}.gcs_source.uris", f"Invalid Cloud Storage URI: {uri}") for uri in uris if not _within(uri, scheme)
    )


def _destination(config: dict[str, Any], scheme: str) -> Iterator[tuple[str, str]]:
    at, format_ = f"{_AT}.output_config", config.get("predictionsFormat", "")
    if format_ != "jsonl":
        yield f"{at}.predictions_format", f"Unsupported `{format_}`: this server writes jsonl."
    prefix = config.get("gcsDestination", {}).get("outputUriPrefix", "")
    if not _within(prefix, scheme):
        yield f"{at}.gcs_destination.output_uri_prefix", f"Invalid Cloud Storage URI: {prefix}"


def _instances(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    at = f"{_AT}.instance_config"
    if config.get("instanceType", "") not in ("", "object", "array"):
        yield f"{at}.instance_type", f"Unsupported `{config['instanceType']}`: it is `object` or `array`."
    if config.get("includedFields") and config.get("excludedFields"):
        yield f"{at}.excluded_fields", "Must be empty when included_fields is populated."


def _rest(asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not asked.get("dedicatedResources", {}).get("machineSpec", {}).get("machineType"):
        yield f"{_AT}.dedicated_resources.machine_spec.machine_type", _NOT_SET
    if asked.get("manualBatchTuningParameters", {}).get("batchSize", 1) < 1:
        yield f"{_AT}.manual_batch_tuning_parameters.batch_size", "Must be positive."
    if asked.get("generateExplanation"):
        yield f"{_AT}.generate_explanation", "This server has no explanations of batches."
    for name, value in asked.get("labels", {}).items():
        if not (_LABEL.fullmatch(name) and _LABEL.fullmatch(value)):
            yield f"{_AT}.labels", f"Invalid label {name}={value}."


def _within(uri: str, scheme: str) -> bool:
    return uri.startswith(f"{scheme}://")
