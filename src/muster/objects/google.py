"""Google's credentials where `gcloud` keeps them, and which kinds of them the library here can use."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.objects.faults import ObjectError

__all__ = ["ELSEWHERE", "google_kind", "google_settings", "google_stamp"]

ELSEWHERE = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
)
"""Variables that name credentials of another kind, which go first."""

_KINDS = (None, "service_account", "authorized_user")


def google_stamp() -> tuple[int, ...]:
    """Another one when the file was changed, as by another login."""
    file = _file()
    return (file.stat().st_mtime_ns,) if file is not None and file.is_file() else ()


def google_settings() -> Mapping[str, Any]:
    """The file of the credentials, where the library would not look for it."""
    file = _file()
    if file is None or not file.is_file():
        return {}
    google_kind(file)
    return {"application_credentials": str(file)}


def google_kind(file: str | Path) -> None:
    """Refuse a file of credentials that the library cannot use."""
    kind = _kind(Path(file))
    if kind not in _KINDS:
        raise ObjectError(
            f"credentials of the kind `{kind}`, as {file} holds, cannot be used for Google Cloud Storage",
            "give a service account's key file in GOOGLE_APPLICATION_CREDENTIALS, or a token: "
            'GOOGLE_BEARER_TOKEN="$(gcloud auth print-access-token)"',
        )


def _file() -> Path | None:
    if any(os.environ.get(name) for name in ELSEWHERE):
        return None
    if named := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return Path(named)
    folder = os.environ.get("CLOUDSDK_CONFIG") or Path(os.environ.get("HOME", "/"), ".config/gcloud")
    return Path(folder, "application_default_credentials.json")


def _kind(file: Path) -> object:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None  # the library tells that it cannot be read
    return found.get("type") if isinstance(found, dict) else None
