from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from muster.datasets.table import Columns, Files, group_spans
from muster.errors import DatasetError, InvalidInput
from tests.datasets.tables import chunks, opened, rows, written


def test_the_kind_claims_and_opens() -> None:
    assert Files.name == "files"
    assert Files().claims("x.csv")
    assert not Files().claims("s3://bucket/x.csv")


def test_mixed_and_unknown_formats_are_refused_with_names(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "n\n1\n")
    written(tmp_path / "b.csv.gz", "")
    written(tmp_path / "c.jsonl", "{}")
    with pytest.raises(DatasetError, match=r"csv: a\.csv, b\.csv\.gz; jsonl: c\.jsonl"):
        opened(tmp_path)
    written(tmp_path / "README.txt", "hello")
    written(tmp_path / "d.parquet.gz", "")
    with pytest.raises(DatasetError, match=r"no format is known for README\.txt, d\.parquet\.gz"):
        opened(tmp_path)
    assert rows(opened(f"{tmp_path}/*.csv")) == [{"n": 1}]


def test_the_format_may_be_told(tmp_path: Path) -> None:
    written(tmp_path / "data.txt", "n\n1\n")
    assert rows(opened(f"{tmp_path}/data.txt?format=csv")) == [{"n": 1}]
    assert rows(opened(tmp_path / "data.txt", {"format": "csv", "type.n": "string"})) == [{"n": "1"}]
    assert rows(opened(f"{tmp_path}?format=csv.gz")) == [{"n": 1}]


def test_the_uri_opens_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "x y.csv", "n;m\n1;2\n")
    monkeypatch.chdir(tmp_path)
    found = opened("x y.csv", {"delimiter": ";", "type.n": "double"})
    assert found.uri == f"{tmp_path}/x y.csv?delimiter=%3B&type.n=double"
    monkeypatch.chdir("/")
    assert rows(opened(found.uri)) == [{"n": 1.0, "m": 2}]
    assert found.files == (tmp_path / "x y.csv",)


def test_the_fingerprint_is_what_it_says(tmp_path: Path) -> None:
    written(tmp_path / "b.csv", "n\n1\n")
    written(tmp_path / "a/é.csv", "n\n23\n")
    lines = [
        f"{name}\0{len(c)}\0{hashlib.sha256(c).hexdigest()}\n"
        for name, c in (("a/é.csv", b"n\n23\n"), ("b.csv", b"n\n1\n"))
    ]
    assert opened(tmp_path).fingerprint() == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert opened(tmp_path).size() == 9


def test_the_stamp_changes_when_a_file_is_touched(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "n\n1\n")
    found = opened(path)
    before = found.stamp()
    os.utime(path, ns=(1, 1))
    assert found.stamp() != before
    assert opened(path).fingerprint() == found.fingerprint()


def test_unknown_columns_are_named_with_near_ones(tmp_path: Path) -> None:
    found = opened(written(tmp_path / "x.csv", "distance,origin\n1,x\n"))
    with pytest.raises(InvalidInput, match=r"`distanse`; did you mean `distance`.*`dest`") as caught:
        chunks(found, columns=["distanse", "origin", "dest"])
    assert "distance, origin" in caught.value.hint


@pytest.mark.parametrize(
    ("groups", "rows_", "spans"),
    [
        ([], 10, [(0, 0)]),
        ([0], 10, [(0, 1)]),
        ([5], 10, [(0, 1)]),
        ([10, 10], 10, [(0, 1), (1, 2)]),
        ([4, 4, 4, 4], 8, [(0, 2), (2, 4)]),
        ([4, 4, 4], 8, [(0, 3)]),
        ([100, 1], 10, [(0, 2)]),
        ([1, 100, 1, 1, 9, 3], 10, [(0, 2), (2, 6)]),
    ],
)
def test_groups_are_joined_to_parts(groups: list[int], rows_: int, spans: list[tuple[int, int]]) -> None:
    assert [(s.start, s.stop) for s in group_spans(groups, rows_)] == spans


def test_a_part_sent_elsewhere_finds_the_types_that_it_lacks(tmp_path: Path) -> None:
    found = opened(written(tmp_path / "x.csv", "a,b\n1,2.5\n"))
    (part,) = found.parts(10)
    sent = pickle.loads(pickle.dumps(part))
    (chunk,) = sent.chunks(10)
    assert chunk.batch.to_pylist() == [{"a": 1, "b": 2.5}]
    (chunk,) = part.chunks(10)
    lean = pickle.loads(pickle.dumps(part))
    assert isinstance(lean.columns, Columns)
    assert lean.columns._files == ()
    assert lean.columns.schema() == pa.schema([("a", pa.int64()), ("b", pa.float64())])
