"""Whose certificates are trusted, and the one that this side shows."""

from __future__ import annotations

import os
import ssl

from muster.errors import InvalidConfig

__all__ = ["trust"]


def trust(ca_bundle: str = "", certificate: str = "", key: str = "", password: str = "") -> ssl.SSLContext:
    """`certificate` and `key` are files of PEM; OpenSSL itself looks at SSL_CERT_FILE. Nothing turns the check of a server off."""
    bundle = ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE", "") or os.environ.get("CURL_CA_BUNDLE", "")
    try:
        folder = bundle if os.path.isdir(bundle) else None  # noqa: PTH112  # a text that may be empty
        context = ssl.create_default_context(cafile=None if folder else bundle or None, capath=folder)
    except (OSError, ssl.SSLError) as error:
        raise InvalidConfig(
            f"`{bundle}` is no bundle of certificates: {_told(error)}",
            hint="give `ca_bundle` the path of a file of PEM",
        ) from None
    if certificate:
        try:
            context.load_cert_chain(certificate, key or None, password or "")
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfig(
                f"the client certificate `{certificate}` cannot be used: {_told(error)}",
                hint="give its file, the file of its key, and the key's password where it has one",
            ) from None
    return context


def _told(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or type(error).__name__
