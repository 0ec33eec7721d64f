"""What a reference says: `churn:3`, `churn@champion`, `churn`, or an id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from muster.errors import InvalidInput, InvalidReference, shortened

__all__ = ["ID", "Reference", "check_alias", "check_name", "check_tags", "parse", "usable_tags"]

ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_NUMBER = re.compile(r"0*[1-9][0-9]{0,999}")
_TAG = 1_000
_RULE = "names have 1 to 128 of a-z, 0-9, `.`, `_`, `-`, and start with a letter or digit"


@dataclass(frozen=True, slots=True)
class Reference:
    """Either an id, or a model with a number, an alias (also `latest`), or neither."""

    id: str | None = None
    model: str = ""
    number: int | None = None
    alias: str | None = None


def parse(text: str) -> Reference:
    """The reference that `text` is, or InvalidReference."""
    if not isinstance(text, str):
        raise InvalidReference(f"{text!r:.60} is no reference but a {type(text).__name__}", hint=_hint(""))
    if ID.fullmatch(text):
        return Reference(id=text)
    model, mark, rest = _split(text)
    if not _NAME.fullmatch(model):
        raise InvalidReference(f"`{shortened(text)}` is no reference to a model or version: {_RULE}", hint=_hint(model))
    if mark == ":":
        if not _NUMBER.fullmatch(rest):
            raise InvalidReference(
                f"`{shortened(text)}` has no version number behind the colon",
                hint=f"write `{model}:3`, or `{model}@alias`",
            )
        return Reference(model=model, number=int(rest))
    if mark == "@":
        return Reference(model=model, alias=rest if rest == "latest" else check_alias(rest))
    return Reference(model=model)


def check_name(name: str, what: str = "model") -> str:
    if not _NAME.fullmatch(name):
        raise InvalidReference(f"`{shortened(name)}` cannot name {_a(what)}: {_RULE}", hint=_hint(name))
    if ID.fullmatch(name):
        raise InvalidReference(f"`{name}` cannot name {_a(what)}: 26 digits are an id", hint="add a letter to it")
    return name


def check_alias(name: str) -> str:
    if name == "latest":
        raise InvalidReference(
            "`latest` always means the newest version and cannot be set", hint="choose another alias"
        )
    if name.isdecimal():
        raise InvalidReference(
            f"`{name}` cannot be an alias: digits name version numbers", hint="choose a name with a letter"
        )
    return check_name(name, "alias")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse keys that no filter could name, and values that are no longer a mark; all that is wrong at once."""
    wrong = [k for k in tags if not _is_key(k)]
    if wrong:
        raise InvalidInput(
            f"cannot be keys of tags: {', '.join(shortened(repr(k)) for k in wrong)}",
            hint="keys have 1 to 250 characters that can be printed, none of `=`, `!`, `<`, `>`, `~`,"
            " and no space at an end",
        )
    long = [f"`{k}` has {len(str(v)):,}" for k, v in tags.items() if len(str(v)) > _TAG]
    if long:
        raise InvalidInput(
            f"a tag's value has up to {_TAG:,} characters: {', '.join(long)}",
            hint="put what is longer into the description, or into a file and its path into the tag",
        )


def usable_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Those of another registry's tags that can be tags here."""
    return {k: v for k, v in tags.items() if _is_key(k) and len(v) <= _TAG}


def _is_key(key: str) -> bool:
    return bool(key) and key == key.strip() and len(key) <= 250 and not set(key) & set("=!<>~") and key.isprintable()


def _a(thing: str) -> str:
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def _split(text: str) -> tuple[str, str, str]:
    for mark in ":@":
        if mark in text:
            model, _, rest = text.partition(mark)
            return model, mark, rest
    return text, "", ""


def _hint(name: str) -> str:
    mended = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:128]
    return (
        f"write `{mended}`"
        if mended and mended != name and len(name) <= 128
        else "for example `churn`, `churn:3` or `churn@champion`"
    )
