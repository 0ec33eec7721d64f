"""Outputs in object storage. Chunks go up as they come, since nothing can be renamed there.

What a run stages lies in `_muster-<run>/` of a folder, or in `<output>.muster-<run>/` beside one object.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from muster.datasets.object_parts import PartsSink
from muster.datasets.object_whole import WholeSink
from muster.datasets.objects import locate_object
from muster.datasets.sink import encoding_for, is_folder
from muster.errors import InvalidInput
from muster.objects.place import is_object_url
from muster.records import Connection

__all__ = ["ObjectSinks"]


class ObjectSinks:
    """SinkKind of URLs of object storage, with the options of files; with a connection, of what it names."""

    name = "objects"

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection

    def claims(self, uri: str) -> bool:
        return is_object_url(uri)

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> PartsSink | WholeSink:
        location = locate_object(uri, None, self._connection)
        if location.pattern or not location.place.key:
            raise InvalidInput(f"`{uri}` is no output", hint="give an object, or a folder, in a bucket")
        path = Path(location.place.name)
        folder = is_folder(path, written=location.place.key.endswith("/"))
        kind = PartsSink if folder else WholeSink
        encoding = encoding_for(path, location.options, folder=folder)
        return kind(location, run, schema, encoding, overwrite, tuple(inputs), scratch)
