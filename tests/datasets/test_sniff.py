from __future__ import annotations

from pathlib import Path

import pytest

from muster.datasets.content import Disk
from muster.datasets.files import File
from muster.datasets.sniff import Layout, layout_of
from muster.errors import DatasetError
from tests.datasets.tables import written


def layout(path: Path, content: str | bytes, **given: object) -> Layout:
    written(path, content)
    declared = {"delimiter": None, "quote": '"', "encoding": None, "header": True, **given}
    return layout_of(File(Disk(path), path.name, path.stat().st_size), **declared)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        ("a,b\n1,2\n", ",", ("a", "b")),
        ("a;b\n1,5;2,5\n", ";", ("a", "b")),
        ("a\tb\n1\t2\n", "\t", ("a", "b")),
        ("a|b\n1|2\n", "|", ("a", "b")),
        ("a\n1\n2\n", ",", ("a",)),
        ("a\nhello, world\nx, y, z\n", ",", ("a",)),
        ('"a,x",b\n"1,1,1",2\n', ",", ("a,x", "b")),
        ('"a,x";b\n"1;1";2\n', ";", ("a,x", "b")),
        ("a,b c\n1,2\n", ",", ("a", "b c")),
        ("a;b,c;d\n1;2,5;3\n4;5,5;6\n", ";", ("a", "b,c", "d")),
        ("a,b\n1,2\n1,2,3\n1,2\n", ",", ("a", "b")),
        ("a,b", ",", ("a", "b")),
        ("\n\na,b\n1,2\n", ",", ("a", "b")),
        ("\ufeffa,b\r\n1,2\r\n", ",", ("a", "b")),
        ('"a\nb",c\n1,2\n', ",", ("a\nb", "c")),
    ],
)
def test_the_delimiter_is_the_one_that_cuts_alike(
    tmp_path: Path, text: str, delimiter: str, names: tuple[str, ...]
) -> None:
    found = layout(tmp_path / "x.csv", text)
    assert (found.delimiter, found.names) == (delimiter, names)


def test_a_delimiter_that_could_be_either_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"could be ';' or ','"):
        layout(tmp_path / "x.csv", "a,b;c\n1,2;3\n")
    assert layout(tmp_path / "x.csv", "a,b;c\n1,2;3\n", delimiter=";").names == ("a,b", "c")


def test_what_is_declared_is_not_looked_for(tmp_path: Path) -> None:
    assert layout(tmp_path / "x.csv", "a;b,c\n", delimiter="b").names == ("a;", ",c")
    assert layout(tmp_path / "x.csv", "a,b\n1,2\n", header=False).names == ("f0", "f1")
    assert layout(tmp_path / "x.csv", "'a,x',b\n", quote="'").names == ("a,x", "b")
    assert layout(tmp_path / "x.csv", '"a,"x,b\n', quote="").names == ('"a', '"x', "b")
    assert layout(tmp_path / "x.csv", "é\n".encode("latin-1"), encoding="latin-1").names == ("é",)


def test_tsv_is_cut_by_tabs(tmp_path: Path) -> None:
    assert layout(tmp_path / "x.tsv", "a,b,c\td\n1,2,3\t4\n").names == ("a,b,c", "d")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetError, match=r"x\.csv: is empty"):
        layout(tmp_path / "x.csv", content)


def test_columns_without_a_name_or_with_the_same_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"column 2, 5 has no name; there is more than one column `a`, `b`"):
        layout(tmp_path / "x.csv", "a,,a,b, ,b,c\n")


def test_text_of_another_encoding_is_told_before_the_header_is_known(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its beginning is no utf-8 text: byte 0xe9") as caught:
        layout(tmp_path / "x.csv", "é,b\n1,2\n".encode("latin-1"))
    assert "?encoding=latin-1" in caught.value.hint
    assert layout(tmp_path / "y.csv", "a,b\n1,é\n".encode("latin-1")).names == ("a", "b")


def test_a_header_may_be_longer_than_the_first_look(tmp_path: Path) -> None:
    names = tuple(f"a rather long name of column {i}" for i in range(20_000))
    found = layout(tmp_path / "x.csv", ";".join(names) + "\n" + ";".join(["1"] * 20_000) + "\n")
    assert found.names == names
    assert found.block > 8 << 20
