"""Outputs of files: a folder of parts, or one file, written chunk by chunk in a folder beside it and put in place by one rename.

The staging folder `<output>.muster-<run>/` holds `chunks/` and `rejects/`, a file for each chunk; `output/`, which is what
will be put in place; and for a single file `commit.json`, which tells that it is assembled and what its digest is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from muster.dataset import KeptRejects, Written
from muster.datasets.assemble import assemble, reasons_of, reject_lines, rejects_of, without_dictionaries
from muster.datasets.disk import create, digest_of, exchange, move_new, remove, sync_folder, writing
from muster.datasets.encode import Encoding
from muster.datasets.files import compression_of, cores, suffix_of
from muster.datasets.formats import COMPRESSED, SUFFIXES
from muster.datasets.listing import MANIFEST, MANIFEST_FORMAT, REJECTS
from muster.datasets.location import Location, claims, locate
from muster.datasets.obstacles import refuse_obstacles
from muster.errors import DatasetError, InvalidInput

__all__ = ["FileSink", "FileSinks", "encoding_for", "is_folder"]

Rejected: TypeAlias = Sequence[tuple[Path, int]]
"""The rejects of each chunk, and the rows before its part."""

_FOLDER_REJECTS = "_rejects.jsonl"
_REJECTS_SHA256 = "rejects_sha256"


class FileSinks:
    """SinkKind of paths: with the suffix of a format one file; without a suffix, or with a slash at the end, a folder of parts.

    Options: `format` (of the parts: parquet, csv, csv.gz, jsonl.zst, arrow, …), `compression` in Parquet, `delimiter` of CSV.
    """

    name = "files"

    def claims(self, uri: str) -> bool:
        return claims(uri)

    def create(
        self,
        uri: str,
        run: str,
        schema: pa.Schema,
        *,
        overwrite: bool = False,
        inputs: Sequence[str] = (),
        scratch: Path | None = None,
    ) -> FileSink:
        location = locate(uri)
        path = location.path
        if location.pattern or not path.name:
            raise InvalidInput(f"`{uri}` is no output", hint="give the path of a file or a folder")
        folder = is_folder(path, written=location.folder)
        encoding = encoding_for(path, location.options, folder=folder)
        return FileSink(location, run, schema, encoding, folder, overwrite, tuple(inputs))


def is_folder(path: Path, *, written: bool) -> bool:
    """Whether an output is a folder of parts: `written` with a slash at its end, or without a suffix."""
    return written or (not suffix_of(path) and compression_of(path) is None)


def encoding_for(path: Path, options: Mapping[str, str], *, folder: bool) -> Encoding:
    """How an output of this name is written. InvalidInput names all that is wrong with its options."""
    like = path
    if folder or "format" in options:
        like = Path(f"x.{options.get('format', 'parquet')}")
    name, packing = SUFFIXES.get(suffix_of(like)), compression_of(like)
    if name is None or (packing and name not in COMPRESSED):
        told = (
            f"`{path.name}` has no suffix of a format" if like is path else f"there is no format `{options['format']}`"
        )
        raise InvalidInput(
            f"{told} that Muster writes",
            hint="use .parquet, .csv, .jsonl or .arrow, text also with .gz or .zst; for a folder of parts put a slash at the end",
        )
    delimiter = {"delimiter": "\t"} if suffix_of(like) == ".tsv" else {}
    return Encoding.configure(name, packing, {**delimiter, **options})


@dataclass(frozen=True, slots=True)
class FileSink:
    """A Sink. What is in staging decides what is left to do, so every step may be done again after a kill."""

    location: Location
    run: str
    schema: pa.Schema
    encoding: Encoding
    folder: bool
    overwrite: bool = False
    inputs: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        return self.location.path

    @property
    def output(self) -> str:
        return self.location.uri

    @property
    def staging(self) -> Path:
        return self.target.with_name(f"{self.target.name}.muster-{self.run}")

    @property
    def rejects(self) -> str:
        return str(self._rejects)

    def rejects_sha256(self) -> str | None:
        known = (_read_json(self.target / MANIFEST if self.folder else self._record) or {}).get(_REJECTS_SHA256)
        return known if isinstance(known, str) else None

    @property
    def _rejects(self) -> Path:
        return self.target / _FOLDER_REJECTS if self.folder else self.target.with_name(self.target.name + REJECTS)

    @property
    def _ready(self) -> Path:
        """What will be put in place."""
        return self.staging / "output"

    @property
    def _staged_rejects(self) -> Path:
        """Of a single file, which cannot hold them; they follow it into place."""
        return self.staging / "rejects.jsonl"

    @property
    def _made(self) -> Path:
        """The folders above the output that were made for it, and go with it if nothing comes of it."""
        return self.staging / "made.json"

    @property
    def _record(self) -> Path:
        return self.staging / "commit.json"

    def check(self) -> None:
        refuse_obstacles(self.target, self._rejects, folder=self.folder, overwrite=self.overwrite, inputs=self.inputs)

    def begin(self) -> None:
        if self._placed():
            return
        self.check()
        with writing(self.staging):
            made = [p for p in self.target.parents if not p.exists()]
            fresh = not self.staging.exists()
            for name in ("chunks", "rejects"):
                (self.staging / name).mkdir(parents=True, exist_ok=True)
            sync_folder(self.staging)
            sync_folder(self.staging.parent)
        if fresh:
            _write_json(self._made, [str(p) for p in made])

    def write(self, part: int, index: int, table: pa.Table, rejects: Sequence[Mapping[str, object]] = ()) -> Written:
        table = table if table.schema.equals(self.schema) else table.select(self.schema.names).cast(self.schema)
        if self.encoding.format == "arrow" and not self.folder:
            table = without_dictionaries(table)
        content = self.encoding.encode(table, header=self.folder)
        self._write_rejects(part, index, rejects)
        path = self._chunk(part, index)
        with create(path) as stream:
            stream.write(content)
        return Written(f"chunks/{path.name}", table.num_rows, hashlib.sha256(content).hexdigest())

    def _write_rejects(self, part: int, index: int, rejects: Sequence[Mapping[str, object]]) -> None:
        path = self._chunk_rejects(part, index)
        if rejects:
            with create(path) as stream:
                stream.write(reject_lines(rejects))
        else:
            path.unlink(missing_ok=True)

    def _chunk(self, part: int, index: int) -> Path:
        return self.staging / "chunks" / f"{part:06}-{index:06}{self.encoding.suffix}"

    def _chunk_rejects(self, part: int, index: int) -> Path:
        return self.staging / "rejects" / f"{part:06}-{index:06}.jsonl"

    def commit(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], starts: Mapping[int, int]
    ) -> None:
        with writing(self.target):
            if not self._placed():
                rejected = [(self._chunk_rejects(part, index), starts[part]) for part, index in chunks]
                make_ready = self._ready_folder if self.folder else self._ready_file
                make_ready(chunks, {"format": MANIFEST_FORMAT, "run": self.run, **manifest}, rejected)
                self._place()
            if self._staged_rejects.exists():
                self._staged_rejects.replace(self._rejects)
            self._kept.unlink(missing_ok=True)
            sync_folder(self.target.parent)
            self._tidy()

    def _ready_folder(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], rejected: Rejected
    ) -> None:
        self._ready.mkdir(exist_ok=True)
        parts = [self._ready / name for name in _part_names(len(chunks), self.encoding.suffix)]
        for (part, index), target in zip(chunks, parts, strict=True):
            chunk = self._chunk(part, index)
            if chunk.exists():
                chunk.replace(target)
            elif not target.exists():
                raise DatasetError(
                    f"chunk {chunk.name} of the run is gone from {chunk.parent}", details={"resume": False}
                )
        some = rejects_of(rejected, self._ready / _FOLDER_REJECTS)
        with ThreadPoolExecutor(cores()) as pool:
            digests = list(pool.map(digest_of, parts))
        files = [{"path": p.name, "size": p.stat().st_size, "sha256": d} for p, d in zip(parts, digests, strict=True)]
        _write_json(self._ready / MANIFEST, {**manifest, "files": files, **({_REJECTS_SHA256: some} if some else {})})

    def _ready_file(
        self, chunks: Sequence[tuple[int, int]], manifest: Mapping[str, object], rejected: Rejected
    ) -> None:
        if self._record.exists():
            return
        found = [self._chunk(part, index) for part, index in chunks]
        lost = [chunk.name for chunk in found if not chunk.exists()]
        if lost:
            raise DatasetError(
                f"chunks of the run are gone from {self.staging}: {', '.join(lost[:5])}", details={"resume": False}
            )
        digest, size = assemble(found, self._ready, self.encoding, self.schema)
        some = rejects_of(rejected, self._staged_rejects)
        _write_json(self._record, {**manifest, "sha256": digest, "size": size, _REJECTS_SHA256: some})

    def _place(self) -> None:
        if not self.folder and self.overwrite and not (_read_json(self._record) or {}).get(_REJECTS_SHA256):
            self._rejects.unlink(missing_ok=True)
        if not self.overwrite or not self.target.exists():
            move_new(self._ready, self.target)
        elif self.folder or self.target.is_dir():
            exchange(self._ready, self.target)
        else:
            self._ready.replace(self.target)

    def _placed(self) -> bool:
        """Whether what this run made stands at its target, told by its run and by its digest."""
        if self.folder:
            manifest = _read_json(self.target / MANIFEST) or {}
            return manifest.get("run") == self.run and self._complete(manifest)
        record = _read_json(self._record)
        if record is None or not self.target.is_file() or self.target.stat().st_size != record["size"]:
            return False
        return digest_of(self.target) == record["sha256"]

    def keep_rejects(self, chunks: Sequence[tuple[int, int]], starts: Mapping[int, int]) -> KeptRejects:
        digest = rejects_of([(self._chunk_rejects(part, index), starts[part]) for part, index in chunks], self._kept)
        assert digest is not None, "whoever keeps rejects has some"
        return KeptRejects(str(self._kept), digest, reasons_of(self._kept))

    @property
    def _kept(self) -> Path:
        """Named by the run: neither the rejects of an output that stands there nor in the way of the next run."""
        return self.target.with_name(f"{self.target.name}.{self.run}{REJECTS}")

    def committed(self) -> bool:
        return self._placed() and not self._staged_rejects.exists()

    def _complete(self, manifest: Mapping[str, object]) -> bool:
        files = manifest.get("files")
        return isinstance(files, list) and all((self.target / str(f["path"])).is_file() for f in files)

    def _tidy(self) -> None:
        """Leave nothing in staging but what tells that a single file was put in place."""
        for path in [self.staging] if self.folder else [p for p in self.staging.iterdir() if p != self._record]:
            remove(path)

    def discard(self) -> None:
        made = _read_json(self._made)
        remove(self.staging)
        for folder in map(Path, made if isinstance(made, list) else ()):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _part_names(count: int, suffix: str) -> list[str]:
    """Numbers of one width, because readers take the files in bytewise order."""
    width = max(5, len(str(count - 1)))
    return [f"part-{n:0{width}}{suffix}" for n in range(count)]


def _write_json(path: Path, document: object) -> None:
    with create(path) as stream:
        stream.write(json.dumps(document, indent=1, ensure_ascii=False).encode(errors="backslashreplace"))


def _read_json(path: Path) -> Any:
    """A document that was written whole, or None if there is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
