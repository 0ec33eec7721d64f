"""Files for conda and virtualenv, as requirements of pip."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import EnvironmentFailed
from muster.predictors.local.conda import from_conda, read_environment


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy=1.26.4", "numpy==1.26.4"),
        ("numpy==1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy 1.26.4 py311_0", "numpy==1.26.4"),
        ("numpy >=1.20, <2", "numpy>=1.20,<2"),
        ("numpy=*", "numpy"),
        ("conda-forge::Scikit-Learn=1.6", "scikit-learn==1.6.*"),
        ("pytorch=2.3.1", "torch==2.3.1"),
        ("py-xgboost=2.1", "xgboost==2.1.*"),
        ("matplotlib-base", "matplotlib"),
        ("libclang", "libclang"),
    ],
)
def test_what_the_index_has(entry: str, line: str) -> None:
    assert from_conda({"dependencies": [entry]}).lines == [line]


@pytest.mark.parametrize("entry", ["python=3.10.4", "python 3.10.*", "python>=3.10", "python==3.10"])
def test_the_python_is_told(entry: str) -> None:
    assert from_conda({"dependencies": [entry]}).python == "3.10"


@pytest.mark.parametrize("entry", ["pip", "mkl=2023.1", "cudatoolkit=11.8", "libgcc-ng=13", "_openmp_mutex", "openssl"])
def test_what_wheels_bring_along_is_left_out(entry: str) -> None:
    told = from_conda({"dependencies": [entry]})
    assert (told.lines, told.refused) == ([], [])


@pytest.mark.parametrize(
    "entry", ["r-base", "r-dplyr=1.1", "openjdk", "libgdal", "nodejs=20", "numpy[build=cuda]", "a b c d"]
)
def test_what_conda_alone_has_is_refused(entry: str) -> None:
    told = from_conda({"dependencies": [entry]})
    assert (told.lines, told.refused) == ([], [entry])


def test_a_file_of_condas_is_read_and_all_that_is_refused_named(tmp_path: Path) -> None:
    file = tmp_path / "conda.yaml"
    file.write_text(
        "name: m\nchannels: [conda-forge]\ndependencies:\n- python=3.11.7\n- pandas=2.2\n- pip:\n  - six==1.16.0\n"
    )
    told = read_environment(file)
    assert (told.lines, told.python) == (["pandas==2.2.*", "six==1.16.0"], "3.11")
    file.write_text("dependencies: [python=3.11, r-base, openjdk=11, pandas]\n")
    with pytest.raises(EnvironmentFailed) as refused:
        read_environment(file)
    assert refused.value.message.startswith("only conda can install r-base, openjdk=11, and")


def test_a_file_of_virtualenvs_is_read(tmp_path: Path) -> None:
    file = tmp_path / "python_env.yaml"
    file.write_text("python: 3.10.13\nbuild_dependencies: [pip==24.0]\ndependencies: [-r requirements.txt, six]\n")
    told = read_environment(file)
    assert (told.lines, told.python) == (["-r requirements.txt", "six"], "3.10")
    file.write_text("python: new\ndependencies: []\n")
    with pytest.raises(EnvironmentFailed, match="'new' is no Python version"):
        read_environment(file)


@pytest.mark.parametrize("text", ["[]", "a: 1", "dependencies: {}", "dependencies: [", "\0"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "conda.yaml").write_text(text)
    with pytest.raises(EnvironmentFailed, match=r"conda\.yaml"):
        read_environment(tmp_path / "conda.yaml")


@given(st.recursive(st.none() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_no_document_breaks_it(document: object) -> None:
    told = from_conda({"dependencies": document})  # type: ignore[dict-item]
    assert all(isinstance(line, str) for line in told.lines)
