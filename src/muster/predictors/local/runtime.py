"""Runtime parameters: what a model is given when it is loaded. A secret is stored as where it is, and read when a worker starts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from muster.errors import InvalidInput
from muster.secrets import is_reference, read_secret
from muster.signature import Json

__all__ = ["TYPES", "Runtime", "value_of"]

TYPES = ("string", "number", "boolean", "secret")
_MASK = "****"


class Runtime:
    """The parameters of one worker's model. InvalidInput names every one that has no value here."""

    def __init__(self, declared: object) -> None:
        self.values: dict[str, Json] = {}
        self._secrets: list[str] = []
        wrong: list[str] = []
        for name, told in declared.items() if isinstance(declared, Mapping) else ():
            try:
                value = value_of(name, str(told["type"]), told.get("value"))
                if told["type"] == "secret":
                    value = read_secret(name, str(value))
                    self._secrets += sorted({value, json.dumps(value)[1:-1], repr(value)[1:-1]}, key=len, reverse=True)
                self.values[name] = value
            except InvalidInput as error:
                wrong.append(error.message)
        if wrong:
            raise InvalidInput(
                "the model cannot be loaded: " + "; ".join(wrong),
                hint="set what is missing where Muster runs; other values are given at registration, with `runtime`",
            )

    def mask(self, text: str) -> str:
        """The text without the secrets: what a model prints or raises may have them."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text

    def mask_all(self, told: object) -> object:
        """The same for all texts in a value of JSON."""
        match told:
            case str():
                return self.mask(told)
            case list():
                return [self.mask_all(v) for v in told]
            case dict():
                return {self.mask(str(k)): self.mask_all(v) for k, v in told.items()}
        return told


def value_of(name: str, kind: str, value: Json) -> Json:
    """The value as its type; text, as a command line gives it, is read as one."""
    if value is None:
        raise InvalidInput(f"the runtime parameter `{name}` has no value and no default")
    match kind, value:
        case "string", str():
            return value
        case "boolean", bool():
            return value
        case "boolean", "true" | "false":
            return value == "true"
        case "number", int() | float() | str() if not isinstance(value, bool):
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if math.isfinite(number):
                return int(number) if number.is_integer() and "." not in str(value) else number
        case "secret", str() if is_reference(value):
            return value
    if kind == "secret":  # what was given may be the secret itself
        raise InvalidInput(f"the secret `{name}` is given as where it is, `env:NAME` or `file:/path`, and never itself")
    raise InvalidInput(f"the runtime parameter `{name}` is a {kind}, and {value!r} is none")
