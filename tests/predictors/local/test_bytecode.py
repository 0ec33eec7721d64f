"""What a worker imported is compiled once, in the environment alone, and never again at the next start."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pyarrow as pa
import pytest

from muster.predictors.local import bytecode
from muster.predictors.local.bytecode import Compiling
from tests.worker.doubles import FIRST, make_worker

pytestmark = pytest.mark.usefixtures("text_models")

PACKAGES = str(Path(pa.__file__).parents[1])
"""As the artifact's folder, so that a worker that is shut in may read pyarrow there."""

CODE = "import used_one, sys\nFACTS = {'cached': used_one.__cached__}\n" + FIRST


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An environment as Muster builds one, with two modules and without byte code; its Python."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    for name in ("used_one", "unused_one"):
        (site / f"{name}.py").write_text("x = 1\n")
    (site / "others.pth").write_text(PACKAGES)
    (folder / "muster.json").write_text("{}")
    return folder / "bin" / "python"


def test_what_was_imported_is_compiled_and_nothing_else(built: Path) -> None:
    with make_worker(CODE, python=str(built), folder=PACKAGES, worker_isolation="best") as worker:
        cached = Path(str(worker.start()["cached"]))
    if not str(worker.reached).startswith(("landlock", "sandbox")):
        pytest.skip("never: a worker that is not shut in writes byte code itself")
    assert cached.is_file()
    assert [f.name.partition(".")[0] for f in cached.parent.iterdir()] == ["used_one"]
    before = cached.stat().st_mtime_ns
    with make_worker(CODE, python=str(built), folder=PACKAGES, worker_isolation="best") as again:
        again.start()
    assert cached.stat().st_mtime_ns == before


def test_nothing_outside_of_the_environment_is_compiled(built: Path, tmp_path: Path) -> None:
    site = next(built.parent.parent.glob("lib/python*/site-packages"))
    outside = tmp_path / "outside.py"
    outside.write_text("x = 1\n")
    (site / "link.py").symlink_to(outside)
    told: list[object] = [
        str(outside),
        str(site / "link.py"),
        str(site / ".." / ".." / ".." / ".." / "outside.py"),
        str(site / "absent.py"),
        str(site),
        f"{site}/used_one.py\n{outside}",
        None,
        3,
        str(site / "unused_one.py"),
    ]
    Compiling(built, told).wait()
    assert [f.name.partition(".")[0] for f in (site / "__pycache__").iterdir()] == ["unused_one"]
    assert not (tmp_path / "__pycache__").exists()


def test_a_python_of_somebody_elses_is_left_alone(built: Path) -> None:
    (built.parent.parent / "muster.json").unlink()
    site = next(built.parent.parent.glob("lib/python*/site-packages"))
    Compiling(built, [str(site / "used_one.py")]).wait()
    assert not (site / "__pycache__").exists()


@pytest.mark.parametrize("kept", [True, False])
def test_this_python_is_treated_as_it_treats_itself(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "one.py"
    module.write_text("x = 1\n")
    monkeypatch.setattr(bytecode, "own_paths", lambda: [str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", not kept)
    Compiling(Path(sys.executable), [str(module)]).wait()
    assert (tmp_path / "__pycache__").exists() == kept


def test_what_cannot_be_compiled_harms_nothing(built: Path) -> None:
    site = next(built.parent.parent.glob("lib/python*/site-packages"))
    (site / "broken.py").write_text("def (\n")
    Compiling(built, [str(site / "broken.py"), str(site / "used_one.py")]).wait()
    assert [f.name.partition(".")[0] for f in (site / "__pycache__").iterdir()] == ["used_one"]
    built.unlink()
    Compiling(built, [str(site / "unused_one.py")]).wait()
