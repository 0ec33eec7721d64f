from __future__ import annotations

from pathlib import Path

import pytest

from muster.datasets.location import claims, locate
from muster.errors import InvalidInput


@pytest.mark.parametrize("uri", ["x.csv", "a/b", "/a/*.csv", "file:///a", "FILE:a", "~/x", "a?b=c", "."])
def test_paths_are_claimed(uri: str) -> None:
    assert claims(uri)


@pytest.mark.parametrize("uri", ["", "s3://b/k", "data:flights", "sqlite:///db?table=t", "delta:x", "https://h/x.csv"])
def test_what_is_another_kinds_is_not(uri: str) -> None:
    assert not claims(uri)


def test_a_plain_path_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = locate("a/../b.csv")
    assert found.path == tmp_path / "b.csv"
    assert (found.options, found.pattern, found.folder) == ({}, (), False)
    assert locate("a/").folder
    assert locate("a/").uri == f"{tmp_path}/a/"


def test_the_home_folder_may_be_written_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("~/x.csv").path == tmp_path / "x.csv"


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        ("/x.csv?delimiter=;", {"delimiter": ";"}),
        ("/x.csv?delimiter=%3B&quote='", {"delimiter": ";", "quote": "'"}),
        (
            "/x.csv?type.dep%20time=double&type.b=timestamp[us, tz=UTC]",
            {"type.dep time": "double", "type.b": "timestamp[us, tz=UTC]"},
        ),
        ("/x.csv?null=a?b", {"null": "a?b"}),
        ("/x.csv?delimiter=", {"delimiter": ""}),
    ],
)
def test_options_follow_the_question_mark(uri: str, options: dict[str, str]) -> None:
    found = locate(uri)
    assert found.path == Path("/x.csv")
    assert found.options == options
    assert locate(found.uri) == found


def test_given_options_win_over_written_ones() -> None:
    assert locate("/x.csv?quote='&header=no", {"quote": '"'}).options == {"quote": '"', "header": "no"}


def test_a_glob_is_split_where_its_signs_begin() -> None:
    found = locate("/data/part-?.csv?delimiter=;")
    assert (found.path, found.pattern, found.options) == (Path("/data"), ("part-?.csv",), {"delimiter": ";"})
    assert locate(found.uri) == found


def test_a_path_that_exists_is_no_glob_and_has_no_options(tmp_path: Path) -> None:
    for name in ("a[1]*.csv", "b.csv?delimiter=;"):
        (tmp_path / name).touch()
        found = locate(f"{tmp_path}/{name}")
        assert (found.path, found.pattern, found.options) == (tmp_path / name, (), {})


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/d/*.csv", "/d/a.csv", True),
        ("/d/*.csv", "/d/a/b.csv", False),
        ("/d/*.csv", "/e/a.csv", False),
        ("/d/**/*.csv", "/d/a.csv", True),
        ("/d/**/*.csv", "/d/a/b/c.csv", True),
        ("/d/**", "/d", True),
        ("/d/**", "/d/a/b", True),
        ("/d/**/x/*.csv", "/d/a/x/b.csv", True),
        ("/d/**/x/*.csv", "/d/a/y/b.csv", False),
        ("/d/a?[12].csv", "/d/ab1.csv", True),
        ("/d/a?[12].csv", "/d/ab3.csv", False),
        ("/d/*/x.csv", "/d/x.csv", False),
    ],
)
def test_globs_match_part_by_part(pattern: str, path: str, fits: bool) -> None:
    assert locate(pattern).matches(Path(path)) is fits


def test_file_urls() -> None:
    assert locate("file:///a%20b/x.csv?quote='").path == Path("/a b/x.csv")
    assert locate("file://localhost/x.csv").path == Path("/x.csv")
    assert locate("file:x.csv").path == Path.cwd() / "x.csv"
    with pytest.raises(InvalidInput, match="another machine"):
        locate("file://host/x.csv")
    with pytest.raises(InvalidInput, match="empty"):
        locate("")
