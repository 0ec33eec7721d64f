from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from muster.errors import EnvironmentFailed
from muster.predictors.local.interpreters import choose, current, inspect, minor_of
from muster.predictors.local.tool import Uv

_UV = Uv(lambda _: None)


@pytest.fixture
def pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """A pyenv whose Pythons only say which version they are; uv finds no other but the one that runs this."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", "/bin")

    def install(folder: str, says: str) -> Path:
        python = tmp_path / "versions" / folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho {says}\n")
        python.chmod(0o755)
        return python

    return install


def test_the_running_python_serves_its_own_minor() -> None:
    here = current()
    assert here.path == Path(sys.executable)
    assert choose(None, _UV, exact=True, seconds=60) == (here, ())
    assert choose(here.minor, _UV, exact=True, seconds=60) == (here, ())


def test_pyenv_gives_the_newest_that_is_what_it_says(pyenv: Callable[[str, str], Path]) -> None:
    pyenv("3.97.2", "3.97.2")
    newest = pyenv("3.97.10", "3.97.10")
    pyenv("3.97.11", "3.96.0")
    pyenv("3.97-dev", "3.97.99")
    found, notes = choose("3.97", _UV, exact=True, seconds=60)
    assert (found.path, found.version, notes) == (newest, "3.97.10", ())


def test_else_the_nearest_with_a_note_or_none_at_all(pyenv: Callable[[str, str], Path]) -> None:
    pyenv("3.95.1", "3.95.1")
    above = pyenv("3.99.1", "3.99.1")
    found, notes = choose("3.97", _UV, exact=False, seconds=60)
    assert found.path == above
    assert notes == ("made for Python 3.97, which is not on this machine, so it runs under 3.99",)
    with pytest.raises(EnvironmentFailed, match=r"only under Python 3\.97, which is not on this machine") as caught:
        choose("3.97", _UV, exact=True, seconds=60)
    assert "uv python install 3.97" in caught.value.hint
    assert caught.value.details["found"] == [*([current().minor]), "3.95", "3.99"]


def test_what_a_python_has() -> None:
    found = inspect(Path(sys.executable))
    assert found.version == current().version
    assert found.minor == minor_of("{}.{}.{}".format(*sys.version_info)) == current().minor
    assert "pyyaml" in found.packages
    assert found.pyarrow is not None


def test_what_is_no_python(tmp_path: Path) -> None:
    for name, text in {
        "silent": "#!/bin/sh\n",
        "failing": "#!/bin/sh\necho broken >&2\nexit 1\n",
        "text": "hello",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
        with pytest.raises(EnvironmentFailed, match="does not run as a Python"):
            inspect(tmp_path / name)
