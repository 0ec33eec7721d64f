from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from muster.predictors.local.installed import as_installed, beyond, from_index, installed_here, own_paths
from muster.predictors.local.requirements import read_lines


def test_versions_of_this_python() -> None:
    assert installed_here(["PyYAML", "scikit.learn", "nowhere"]) == {
        "pyyaml": version("pyyaml"),
        "scikit-learn": version("scikit-learn"),
    }
    everything = installed_here()
    assert everything[canonicalize_name("PyYAML")] == version("pyyaml")
    assert len(everything) > 20


def test_what_only_the_users_own_paths_have_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site-packages"
    (folder / "own-1.0.dist-info").mkdir(parents=True)
    (folder / "own-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(folder))
    assert installed_here(["own"]) == {"own": "1.0"}
    monkeypatch.setenv("PYTHONPATH", str(folder))
    assert installed_here(["own"]) == {}
    assert str(folder) not in own_paths()
    assert any(p in own_paths() for p in sys.path)


def test_requirements_with_all_that_they_need() -> None:
    found, notes, whole = as_installed(read_lines(["scikit-learn<1", "idna; python_version < '3'"]))
    names = [line.partition("==")[0] for line in found.lines]
    assert {"scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"} <= set(names)
    assert "idna" not in names
    assert f"scikit-learn=={version('scikit-learn')}" in found.lines
    assert notes == (f"scikit-learn {version('scikit-learn')} is installed here; the model asks for <1",)
    assert whole


def test_what_is_not_installed_stays_as_it_was_asked_for() -> None:
    found, notes, whole = as_installed(read_lines(["nowhere>=2", "pyyaml"]))
    assert found.lines == (f"pyyaml=={version('pyyaml')}", "nowhere>=2")
    assert notes == ("nowhere is not installed here and comes from the index",)
    assert not whole


def test_extras_are_followed() -> None:
    plain, _, _ = as_installed(read_lines(["hypothesis"]))
    more, _, _ = as_installed(read_lines(["hypothesis[numpy]"]))
    assert any(line.startswith("numpy==") for line in more.lines)
    assert not any(line.startswith("numpy==") for line in plain.lines)


def test_what_lies_in_a_folder_is_installed_and_not_from_an_index() -> None:
    """Its content changes under one version, so that a lock with that version says nothing of it."""
    assert "muster-ml" in installed_here(["muster-ml"])
    assert set(from_index(["muster-ml", "pyarrow"])) == {"pyarrow"}


def test_what_is_installed_beside_a_lock() -> None:
    found = beyond(["scikit-learn", "NumPy"])
    assert {"pandas", "pytest", "_pytest"} <= set(found["modules"])
    assert not {"sklearn", "numpy", "muster"} & set(found["modules"])  # muster was installed from a folder
    assert "pandas" in found["packages"]
    assert "scikit-learn" not in found["packages"]
    assert list(found["folders"]) == own_paths()
