"""Who uses a bucket, where a connection says so and not the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from muster.objects.faults import ObjectError
from muster.objects.google import ELSEWHERE, google_kind

__all__ = ["CREDENTIALS", "lent", "lent_stamp"]

CREDENTIALS = frozenset(("key_id", "token", "credentials_file", "key", "sas"))
"""What says who somebody is."""


def lent(scheme: str, given: Mapping[str, str]) -> Mapping[str, Any]:
    """What is given, by the words of obstore; nothing of the environment's credentials, nor of its address, is mixed in.

    A provider of credentials goes before all that the library finds by itself. Without credentials there is only the address.
    """
    return _WORDS[scheme](given)


def lent_stamp(given: Mapping[str, str]) -> tuple[int, ...]:
    """Another one when a file of credentials was changed."""
    file = Path(given["credentials_file"]) if "credentials_file" in given else None
    return (file.stat().st_mtime_ns,) if file is not None and file.is_file() else ()


def _s3(given: Mapping[str, str]) -> Mapping[str, Any]:
    region = given.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    at = {"region": region} if "region" in given else {}
    if "endpoint_url" in given:
        at |= {"endpoint": given["endpoint_url"]}
    if "key_id" not in given:
        return at
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    own = {
        "access_key_id": given["key_id"],
        "secret_access_key": given["secret"],
        "token": given.get("session_token"),
        "expires_at": None,
    }
    return {
        "region": region,
        "endpoint": given.get("endpoint_url", f"https://s3.{region}.{domain}"),
        "virtual_hosted_style_request": False,
        "skip_signature": False,
        "credential_provider": lambda: own,
    }


def _google(given: Mapping[str, str]) -> Mapping[str, Any]:
    at: Mapping[str, Any] = {"base_url": given["endpoint_url"]} if "endpoint_url" in given else {}
    if not {"token", "credentials_file"} & set(given):
        return at
    own: dict[str, Any] = {
        "base_url": given.get("endpoint_url", "https://storage.googleapis.com"),
        "skip_signature": False,
    }
    if "token" in given:
        token = {"token": given["token"], "expires_at": None}
        return {**own, "credential_provider": lambda: token}
    file = given["credentials_file"]
    if first := [name for name in ELSEWHERE if os.environ.get(name)]:
        raise ObjectError(
            f"the environment's {first[0]} would go before the `credentials_file` {file} of the connection",
            f"unset {first[0]}, or give the connection a `token`",
        )
    google_kind(file)
    return {**own, "application_credentials": file}


def _azure(given: Mapping[str, str]) -> Mapping[str, Any]:
    at: dict[str, Any] = {"endpoint": given["endpoint_url"]} if "endpoint_url" in given else {}
    if "account" not in given:
        return at
    account = given["account"]
    at = {"account_name": account, "endpoint": at.get("endpoint", f"https://{account}.blob.core.windows.net")}
    if not {"key", "sas"} & set(given):
        return at
    own = (
        {"access_key": given["key"], "expires_at": None}
        if "key" in given
        else {"sas_token": given["sas"].removeprefix("?"), "expires_at": None}
    )
    return {**at, "skip_signature": False, "credential_provider": lambda: own}


_WORDS: Mapping[str, Callable[[Mapping[str, str]], Mapping[str, Any]]] = {"s3": _s3, "gs": _google, "az": _azure}
