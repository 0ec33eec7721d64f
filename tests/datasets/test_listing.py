from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from muster.datasets.listing import find, partition_types
from muster.datasets.location import locate
from muster.errors import DatasetError, DatasetNotFound, TooNew
from tests.datasets.tables import opened, rows, types, written


def names(uri: Path | str) -> list[str]:
    return [file.name for file in find(locate(str(uri)))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name in ("b.csv", "a.csv", "B.csv", "a/z.csv", "a-b/y.csv", "é/x.csv", "a/b/w.csv"):
        written(root / name, "n\n1\n")
    for name in (
        "_SUCCESS",
        ".hidden.csv",
        "a/_temporary/x.csv",
        ".git/x.csv",
        "o.csv.rejects.jsonl",
        "o.muster-01ABC/chunks/x.csv",
    ):
        written(root / name, "hidden")
    return root


def test_files_count_in_bytewise_order_of_path(folder: Path) -> None:
    assert names(folder) == ["B.csv", "a-b/y.csv", "a.csv", "a/b/w.csv", "a/z.csv", "b.csv", "é/x.csv"]


def test_a_file_is_named_by_its_own_name(folder: Path) -> None:
    assert names(folder / "a" / "z.csv") == ["z.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["B.csv", "a.csv", "b.csv"]),
        ("[ab].csv", ["a.csv", "b.csv"]),
        ("*/*.csv", ["a-b/y.csv", "a/z.csv", "é/x.csv"]),
        ("**/*.csv", ["B.csv", "a-b/y.csv", "a.csv", "a/b/w.csv", "a/z.csv", "b.csv", "é/x.csv"]),
        ("a*", ["a-b/y.csv", "a.csv", "a/b/w.csv", "a/z.csv"]),
        ("**", ["B.csv", "a-b/y.csv", "a.csv", "a/b/w.csv", "a/z.csv", "b.csv", "é/x.csv"]),
        ("?/**/w.csv", ["a/b/w.csv"]),
    ],
)
def test_globs(folder: Path, pattern: str, expected: list[str]) -> None:
    assert names(folder / pattern) == expected


def test_what_is_not_there_is_told_with_what_is(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound, match=r"no file or folder .*c\.csv") as caught:
        find(locate(f"{folder}/c.csv"))
    assert "a.csv, b.csv" in caught.value.hint
    with pytest.raises(DatasetNotFound) as caught:
        find(locate(f"{folder}/a/nope/deeper/x.csv"))
    assert caught.value.hint.endswith(f"{folder}/a")
    with pytest.raises(DatasetNotFound, match="no file matches"):
        find(locate(f"{folder}/*.parquet"))
    with pytest.raises(DatasetNotFound, match="no file matches"):
        find(locate(f"{tmp_path}/nope/*.parquet"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetNotFound, match="holds no data"):
        find(locate(f"{tmp_path}/empty"))


def test_links_are_followed_but_not_in_circles(folder: Path, tmp_path: Path) -> None:
    outside = written(tmp_path / "outside" / "o.csv", "n\n1\n")
    (folder / "link.csv").symlink_to(outside)
    (folder / "more").symlink_to(outside.parent)
    (folder / "a" / "up").symlink_to(folder)
    found = names(folder)
    assert "link.csv" in found
    assert "more/o.csv" in found
    assert len(found) == 9


def test_a_broken_link_and_a_pipe_are_refused(folder: Path) -> None:
    (folder / "gone.csv").symlink_to(folder / "nowhere.csv")
    with pytest.raises(DatasetError, match=r"gone\.csv is a link to nothing"):
        find(locate(str(folder)))
    (folder / "gone.csv").unlink()
    os.mkfifo(folder / "pipe.csv")
    with pytest.raises(DatasetError, match=r"pipe\.csv is no file"):
        find(locate(str(folder)))


def test_a_name_that_is_no_text_is_refused_and_shown_escaped(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.csv"
    Path(os.fsdecode(path)).write_bytes(b"n\n1\n")
    with pytest.raises(DatasetError, match=r"/\\xff\.csv is no UTF-8"):
        names(tmp_path)


def test_partitions_are_columns(tmp_path: Path) -> None:
    for month, place, n in (("1", "x%20y", 1), ("02", "__HIVE_DEFAULT_PARTITION__", 2), ("10", "z", 3)):
        written(tmp_path / f"month={month}" / f"_place={place}" / "f.csv", f"n\n{n}\n")
    found = opened(tmp_path)
    assert types(found) == {"n": "int64", "month": "int64", "_place": "string"}
    assert rows(found) == [
        {"n": 2, "month": 2, "_place": None},
        {"n": 1, "month": 1, "_place": "x y"},
        {"n": 3, "month": 10, "_place": "z"},
    ]
    assert rows(found, columns=["_place"])[1] == {"_place": "x y"}
    assert rows(found, columns=["month", "n"])[0] == {"month": 2, "n": 2}


def test_a_partition_wins_over_a_column_of_the_files(tmp_path: Path) -> None:
    written(tmp_path / "k=a" / "f.csv", "n,k\n1,7\n")
    assert rows(opened(tmp_path)) == [{"n": 1, "k": "a"}]
    assert types(opened(tmp_path).declare({"k": pa.int8()})) == {"n": "int64", "k": "string"}


def test_uneven_partitions_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "k=1" / "f.csv", "n\n1\n")
    written(tmp_path / "f.csv", "n\n1\n")
    with pytest.raises(DatasetError, match=r"f\.csv, k=1/f\.csv"):
        opened(tmp_path)


def test_a_whole_number_beyond_64_bits_is_text(tmp_path: Path) -> None:
    written(tmp_path / f"k={2**63}" / "f.csv", "n\n1\n")
    assert partition_types(find(locate(str(tmp_path)))) == {"k": pa.string()}


def manifest(folder: Path, document: object) -> Path:
    return written(folder / "_muster.json", json.dumps(document))


def test_an_output_of_muster_is_its_parts(folder: Path) -> None:
    manifest(folder, {"format": "muster.output/1", "files": [{"path": "b.csv"}, {"path": "a.csv"}]})
    assert names(folder) == ["a.csv", "b.csv"]


def test_an_output_that_lacks_parts_is_refused(folder: Path) -> None:
    manifest(folder, {"format": "muster.output/1", "files": [{"path": "a.csv"}, {"path": "c.csv"}]})
    with pytest.raises(DatasetError, match=r"lists: c\.csv"):
        find(locate(str(folder)))


def test_a_manifest_of_a_later_release_is_refused(folder: Path) -> None:
    manifest(folder, {"format": "muster.output/2", "parts": []})
    with pytest.raises(TooNew, match=r"muster\.output/2"):
        find(locate(str(folder)))


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "x"}', '{"format": "muster.output/1"}'])
def test_a_manifest_that_is_none_is_refused(folder: Path, content: str) -> None:
    written(folder / "_muster.json", content)
    with pytest.raises(DatasetError, match="no manifest"):
        find(locate(str(folder)))
