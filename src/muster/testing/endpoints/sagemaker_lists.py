"""How SageMaker lists: what is asked for of all that there is, in an order, page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from muster.testing.endpoints.account import page_of
from muster.testing.endpoints.refusal import Refused

__all__ = ["listed"]


def listed(key: str, kind: str, found: list[dict[str, Any]], asked: Mapping[str, Any], *, page: int) -> dict[str, Any]:
    """One page, newest first unless asked otherwise. A page is never longer than `page`.

    `kind` is how the members of the things begin that have their name and their status.
    """
    by = {"Name": f"{kind}Name", "Status": f"{kind}Status"}
    field = by.get(asked.get("SortBy", ""), asked.get("SortBy", "CreationTime"))
    found = [one for one in found if _wanted(one, asked, *by.values())]
    found.sort(key=lambda one: one[field], reverse=asked.get("SortOrder", "Descending") == "Descending")
    shown, after = page_of(found, _start(asked.get("NextToken", "")), min(page, int(asked.get("MaxResults", 10))))
    return {key: shown, **({"NextToken": base64.b64encode(after.encode()).decode()} if after else {})}


def _start(token: str) -> str:
    try:
        start = base64.b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        start = "none"
    if start and not start.isdecimal():
        raise Refused("invalid", "Invalid pagination token")
    return start


def _wanted(one: Mapping[str, Any], asked: Mapping[str, Any], name: str, status: str) -> bool:
    bounds = [
        (asked.get(f"{field}{end}"), one[field], sign)
        for field in ("CreationTime", "LastModifiedTime")
        for end, sign in (("After", 1), ("Before", -1))
    ]
    return (
        asked.get("NameContains", "").lower() in one[name].lower()
        and asked.get("StatusEquals", one[status]) == one[status]
        and asked.get("EndpointNameEquals", one.get("EndpointName")) == one.get("EndpointName")
        and asked.get("VariantNameEquals", one.get("VariantName")) == one.get("VariantName")
        and all(bound is None or sign * (value - bound) > 0 for bound, value, sign in bounds)
    )
