"""Backups: all that a hub knows, in a folder that any hub can be restored from, whatever its database and wherever its blobs.

    TARGET/backup.json      what it is, with the digests of the two files below; written last
    TARGET/records.jsonl    {"kind": …, "record": …} for each record, of one moment, the audit trail among them
    TARGET/blobs.txt        the digest of each blob
    TARGET/blobs/ab/cdef…   the blobs

It is made as TARGET.unfinished and renamed when it is whole; one that was cut off is gone on with.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from muster.documents import restore as record_of
from muster.errors import Conflict, Corrupt, InvalidInput, NotFound, StoreError, TooNew
from muster.records import Event, MetricRecord, Model, Run, Version, now
from muster.signature import Json
from muster.store import BlobStore, RecordStore

__all__ = ["Backup", "back_up", "restore"]

_FORMAT = "muster.backup/1"
_SMALL = 1 << 23
_AT_ONCE = 8
_KEPT: Mapping[str, type[Version | MetricRecord]] = {k.KIND: k for k in (Version, MetricRecord)}
_RECORDS, _BLOBS, _SUMMARY = "records.jsonl", "blobs.txt", "backup.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was backed up or restored. `missing` are blobs that versions and metrics name, and that the hub had lost or damaged before."""

    folder: str
    records: int
    events: int
    blobs: int
    size: int
    missing: tuple[str, ...] = ()


def back_up(store: RecordStore, blobs: BlobStore, target: Path, open_blobs: Callable[[Path], BlobStore]) -> Backup:
    """Back up a hub that others work with meanwhile: its records are those of one moment."""
    if target.exists() or target.is_symlink():
        raise Conflict(f"{target} exists already", hint="name a new folder: a backup is never written over another")
    staging = target.with_name(f"{target.name}.unfinished")
    with _explained(staging), _alone(staging):
        (staging / _SUMMARY).unlink(missing_ok=True)
        counts, wanted, head = _write_records(store, staging / _RECORDS)
        # Blobs are stored before the records that need them, so all of that moment are there by now.
        kept = open_blobs(staging / "blobs")
        digests = _copy_all(list(blobs), blobs, kept, staging)
        (staging / _BLOBS).write_text("".join(f"{d}\n" for d in digests))
        made = Backup(
            folder=str(target),
            records=sum(counts.values()),
            events=counts.get(Event.KIND, 0),
            blobs=len(digests),
            size=sum(map(kept.size, digests)),
            missing=tuple(sorted(wanted - set(digests))),
        )
        summary: dict[str, Json] = {
            "format": _FORMAT,
            "made_at": now().isoformat(),
            "records": dict(counts),
            "head": head,
            "blobs": made.blobs,
            "size": made.size,
            "missing": list(made.missing),
            "digests": {name: _digest(staging / name) for name in (_RECORDS, _BLOBS)},
        }
        _settle(staging, json.dumps(summary, indent=2) + "\n")
        staging.rename(target)
        _sync(target.parent)
    return made


def restore(
    store: RecordStore, blobs: BlobStore, source: Path, open_blobs: Callable[[Path], BlobStore], scratch: Path
) -> Backup:
    """Restore into an empty hub. All is checked; until the end nothing can be seen of it, and it can be begun again."""
    with _explained(source):
        summary = _summary(source)
        if any(
            store.count(kind) for kind in (Event, Model, Run)
        ):  # before blobs are copied; the rest is seen at the end
            raise Conflict("this hub has records already", hint="restore into a new folder or an empty database")
        digests = (source / _BLOBS).read_text().split()
        kept = open_blobs(source / "blobs")
        _refuse_lacking(set(digests) - set(kept), source)
        scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="restore-", dir=scratch) as folder:
            _copy_all(digests, kept, blobs, Path(folder), whole=True)
        with (source / _RECORDS).open("rb") as stream:
            store.fill(_records(stream))
    counts = summary["records"]
    assert isinstance(counts, dict)
    return Backup(
        folder=str(source),
        records=sum(int(str(n)) for n in counts.values()),
        events=int(str(counts.get(Event.KIND, 0))),
        blobs=len(digests),
        size=sum(map(kept.size, digests)),
        missing=tuple(str(d) for d in summary.get("missing") or ()),  # type: ignore[union-attr]  # a list
    )


def _write_records(store: RecordStore, path: Path) -> tuple[dict[str, int], set[str], Json]:
    """How many there are of each kind; the blobs that versions and metrics name; number and hash of the last event."""
    counts: dict[str, int] = {}
    wanted: set[str] = set()
    head: Json = None
    with store.dump() as records, path.open("wb") as file:
        for kind, text in records:
            counts[kind] = counts.get(kind, 0) + 1
            if kind in _KEPT:
                wanted |= _named(_KEPT[kind], text)
            if kind == Event.KIND:
                body = json.loads(text)
                head = {"seq": body["seq"], "hash": body["hash"]}
            file.write(f"{_lead(kind)}{text}}}\n".encode())
    return counts, wanted, head


def _named(kind: type[Version | MetricRecord], text: str) -> set[str]:
    kept = record_of(kind, json.loads(text))
    lock = kept.environment.lock if kept.environment else None
    return {d for d in (kept.digest, lock) if d}


def _lead(kind: str) -> str:
    return f'{{"kind": "{kind}", "record": '


def _records(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode().removesuffix("\n")
            kind = str(json.loads(text)["kind"])
            lead = _lead(kind)
            if not text.startswith(lead):
                raise ValueError(text)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Corrupt(f"line {number:,} of {_RECORDS} is no record", hint="take another backup") from None
        yield kind, text[len(lead) : -1]


def _copy_all(
    digests: Iterable[str], source: BlobStore, target: BlobStore, scratch: Path, *, whole: bool = False
) -> list[str]:
    """Copy blobs, checked on the way; those that are there now. Unless they must be `whole`, one that is gone or damaged is left out."""

    def copy(digest: str) -> str | None:
        try:
            if target.has(digest) and target.size(digest) == source.size(digest):
                return digest
            if source.size(digest) <= _SMALL:
                target.put(source.read(digest))
                return digest
            file = scratch / f".copy-{digest}"
            file.unlink(missing_ok=True)
            source.fetch(digest, file)
            target.put(file)
            file.unlink()
        except (NotFound, Corrupt):
            if whole:
                raise
            return None
        return digest

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="muster-blobs") as pool:
        return [done for done in pool.map(copy, digests) if done is not None]


def _summary(source: Path) -> dict[str, Json]:
    try:
        summary = json.loads((source / _SUMMARY).read_text())
        name, _, number = str(summary["format"]).rpartition("/")
    except FileNotFoundError:
        raise InvalidInput(
            f"{source} is no backup: it has no {_SUMMARY}",
            hint="name a folder that `muster db backup` made; one that ends in .unfinished was cut off",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise Corrupt(
            f"{source / _SUMMARY} cannot be read", hint="take another backup, or another copy of it"
        ) from None
    if name == "muster.backup" and number.isdecimal() and int(number) > 1:
        raise TooNew(
            f"{source} was made by a later release of Muster",
            hint="upgrade Muster with `pip install --upgrade muster-ml`",
        )
    if summary["format"] != _FORMAT:
        raise InvalidInput(
            f"{source} is no backup, but `{str(summary['format'])[:80]}`", hint="name what `muster db backup` made"
        )
    for file, digest in summary["digests"].items():
        if _digest(source / file) != digest:
            raise Corrupt(
                f"{source / file} is damaged: it is not what was written",
                hint="restore another backup, or another copy of it",
            )
    return dict(summary)


def _refuse_lacking(lacking: set[str], source: Path) -> None:
    if lacking:
        raise Corrupt(
            f"{source} lacks {len(lacking):,} of its blobs, as {min(lacking)}",
            hint="restore another backup, or another copy of it",
        )


@contextmanager
def _alone(staging: Path) -> Iterator[None]:
    """The one who writes this backup."""
    staging.mkdir(parents=True, exist_ok=True)
    folder = os.open(staging, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another process is making {staging}", hint="wait for it, or name another folder") from None
        yield
    finally:
        os.close(folder)


def _settle(staging: Path, summary: str) -> None:
    """Have all on the disk, and the summary last."""
    for name in (_RECORDS, _BLOBS):
        _sync(staging / name)
    temporary = staging / f".{_SUMMARY}"
    temporary.write_text(summary)
    _sync(temporary)
    temporary.rename(staging / _SUMMARY)
    _sync(staging)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder} cannot be used: {error.strerror or error}",
            hint="see that its disk has room and that you may read and write it; a backup that was cut off can be begun again",
        ) from error
