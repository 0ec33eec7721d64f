"""The file `MLmodel`: YAML, of which only plain values are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from muster.errors import InvalidModel
from muster.signature import Json

__all__ = ["FILE", "Document", "read_yaml"]

FILE = "MLmodel"
_MOST_BYTES = 64 << 20
_MOST_VALUES = 500_000
_UNNAMED = 'in "<unicode string>", '
"""What the library calls the file, which the message names."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """What an `MLmodel` says, in its folder. What is found wrong is gathered in `wrong`, what is worth saying in `notes`."""

    folder: Path
    body: Mapping[str, Json]
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Document:
        """InvalidModel if it is not YAML, or not one of MLflow's."""
        body = read_yaml(folder / FILE)
        if not isinstance(body, dict) or not isinstance(body.get("flavors"), dict) or not body["flavors"]:
            raise InvalidModel(
                f"{folder / FILE} names no flavors, so it is not of MLflow",
                hint="give the folder that MLflow's save_model or log_model wrote",
            )
        return cls(folder, body)

    def flavor(self, name: str) -> Mapping[str, Json] | None:
        flavors = self.body["flavors"]
        assert isinstance(flavors, dict), "read has looked"
        found = flavors.get(name)
        return found if isinstance(found, dict) else None

    @property
    def flavors(self) -> list[str]:
        flavors = self.body["flavors"]
        return sorted(flavors) if isinstance(flavors, dict) else []

    def text(self, name: str) -> str | None:
        value = self.body.get(name)
        return value if isinstance(value, str) else None

    @property
    def created(self) -> datetime | None:
        text = self.text("utc_time_created")
        try:
            return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            return None

    def inside(self, value: Json, what: str) -> str | None:
        """A path in the folder that `what` names; None, and what is wrong is noted, if it is no such path or nothing is there."""
        if not isinstance(value, str) or not value:
            self.wrong.append(f"{what} is missing")
            return None
        path = PurePosixPath(value.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
            self.wrong.append(f"{what} is `{value}`, which leads out of the model's folder")
            return None
        if not (self.folder / path).exists():
            self.wrong.append(f"{what} is `{value}`, which is not in the folder")
            return None
        return str(path)

    def check(self) -> None:
        """InvalidModel with all that was found wrong."""
        if self.wrong:
            raise InvalidModel(
                f"the MLflow model in {self.folder} cannot be used: {'; '.join(self.wrong)}",
                hint="save it again with MLflow, or mend its MLmodel",
                details={"problems": list(self.wrong)},
            )


def read_yaml(file: Path) -> Json:
    """The plain values of a YAML file."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InvalidModel(
                f"{file} has more than {_MOST_BYTES >> 20} MB, so it is not of MLflow",
                hint="give a model that MLflow saved",
            )
        text = file.read_text(encoding="utf-8")
        return _Plain().value(yaml.load(text, _Loader))  # noqa: S506  # a safe loader, in C where it is built
    except OSError as error:
        raise InvalidModel(f"{file} cannot be read: {error.strerror}", hint="give a folder that you may read") from None
    except UnicodeDecodeError:
        raise InvalidModel(f"{file} is not text in UTF-8", hint="save the model again with MLflow") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).replace(_UNNAMED, "").split())[:300]
        raise InvalidModel(
            f"{file} is not YAML: {told}", hint="mend the file, or save the model again with MLflow"
        ) from None


class _Plain:
    """Values as JSON has them. Aliases of YAML make a small file a huge tree, so values are counted."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def value(self, value: object) -> Json:
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"it unfolds to more than {_MOST_VALUES:,} values")
        match value:
            case None | bool() | int() | float() | str():
                return value
            case dict():
                return {str(k): self.value(v) for k, v in value.items()}
            case list() | tuple() | set():
                return [self.value(v) for v in value]
            case datetime():
                return value.isoformat(sep=" ")
            case date():
                return value.isoformat()
        return str(value)
