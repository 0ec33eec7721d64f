"""The suite of runners over every runner."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from muster.runner import Runner
from muster.runners import RUNNERS
from muster.runners.local import LocalRunner
from muster.testing.runner import RunnerSuite

FACTORIES: dict[str, Callable[[], Runner]] = {
    "local, one worker": lambda: LocalRunner(1),
    "local, three workers": lambda: LocalRunner(3),
}


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
class TestRunners(RunnerSuite):
    @pytest.fixture
    def runner(self, make: Callable[[], Runner]) -> Runner:
        return make()


def test_every_runner_has_a_factory() -> None:
    assert {name.partition(",")[0] for name in FACTORIES} == set(RUNNERS)
