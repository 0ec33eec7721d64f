"""The main job on a hub in PostgreSQL, with its blobs in a folder that two machines would share."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import InvalidConfig, InvalidInput, MissingExtra, NotFound
from muster.hub import Hub
from muster.predictors.local.site import LocalSite
from tests import postgres
from tests.cli.helpers import Answer, call

MODEL = Path(__file__).with_name("numbers_model.py")
SECRET = "s3cret-word"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"blobs": str(tmp_path / "blobs"), "folder": str(tmp_path / "here"), "score__chunk_rows": "1024"}


@pytest.fixture
def hub(postgres_hub: str, settings: dict[str, str], tmp_path: Path) -> Iterator[Hub]:
    shutil.copyfile(MODEL, tmp_path / "model.py")
    with muster.open(postgres_hub, **settings) as opened:
        opened.register("numbers", tmp_path / "model.py", task="binary", sample={"n": [1, 2, 3]}, aliases=["champion"])
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": pa.array(range(30_000), pa.int64())}), file, row_group_size=3_000)
    return file


def _environ(url: str, settings: dict[str, str]) -> dict[str, str]:
    named = {f"MUSTER_{name.upper().replace('__', '_')}": value for name, value in settings.items()}
    return {**os.environ, **named, "MUSTER_HUB": url, "MUSTER_NO_PROGRESS": "1"}


def _muster(environ: dict[str, str], *arguments: str | Path) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        return call(*arguments)


def test_another_machine_scores_what_one_registered(
    hub: Hub, postgres_hub: str, settings: dict[str, str], data: Path, tmp_path: Path
) -> None:
    here = hub.score("numbers@champion", data, tmp_path / "here.parquet")
    elsewhere = {**settings, "folder": str(tmp_path / "there")}
    with muster.open(postgres_hub, **elsewhere) as other:
        there = other.score("numbers@champion", data, tmp_path / "there.parquet")
        assert [r.id for r in other.runs()] == [there.id, here.id]
        assert other.verify_events()[1] is None
    assert (here.rows, here.rejected) == (there.rows, there.rejected)
    assert pq.read_table(tmp_path / "here.parquet").equals(pq.read_table(tmp_path / "there.parquet"))


def test_a_run_that_was_killed_is_resumed(
    hub: Hub, postgres_hub: str, settings: dict[str, str], data: Path, tmp_path: Path
) -> None:
    whole = hub.score("numbers", data, tmp_path / "whole.parquet")
    environ = _environ(postgres_hub, settings)
    command = [sys.executable, "-m", "muster", "score", "numbers", str(data), str(tmp_path / "cut.parquet")]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not any(str(r.output).endswith("cut.parquet") for r in hub.runs()) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [cut] = [r for r in hub.runs() if str(r.output).endswith("cut.parquet")]
    resumed = hub.resume(cut.id) if cut.status != "done" else cut
    assert (resumed.rows, resumed.rejected) == (whole.rows, whole.rejected)
    assert pq.read_table(tmp_path / "cut.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))


def test_a_hub_is_not_made_by_looking(postgres_database: str, settings: dict[str, str]) -> None:
    done = _muster(_environ(postgres_database, settings), "model", "list")
    assert done.code == 1
    assert "there is no hub in postgresql://" in done.err
    with muster.open(postgres_database, **settings) as made:
        assert list(made.models()) == []
    assert _muster(_environ(postgres_database, settings), "model", "list").code == 0


def test_where_the_blobs_are_must_be_said(postgres_hub: str) -> None:
    with pytest.raises(InvalidInput, match="nothing says where") as caught:
        muster.open(postgres_hub)
    assert "MUSTER_BLOBS" in str(caught.value.hint)


def test_a_password_is_shown_nowhere(hub: Hub, postgres_hub: str, settings: dict[str, str]) -> None:
    url = postgres_hub.replace("@", f":{SECRET}@", 1)
    environ = _environ(url, settings)
    told = [
        _muster(environ, *command) for command in (["config", "show"], ["config", "show", "--json"], ["model", "list"])
    ]
    told.append(
        _muster({**environ, "MUSTER_DEBUG": "1", "MUSTER_HUB": url.replace("muster_", "no_such_")}, "model", "list")
    )
    told.append(
        _muster({**environ, "MUSTER_HUB": f"postgresql://ada:{SECRET}@no-such-host.invalid/x"}, "event", "verify")
    )
    told.append(_muster({**environ, "MUSTER_HUB": f"postgresql://ada:{SECRET}/x@host/x"}, "event", "verify"))
    assert [t.code for t in told] == [0, 0, 0, 1, 1, 2]
    for one in told:
        assert SECRET not in one.out + one.err
    with muster.open(url, **settings) as opened:
        assert SECRET not in repr(opened)
        opened.tag("numbers:1", {"a": "b"})
        for event in opened.events():
            assert SECRET not in repr(event)


def test_a_password_does_not_go_to_executors_and_is_found_there(
    hub: Hub, postgres_hub: str, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_hub.replace("@", f":{SECRET}@", 1)
    monkeypatch.delenv("MUSTER_HUB", raising=False)
    with muster.open(url, **settings) as opened:
        sent = pickle.dumps(opened._site.knowing({}))
    assert SECRET.encode() not in sent
    there: LocalSite = pickle.loads(sent)
    assert there.answers is not None
    with pytest.raises(InvalidConfig, match="`hub` has a password, which is not sent") as raised:
        there.answers.of("run", "0/0")
    assert "MUSTER_HUB" in raised.value.hint
    monkeypatch.setenv("MUSTER_HUB", url)
    there = pickle.loads(sent)
    assert there.answers is not None
    assert list(there.answers.of("run", "0/0")) == []


def test_a_database_that_is_not_there_is_told(settings: dict[str, str], postgres_server: str) -> None:
    done = _muster(_environ(postgres.at(postgres_server, "no_such_database"), settings), "model", "list", "--json")
    error = json.loads(done.err)["error"]
    assert error["type"] == "StoreError"
    assert "has no such database or user" in error["message"]
    assert "createdb" in error["hint"]


def test_without_its_driver_the_extra_is_named(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError('psycopg')")
    program = (
        "import muster, sys\n"
        "from muster.errors import MissingExtra\n"
        "try:\n    muster.open('postgresql://host/hub', blobs='b', folder='f')\n"
        "except MissingExtra as error:\n    print(error)"
    )
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.pathsep.join(sys.path)}"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "a hub on PostgreSQL needs an optional library" in told.stdout
    assert "pip install 'muster-ml[postgres]'" in told.stdout
    assert issubclass(MissingExtra, muster.MusterError)
    assert issubclass(NotFound, muster.MusterError)
