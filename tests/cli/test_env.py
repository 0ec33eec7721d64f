"""`muster env show` and `env build`."""

from __future__ import annotations

from pathlib import Path

import pytest

import muster
from muster.predictors.local.interpreters import current
from tests.cli.helpers import call
from tests.predictors.local.packages import lone_machine, make_wheel

MODEL = "INPUT = 'arrow'\n\n\ndef predict(data):\n    return data['x']\n"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_HUB", str(tmp_path / "hub"))
    Path("model.py").write_text(MODEL)
    _register()
    return tmp_path / "hub"


def _register() -> None:
    with muster.open() as opened:
        opened.register("same", "model.py", task="regression", sample={"x": [1.0]}, environment="current")


def test_what_this_python_has_all_of_is_shown_with_its_users_and_not_built(hub: Path) -> None:
    _register()
    shown = call("--json", "env", "show", "same:1").json
    assert shown["used_by"] == ["same:1", "same:2"]
    assert shown["serves"] is True
    assert shown["built"] is None
    assert [p for p in shown["packages"] if p.startswith("pyarrow==")]
    text = call("env", "show", shown["key"][:8])
    assert text.code == 0
    assert "this Python has all of it" in text.out
    assert "same:1, same:2" in text.out
    built = call("env", "build", "same:1")
    assert built.out.startswith("nothing to build  same:1")
    assert call("--json", "env", "list").json["items"] == []


def test_an_environment_is_built_ahead_of_time_and_shown(
    tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = lone_machine(tmp_path, monkeypatch)
    make_wheel(shelf, "six", "9.9")
    with muster.open() as opened:
        environment = opened.environments.resolve(["six"], python=current().minor)
        [version] = opened.versions("same")
    key = _given(hub, version.ref, environment)
    before = call("env", "show", "same:1")
    assert "not built here" in before.out
    assert "muster env build same:1" in before.err
    done = call("--json", "env", "build", "same:1")
    assert done.code == 0, done.err
    assert Path(done.json["interpreter"]).exists()
    shown = call("--json", "env", "show", key[:10]).json
    assert shown["built"]["size"] > 0
    assert shown["packages"] == ["pyarrow==99.0", "six==9.9"]
    assert shown["used_by"] == ["same:1"]
    assert "same:1" in call("env", "show", key[:10]).out


def _given(hub: Path, ref: str, environment: object) -> str:
    """Write the environment into the version: registering would need a pyarrow that works."""
    from dataclasses import replace

    from muster.records import Environment, Version
    from muster.stores import open_records

    assert isinstance(environment, Environment)
    store = open_records(hub / "muster.db")
    model, _, number = ref.partition(":")
    with store.transaction("test", "test") as tx:
        version = tx.get(Version, model, int(number))
        assert version is not None
        tx.replace(replace(version, environment=environment))
    store.close()
    return environment.key


def test_what_is_no_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_HUB", str(tmp_path / "hub"))
    muster.open().close()
    wrong = call("--json", "env", "show", "abcdef123")
    assert wrong.code == 1
    assert "abcdef123" in wrong.error["message"]
