"""The settings of a connection: which its kind takes, checked all at once; and secrets, read from where they are when they are needed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from muster.errors import InvalidInput, near
from muster.secrets import is_reference, read_secret
from muster.signature import Json

__all__ = ["Options", "Setting", "checked"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a kind of connection. A `secret` is given as where it is; `choices` are all that it can be, where that is few.

    A `url` is one of HTTP; what `may_refer` can be given as a secret is as well.
    """

    name: str
    about: str
    required: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    url: bool = False
    may_refer: bool = False
    check: Callable[[str], str] | None = None
    """Says what is wrong with a text; nothing where nothing is."""


class Options(Mapping[str, str]):
    """The settings of one connection as texts: absent ones are not there. Secrets are read at each look."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = {n: str(v) for n, v in values.items() if v is not None}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def secret(self, name: str) -> str | None:
        """What the secret is now; None where none is given. InvalidInput if it is not where it should be."""
        return read_secret(name, self._values[name]) if name in self._values else None

    @property
    def proxy(self) -> str:
        """The proxy to go through, empty where none is set."""
        told = self.get("proxy", "")
        return read_secret("proxy", told) if is_reference(told) else told


def checked(
    kind: str,
    known: Sequence[Setting],
    given: Mapping[str, Json],
    *,
    beside: Collection[str] = (),
    problems: Sequence[str] = (),
) -> dict[str, Json]:
    """The settings as they are stored; InvalidInput says everything that is wrong with them, and shows no value of a secret.

    `beside` are names that may be given too, and are no settings; `problems` are what the kind itself found wrong.
    """
    by_name = {s.name: s for s in known}
    wrong = [f"it has no setting `{n}`{near(n, [*by_name, *beside])}" for n in given if n not in by_name]
    wrong += [f"`{s.name}` is missing: {s.about}" for s in by_name.values() if s.required and not given.get(s.name)]
    kept: dict[str, Json] = {}
    for name, value in given.items():
        if name in by_name and value is not None:
            problem = _problem(by_name[name], value)
            wrong += [problem] if problem else []
            kept[name] = value if isinstance(value, (bool, int, float)) else _text(value)
    wrong += problems
    if wrong:
        raise InvalidInput(
            f"a connection of the kind `{kind}` cannot be made so: {'; '.join(wrong)}",
            hint=f"its settings are {', '.join(by_name)}",
            details={"problems": wrong},
        )
    return kept


def _text(value: Json) -> Json:
    return str(value) if isinstance(value, os.PathLike) else value


def _problem(setting: Setting, value: Json) -> str:
    if setting.secret and not is_reference(value):
        return f"`{setting.name}` {_ELSEWHERE}"
    if setting.choices and value not in setting.choices:
        return f"`{setting.name}` cannot be {value!r}: it is {' or '.join(setting.choices)}"
    if not isinstance(value, (str, bool, int, float, os.PathLike)):
        return f"`{setting.name}` is a {type(value).__name__}, and no text"
    told = _of_text(setting, str(value))
    return told or ("" if setting.check is None else setting.check(str(value)))


def _of_text(setting: Setting, text: str) -> str:
    """What is wrong with it: a key, a document of credentials or a password in it would be stored, and shown."""
    if any(mark in text for mark in _KEYS):
        return f"`{setting.name}` {_ELSEWHERE}"
    try:
        place = urlsplit(text)
        login = place.password is not None or (place.scheme in ("http", "https") and place.username is not None)
    except ValueError:
        return f"`{setting.name}` is no address"
    if login:
        mend = "give the whole address as where it is" if setting.may_refer else "leave it out of the address"
        return f"`{setting.name}` has a login in it, which would be stored: {mend}"
    if "://" in text and any(_KEY.search(name) for name, _ in parse_qsl(place.query)):
        return f"`{setting.name}` is an address with a key in it, which would be stored: give the key as `secret`"
    if setting.url and (place.scheme not in ("http", "https") or not place.hostname):
        return f"`{setting.name}` is {text!r}, and no address: write https://host/path"
    return ""


_ELSEWHERE = "is given as where it is, `env:NAME` or `file:/path`, and never itself"
_KEY = re.compile(r"passw|pwd|secret|token|credential|key|sig\b|code\b|auth", re.IGNORECASE)
_KEYS = ("-----BEGIN", '"private_key"', '"refresh_token"', '"client_secret"')
