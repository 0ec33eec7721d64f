"""What stands in the way of an output in object storage, found before any work is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from muster.datasets.files import suffix_of
from muster.datasets.formats import SUFFIXES
from muster.datasets.listing import MANIFEST, hidden
from muster.datasets.location import fits
from muster.datasets.objects import explained, locate_object, run_of
from muster.errors import Conflict, DatasetError, MusterError
from muster.objects.bucket import bucket_of
from muster.objects.faults import ObjectNotFound
from muster.objects.place import Place, is_object_url

__all__ = ["refuse_obstacles"]

Obstacle = tuple[type[MusterError], str, str]

_REPLACE = "replace it with `--overwrite` (overwrite=True)"


def refuse_obstacles(
    target: Place, rejects: Place, run: str, *, folder: bool, overwrite: bool, inputs: Sequence[str]
) -> None:
    """All that is in the way in one error: a Conflict if something exists already, else a DatasetError."""
    with explained():
        standing = _below(target, run, overwrite=overwrite) if folder else _at(target, rejects, overwrite=overwrite)
        found = [*standing, *_over_input(target, inputs, folder=folder)]
    if found:
        kinds = [kind for kind, _, _ in found]
        raise (Conflict if Conflict in kinds else DatasetError)(
            "; ".join(what for _, what, _ in found), hint="; ".join(dict.fromkeys(hint for _, _, hint in found))
        )


def _below(target: Place, run: str, *, overwrite: bool) -> Iterator[Obstacle]:
    names = [target.relative(e.place.key) for e in bucket_of(target).list(target.folder)]
    # What runs stage there, and parts that no manifest names yet, are no output.
    there = [n for n in names if not n.startswith("_muster-") and (run_of(n) is None or MANIFEST in names)]
    there = [n for n in there if n != f"_rejects-{run}.jsonl"]
    if there and not overwrite:
        yield Conflict, f"{target} exists already", f"choose another output, or {_REPLACE}"
    elif any(n.startswith("_delta_log/") for n in there):
        yield Conflict, f"{target} is a Delta table", f"write to it as `delta:{target}`, or choose another output"
    elif MANIFEST not in there:
        strangers = [n for n in there if not hidden(n.split("/")[0]) and suffix_of(PurePosixPath(n)) not in SUFFIXES]
        if strangers:
            told = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
            yield (
                Conflict,
                f"{target} holds more than data ({told}), which would be lost",
                "choose another output, or remove it yourself",
            )


def _at(target: Place, rejects: Place, *, overwrite: bool) -> Iterator[Obstacle]:
    bucket_of(target).names(
        target.beside("").key
    )  # tells of a bucket that is not there, which asking for one object does not
    for place in (target, rejects) if not overwrite else ():
        try:
            bucket_of(place).head(place.key)
        except ObjectNotFound:
            continue
        yield Conflict, f"{place} exists already", f"choose another output, or {_REPLACE}"


def _over_input(target: Place, inputs: Sequence[str], *, folder: bool) -> Iterator[Obstacle]:
    for uri in filter(is_object_url, inputs):
        location = locate_object(uri)
        source = location.place
        if source.bucket != target.bucket:
            continue
        key, below = target.key.rstrip("/"), source.folder
        if location.pattern:
            parts = PurePosixPath(source.relative(key) + ("/part.parquet" if folder else ""))
            inside = key.startswith(below) and any(fits(p.parts, location.pattern) for p in (parts, *parts.parents))
            around = folder and below.startswith(target.folder)
        else:
            inside = key != source.key.rstrip("/") and key.startswith(below)
            around = key == source.key.rstrip("/") or (folder and source.key.startswith(target.folder))
        if inside or around:
            told = "lies in" if inside else "would replace"
            yield (
                DatasetError,
                f"the output {target} {told} the input {location}",
                "choose an output outside of the input",
            )
