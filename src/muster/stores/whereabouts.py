"""Where a hub's blobs are: as it is told, and remembered, so that a command that does not tell finds the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muster.config import Settings, expanded, without_password
from muster.errors import Conflict, StoreError
from muster.records import Version
from muster.store import BlobStore, Condition, Query, RecordStore, Sort
from muster.stores import open_blobs, open_records

__all__ = ["OpenRecords", "blobs_of"]

_NOTE = "blobs.txt"


@dataclass(frozen=True, slots=True)
class OpenRecords:
    """Opens the records of a hub that is there. Picklable: a password stays here, and the settings tell it elsewhere."""

    place: Path | str
    settings: Settings
    withheld: bool = False

    def __call__(self) -> RecordStore:
        return open_records(self.settings.text("hub") if self.withheld else self.place, make=False)

    def __reduce__(self) -> tuple[object, ...]:
        place = without_password(self.place) if isinstance(self.place, str) else self.place
        return OpenRecords, (place, self.settings, self.withheld or place != self.place)


def blobs_of(records: RecordStore, folder: Path, named: str) -> BlobStore:
    """The store that is named, or that was named before on this machine, or the one in the folder.

    Another place than before is taken only if it has the files of the newest version: what a slip of the pen names has not.
    """
    note = folder / _NOTE
    before = _noted(note)
    place = _put_in_full(named) if named else before or str(folder / "blobs")
    blobs = open_blobs(place if "://" in place else Path(place))
    if place != (before or str(folder / "blobs")):
        _check(records, blobs, place, before or str(folder / "blobs"))
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{place}\n", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{note} cannot be written: {error.strerror}", hint="see that you may write in the hub's folder"
            ) from None
    return blobs


def _noted(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _put_in_full(named: str) -> str:
    return named if "://" in named else str(expanded(named).absolute())


def _check(records: RecordStore, blobs: BlobStore, place: str, before: str) -> None:
    query = Query((Condition("deleted_at", "=", None),), (Sort("created_at", descending=True),), limit=1)
    newest = records.find(Version, query).items
    if newest and not blobs.has(newest[0].digest):
        raise Conflict(
            f"the files of `{newest[0].ref}` are not at {place}",
            hint=f"name the place where this hub keeps them (on this machine it was {before}), or copy all of it to the new one first",
        )
