"""Models in object storage: a folder of objects, an archive, or one file, by URL."""

from __future__ import annotations

import errno
from pathlib import Path

from muster.config import Settings
from muster.errors import NotFound, SourceDenied, SourceError
from muster.objects.bucket import Entry, bucket_of
from muster.objects.faults import ObjectError, ObjectNotFound
from muster.objects.place import Place, is_object_url
from muster.objects.stream import pieces
from muster.predictor import Talk
from muster.predictors.tracking.files import download
from muster.predictors.tracking.places import Objects
from muster.source import Fetched

__all__ = ["ObjectSource"]


class ObjectSource:
    """A Source of `s3://bucket/model/`, `gs://…/model.zip`, `az://…`."""

    def __init__(self, settings: Settings, talk: Talk) -> None:
        self._talk = talk

    def claims(self, source: object) -> bool:
        return is_object_url(source)

    def fetch(self, source: str, scratch: Path) -> Fetched:
        place = Place.parse(source)
        if not place.name:
            raise SourceError(f"`{source}` names a whole bucket", hint="name the model's own folder or file in it")
        target = scratch / place.name
        self._talk(f"fetching {place} …")
        try:
            entry = None if place.key.endswith("/") else _one(place)
            if entry is not None:
                _copy(entry, target)
            else:
                download(Objects(place), target)
        except ObjectError as error:
            raise _told(error) from None
        return Fetched(path=target, source=str(place))


def _one(place: Place) -> Entry | None:
    try:
        return bucket_of(place).head(place.key)
    except ObjectNotFound:
        return None  # then it may be a folder that was written without its slash


def _copy(entry: Entry, target: Path) -> None:
    with target.open("wb") as file:
        for piece in pieces(entry):
            file.write(piece)


def _told(error: ObjectError) -> NotFound | SourceError:
    kind = (
        NotFound if isinstance(error, ObjectNotFound) else SourceDenied if error.errno == errno.EACCES else SourceError
    )
    return kind(str(error), hint=error.hint)
