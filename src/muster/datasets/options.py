"""What stands behind the `?` of a dataset's URL: options joined by `&`, percent-encoded or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from muster.errors import InvalidInput, near

__all__ = ["joined", "refuse_unknown", "split_options"]

_OPTION = r"[A-Za-z][A-Za-z0-9_.-]*=[^&]*"
_QUERY = re.compile(rf"\?({_OPTION}(?:&{_OPTION})*)$", re.DOTALL)


def split_options(uri: str) -> tuple[str, dict[str, str]]:
    """The URL without its options, and those. Option names are in lower case."""
    found = _QUERY.search(uri)
    if found is None:
        return uri, {}
    pairs = (pair.partition("=") for pair in found.group(1).split("&"))
    return uri[: found.start()], {unquote(name).lower(): unquote(value) for name, _, value in pairs}


def joined(base: str, options: Mapping[str, str]) -> str:
    """The URL with these options, behind those that it has, so that reading it again gives the same."""
    told = "&".join(f"{name}={quote(value, safe='/:,*()=<>!')}" for name, value in options.items())
    return f"{base}{'&' if split_options(base)[1] else '?'}{told}" if told else base


def refuse_unknown(what: str, options: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    wrong = [f"`{name}`{near(name, names)}" for name in options if name not in names]
    if wrong:
        raise InvalidInput(f"{what} has no option {', '.join(wrong)}", hint=f"its options are {', '.join(names)}")
