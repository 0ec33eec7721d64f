"""Which Ray and which Spark a run uses, and what is told where there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muster.config import Settings
from muster.errors import ClusterFailed, NotApplicable
from muster.runner import Plan
from muster.testing.runner import Kept, Numbers
from tests.clusters.starting import CLUSTERS
from tests.clusters.test_driver import PARTS, _slow

PROGRAM = """
import sys
sys.modules[{library!r}] = None
import muster
from muster.errors import MissingExtra

with muster.open({hub!r}) as hub:
    for verb in (lambda: hub.score("x", "y", "z", runner={name!r}), lambda: hub.evaluate("x", "y", runner={name!r})):
        try:
            verb()
        except MissingExtra as error:
            print(error, end="|")
    print(len(list(hub.runs())))
"""


@pytest.mark.parametrize(("name", "library"), [("ray", "ray"), ("spark", "pyspark")])
def test_without_the_library_one_sentence_names_the_extra(name: str, library: str, tmp_path: Path) -> None:
    program = PROGRAM.format(library=library, name=name, hub=str(tmp_path / "hub"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    sentence = (
        f"the runner `{name}` needs an optional library\n\nhint: install it with `pip install 'muster-ml[{name}]'`"
    )
    assert done.stdout == f"{sentence}|{sentence}|0\n"


def test_how_many_work_is_set() -> None:
    assert [Settings.load(environ={}).number(f"{name}.workers") for name in CLUSTERS] == [0, 0]


@pytest.mark.deep
@pytest.mark.parametrize("name", CLUSTERS)
def test_settings_say_how_many_work_at_a_time(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CLUSTERS[name]()
    for asked, expected in ((1, 1), (0, 2), (7, 4)):
        runner: Any = type(CLUSTERS[name]()).of(Settings.load({f"{name}.workers": asked}, environ={}), 5)  # type: ignore[attr-defined]
        crew, count = runner._hire(b"", 4)
        crew.close()
        assert count == expected


@pytest.mark.deep
def test_a_master_that_is_not_there_is_told_with_its_setting() -> None:
    pytest.importorskip("pyspark")
    program = """
import sys
from muster.config import Settings
from muster.errors import ClusterFailed
from muster.runners.spark import SparkRunner

runner = SparkRunner.of(Settings.load({"spark.master": sys.argv[1]}), 1)
try:
    runner._hire(b"", 1)
except ClusterFailed as error:
    print(error)
"""
    for master, why in (("no-such-master", ""), ("spark://127.0.0.1:1", "nothing listens at port 1 of 127.0.0.1")):
        done = subprocess.run([sys.executable, "-c", program, master], capture_output=True, text=True, check=True)
        assert f"there is no Spark at {master}: {why}" in done.stdout
        assert "spark.master" in done.stdout


CONNECTING = """
import sys
from muster.config import Settings
from muster.runners.ray import RayRunner
from muster.errors import ClusterFailed

settings = {"ray.address": sys.argv[1]} if sys.argv[1] else {}
try:
    ray = RayRunner.of(Settings.load(settings), 1)._connected()
    print("connected to", ray.get_runtime_context().gcs_address)
except ClusterFailed as error:
    print(error)
"""


def connecting(setting: str, variable: str = "") -> str:
    pytest.importorskip("ray")
    command = [sys.executable, "-c", CONNECTING, setting]
    environ = {**os.environ, "RAY_ADDRESS": variable}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.deep
@pytest.mark.parametrize(
    ("setting", "variable", "told"),
    [
        ("127.0.0.1:1", "", "there is no Ray at 127.0.0.1:1: nothing listens at port 1 of 127.0.0.1"),
        (
            "nohost.invalid:6379",
            "",
            "there is no Ray at nohost.invalid:6379: the host nohost.invalid is not known here",
        ),
        ("", "127.0.0.1:1", "there is no Ray at 127.0.0.1:1: nothing listens"),
        ("auto", "127.0.0.1:1", "there is no Ray at 127.0.0.1:1: nothing listens"),
        ("head", "", "there is no Ray at head: Invalid address format"),
    ],
)
def test_a_ray_that_is_not_there_is_told_with_what_was_given(setting: str, variable: str, told: str) -> None:
    found = connecting(setting, variable)
    assert found.startswith(told)
    assert "ray.address" in found


@pytest.mark.deep
def test_who_listens_and_is_no_ray_is_given_up_soon() -> None:
    """Ray would try for minutes."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        assert connecting(f"127.0.0.1:{port}").startswith(f"there is no Ray at 127.0.0.1:{port}: Failed to connect")


@pytest.mark.deep
def test_a_ray_is_found_by_its_address_the_variable_and_by_itself() -> None:
    CLUSTERS["ray"]()
    import ray

    address = ray.get_runtime_context().gcs_address
    _, _, port = address.rpartition(":")
    for setting, variable in ((address, ""), (f"localhost:{port}", ""), ("", address), ("auto", address)):
        assert connecting(setting, variable) == f"connected to {address}\n"
    from ray._private.services import find_gcs_addresses

    if set(find_gcs_addresses()) == {address}:  # else it may be any of those on this machine, and one that just ends
        assert connecting("auto") == f"connected to {address}\n"


@pytest.mark.deep
def test_the_session_of_a_program_is_used_and_one_without_a_context_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner: Any = CLUSTERS["spark"]()
    from pyspark.sql import SparkSession

    assert runner._session().sparkContext is SparkSession.getActiveSession().sparkContext

    class Connected:
        """As a session of Spark Connect, which refuses this name."""

        @property
        def sparkContext(self) -> object:  # noqa: N802
            raise RuntimeError("[JVM_ATTRIBUTE_NOT_SUPPORTED]")

    monkeypatch.setattr(SparkSession, "getActiveSession", Connected)
    with pytest.raises(NotApplicable, match="has no context"):
        list(runner.map(PARTS, _slow, Kept(tmp_path), plan=Plan(rows=100)))


@pytest.mark.deep
@pytest.mark.parametrize("name", CLUSTERS)
def test_executors_that_never_come_up_end_the_run(name: str, tmp_path: Path) -> None:
    """What they are sent ends their process as it is opened."""
    runner = CLUSTERS[name]()
    with pytest.raises(ClusterFailed, match=r"do not start|was lost 3 times"):
        list(runner.map([Numbers(0, 0, 10)], _slow, Ending(), plan=Plan(rows=100)))  # type: ignore[arg-type]


class Ending:
    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os._exit, (1,)
