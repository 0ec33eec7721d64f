"""The suite of runners over every runner. Those of clusters start a real Ray and a real Spark, and are deep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from muster.runner import Runner
from muster.runners import RUNNERS
from muster.runners.local import LocalRunner
from muster.testing.runner import RunnerSuite
from tests.clusters.starting import ray_runner, spark_runner

FACTORIES: dict[str, Callable[[], Runner]] = {
    "local, one worker": lambda: LocalRunner(1),
    "local, three workers": lambda: LocalRunner(3),
    "ray": ray_runner,
    "spark": spark_runner,
}
CASES: list[Any] = [
    pytest.param(make, id=name, marks=[] if name.startswith("local") else pytest.mark.deep)
    for name, make in FACTORIES.items()
]


@pytest.mark.parametrize("make", CASES)
class TestRunners(RunnerSuite):
    @pytest.fixture
    def runner(self, make: Callable[[], Runner]) -> Runner:
        return make()


def test_every_runner_has_a_factory() -> None:
    assert {name.partition(",")[0] for name in FACTORIES} == set(RUNNERS)
