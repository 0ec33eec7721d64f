from __future__ import annotations

import threading

from muster.predictors.external.transport.crew import Crew


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_threads_are_used_again_and_no_more_than_may_be() -> None:
    crew = Crew(4, "crew-again")
    for _ in range(50):
        done = threading.Event()
        crew.submit(done.set)
        assert done.wait(5)
    assert threads("crew-again") <= 2
    gate, all_done = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        gate.wait(5)
        all_done.release()

    for _ in range(20):
        crew.submit(work)
    assert threads("crew-again") == 4
    gate.set()
    assert all(all_done.acquire(timeout=5) for _ in range(20))


def test_all_work_at_once_that_may() -> None:
    crew, together, done = Crew(5, "crew-together"), threading.Barrier(5), threading.Semaphore(0)

    def work() -> None:
        together.wait(5)
        done.release()

    for _ in range(5):
        crew.submit(work)
    assert all(done.acquire(timeout=5) for _ in range(5))
