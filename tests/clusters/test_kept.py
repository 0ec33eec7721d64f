"""The executor that a process of Spark keeps from task to task, of which none is told that it was the last."""

from __future__ import annotations

import cloudpickle

from muster.predictor import Predictor
from muster.profile import Profile
from muster.runner import Plan
from muster.runners.cluster.executor import Labour, kept
from muster.runners.cluster.tasks import tasks
from muster.testing.runner import Doubler, Numbers, Sum

_HAPPENED: list[str] = []


class Lending(Doubler):
    def give_back(self) -> None:
        _HAPPENED.append("given back")

    def rest(self) -> None:
        raise AssertionError("a local model would end its workers")

    def close(self) -> None:
        _HAPPENED.append("close")


def _lending() -> Predictor:
    _HAPPENED.append("open")
    return Lending()


def _sum() -> Profile:
    return Sum()


def test_between_tasks_a_predictor_stays_open_and_holds_on_to_nothing_lent() -> None:
    plan = Plan(rows=100)
    labour = cloudpickle.dumps(Labour.of(plan, _lending, None, _sum))
    _HAPPENED.clear()
    for task in tasks([Numbers(0, 0, 400), Numbers(1, 400, 400)], plan):
        with kept("run", lambda: labour) as executor:
            assert len(list(executor.run(task, lambda: False))) == 4
    with kept("run", lambda: labour) as executor:
        messages = executor.run(tasks([Numbers(0, 0, 400)], plan)[0], lambda: False)
        with kept("run", lambda: labour) as again:
            assert again is executor
        assert _HAPPENED == ["open", "given back", "given back"], "another task is at work in this process"
        next(messages)
        messages.close()  # type: ignore[attr-defined]
    executor.close()
    assert _HAPPENED == ["open", "given back", "given back", "given back", "close"]
