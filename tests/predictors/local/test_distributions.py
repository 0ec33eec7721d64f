"""Distributions are read as importlib.metadata reads them, in a fraction of the time."""

from __future__ import annotations

import importlib.metadata
import inspect
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.local.distributions import name_of, packages_distributions, version_of


def test_what_is_installed_here_is_read_alike() -> None:
    every = list(importlib.metadata.distributions())
    assert every
    for found in every:
        assert (name_of(found), version_of(found)) == (found.metadata["Name"], found.version)


def test_modules_have_the_same_owners() -> None:
    ours, theirs = packages_distributions(), importlib.metadata.packages_distributions()
    assert {m: sorted(set(ours[m])) for m in theirs} == {m: sorted(set(names)) for m, names in theirs.items()}
    if sys.version_info >= (3, 12):
        assert set(ours) == set(theirs)


def _made(folder: Path, metadata: str, **files: str) -> PathDistribution:
    info = folder / "one-1.0.dist-info"
    info.mkdir(exist_ok=True)
    for name, text in {"METADATA": metadata, **files}.items():
        (info / name).write_text(text, encoding="utf-8", newline="")
    return PathDistribution(info)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1)


@given(
    name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True),
    version=st.from_regex(r"[0-9]+(\.[0-9]+)*", fullmatch=True),
    summary=TEXT,
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_headers_are_those_of_the_parser(
    name: str, version: str, summary: str, end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = ["Metadata-Version: 2.1", f"Summary: {summary}", f"Name: {name}", f"Version: {version}", "", "Name: other"]
    made = _made(tmp_path_factory.getbasetemp(), end.join(lines))
    assert (name_of(made), version_of(made)) == (name, version) == (made.metadata["Name"], made.version)


def test_files_tell_the_modules_where_nothing_declares_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suffix = next(s for s in sorted(_suffixes()) if s != ".py")
    files = ["one.py", f"two{suffix}", "three/__init__.py", '"four, five/x.py"', "../../bin/tool", "x.libs/y.so"]
    files += ["one-1.0.dist-info/RECORD", "__pycache__/one.cpython-311.pyc"]
    _made(tmp_path, "Name: one\nVersion: 1.0\n", RECORD="".join(f"{f},sha256=a,1\r\n" for f in files))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert set(packages_distributions()) == {"one", "two", "three", "four, five", "__pycache__"}


def test_what_it_declares_goes_before_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _made(tmp_path, "Name: one\nVersion: 1.0\n", RECORD="two.py,,\n", **{"top_level.txt": "three\nfour\n"})
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert packages_distributions() == {"three": ["one"], "four": ["one"]}


def test_one_that_is_half_removed_has_no_name(tmp_path: Path) -> None:
    made = _made(tmp_path, "")
    assert name_of(made) is None


def _suffixes() -> list[str]:
    from importlib.machinery import all_suffixes

    return [s for s in all_suffixes() if inspect.getmodulename(f"x{s}") == "x"]
