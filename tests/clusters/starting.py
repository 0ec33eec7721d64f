"""A real Ray and a real Spark on this machine, started once for all tests of a process; a test skips where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest

from muster.runner import Runner

__all__ = ["CLUSTERS", "WORKERS", "executors", "ray_runner", "spark_runner"]

WORKERS = 2


def ray_runner() -> Runner:
    """Ray is a library with its own servers: where it is installed, it starts."""
    pytest.importorskip("ray", reason="Ray is not installed: `pip install 'muster-ml[ray]'`")
    from muster.runners.ray import RayRunner

    runner = RayRunner(workers=WORKERS)
    runner._connected()
    return runner


def spark_runner() -> Runner:
    """Spark needs Java 17 or later, which it finds by JAVA_HOME, or as the `java` of the path."""
    pytest.importorskip("pyspark", reason="Spark is not installed: `pip install 'muster-ml[spark]'`")
    home = os.environ.get("JAVA_HOME")
    if not (home and (Path(home) / "bin" / "java").exists()) and shutil.which("java") is None:
        pytest.skip("there is no Java: Spark needs 17 or later, by JAVA_HOME or as `java` of the path")
    from muster.runners.spark import SparkRunner

    runner = SparkRunner(workers=WORKERS)
    runner._session()
    return runner


CLUSTERS = {"ray": ray_runner, "spark": spark_runner}


def executors(cluster: str) -> list[psutil.Process]:
    """The processes that work on a cluster that this one or a child of it has started."""

    def works(process: psutil.Process) -> bool:
        try:
            command, parent = " ".join(process.cmdline()), process.parent()
            if cluster == "ray":
                return command.startswith("ray::_Actor.run")
            return "pyspark.daemon" in command and parent is not None and "pyspark.daemon" in " ".join(parent.cmdline())
        except psutil.NoSuchProcess:
            return False

    return [p for p in psutil.Process().children(recursive=True) if works(p)]
