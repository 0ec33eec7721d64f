"""Azure's credentials by the names that `az` and Microsoft's libraries read, of which the library here knows only some."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from muster.objects.faults import ObjectError

__all__ = ["azure_settings"]

_STRING = "AZURE_STORAGE_CONNECTION_STRING"
_ACCOUNTS = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
_KEYS = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY", "AZURE_STORAGE_KEY")
_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")


def azure_settings() -> Mapping[str, Any]:
    """What the environment gives a store by names that the library does not read.

    An account that is named goes before a connection string, so that nothing of two accounts is mixed.
    """
    account = _given(_ACCOUNTS)
    if account is None and (text := os.environ.get(_STRING)):
        return _connection(text)
    found = {"account_name": account, "account_key": _given(_KEYS)}
    return {name: value for name, value in found.items() if value}


def _given(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _connection(text: str) -> Mapping[str, Any]:
    """The parts of a connection string, which none of the messages repeat: it holds a key."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return {"use_emulator": True}
    endpoint = parts.get("blobendpoint", "").rstrip("/")
    account = parts.get("accountname") or (urlsplit(endpoint).hostname or "").partition(".")[0]
    if not account or not (parts.get("accountkey") or parts.get("sharedaccesssignature")):
        raise ObjectError(
            f"{_STRING} names no account with a key or a signature",
            "copy it anew from the account's access keys, or set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        )
    if not endpoint and (suffix := parts.get("endpointsuffix")):
        endpoint = f"{parts.get('defaultendpointsprotocol') or 'https'}://{account}.blob.{suffix}"
    found = {
        "account_name": account,
        "account_key": parts.get("accountkey"),
        "sas_key": parts.get("sharedaccesssignature"),
        "endpoint": None if _given(_ENDPOINTS) else endpoint,
    }
    return {name: value for name, value in found.items() if value}
