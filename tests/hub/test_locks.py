"""What is registered under this Python runs wherever its lock is built: the probe sees what the lock has and no more."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import muster
from muster.errors import ModelFailed
from muster.predictors.local.installed import own_paths
from muster.predictors.local.process import WorkerProcess
from muster.records import Version
from muster.signature import Json

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
FORM = "def predict(data):\n    return [type(data).__module__.split('.')[0]] * len(data)\n"


def _registered(folder: Path, source: object, *needs: str, **given: Any) -> Version:
    (folder / "needs.txt").write_text("\n".join(needs))
    with muster.open(folder / "hub") as hub:
        return hub.register("m", source, sample=FRAME, environment=folder / "needs.txt", **given)


@pytest.mark.parametrize(("needs", "form"), [(["pandas"], "pandas"), (["pyarrow"], "pyarrow")])
def test_the_form_of_data_depends_on_the_lock_and_on_nothing_else(tmp_path: Path, needs: list[str], form: str) -> None:
    (tmp_path / "model.py").write_text(FORM)
    version = _registered(tmp_path, tmp_path / "model.py", *needs, classes=["pandas", "pyarrow"])
    assert version.load["input"] == form.replace("pyarrow", "arrow")
    with muster.open(tmp_path / "hub") as hub:  # whose workers run in this Python, which has pandas
        assert hub.predict("m", FRAME)["prediction"].to_pylist() == [form] * 3


LOOKS = {
    "import": "import pandas",
    "import below": "import pandas.core",
    "metadata": "from importlib.metadata import version; version('pandas')",
    "distributions": "from importlib.metadata import distributions as all_of; "
    "assert 'pandas' in {d.name for d in all_of()}, 'no package pandas'",
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_model_that_uses_what_its_lock_lacks_is_refused(tmp_path: Path, look: str) -> None:
    (tmp_path / "model.py").write_text(f"def predict(data):\n    {LOOKS[look]}\n    return data['x']\n")
    with pytest.raises(ModelFailed, match=r"[Nn]o (module|package).*pandas"):
        _registered(tmp_path, tmp_path / "model.py", "pyarrow", task="regression")
    _registered(tmp_path, tmp_path / "model.py", "pandas", task="regression")


def test_a_module_of_the_model_s_own_may_be_called_as_a_package_that_is_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "pandas.py").write_text("TIMES = 41.5\n")
    (folder / "model.py").write_text(
        "import importlib.util\nimport pandas\nINPUT = 'arrow'\ndef predict(data):\n"
        "    assert importlib.util.find_spec('sklearn') is None\n    return [pandas.TIMES] * len(data)\n"
    )
    version = _registered(tmp_path, folder, "pyarrow", task="regression")
    assert version.probe is not None
    assert "41.5" in str(version.probe.first)


def test_an_environment_without_what_the_data_needs_fails_at_once(tmp_path: Path) -> None:
    joblib.dump(LinearRegression().fit(FRAME, [2.5, 4.5, 6.5]), tmp_path / "m.joblib")
    version = _registered(tmp_path, tmp_path / "m.joblib", "pandas", "scikit-learn", "joblib")
    assert version.load["input"] == "pandas"
    hidden = {"modules": ["pandas"], "packages": ["pandas"], "folders": own_paths()}
    with muster.open(tmp_path / "hub") as hub:
        site = hub._site
    place = Path(sys.executable), site.artifact(version.digest)

    def facts(load: Mapping[str, Json]) -> dict[str, Json]:
        with WorkerProcess(*place, load, settings=site.settings, threads=1, hidden=hidden) as worker:
            return worker.start()

    with pytest.raises(ModelFailed, match="takes its data as pandas, and its environment has no pandas"):
        facts(version.load)
    # A version of before, which stores no form, chooses it where it loads.
    assert facts({k: v for k, v in version.load.items() if k != "input"})["input"] == "numpy"


def test_a_registration_that_fails_leaves_no_copy_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(f"def predict(data):\n    return data['x'][:{2}]\n")
    with pytest.raises(ModelFailed, match="returned 2 rows for 3"):
        _registered(tmp_path, tmp_path / "model.py", "pandas", task="regression")
    assert not [p for p in (tmp_path / "hub").rglob("artifacts/*") if p.is_dir()]


def test_a_registration_that_fails_leaves_the_copy_that_a_version_has(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def predict(data):\n    return data['x'] * 9\n")
    with muster.open(tmp_path / "hub") as hub:
        version = hub.register("m", tmp_path / "model.py", sample=FRAME, environment="current", task="regression")
        with pytest.raises(muster.MusterError):
            hub.register("n", tmp_path / "model.py", sample=FRAME, environment="current", classes=["a", "b"])
        assert any(p.name == version.digest for p in (tmp_path / "hub").rglob("artifacts/*"))
