from __future__ import annotations

from muster.predictors.local.pace import Pace


def run(pace: Pace, rows: int, seconds: float, hangs_after: float = 60.0) -> list[int]:
    """The sizes of the requests for a batch, at so many seconds a row."""
    sizes = []
    while rows:
        size = min(rows, pace.rows)
        if size * seconds > hangs_after:
            pace.hung(size)
            sizes.append(-size)
            continue
        pace.took(size, size * seconds)
        sizes.append(size)
        rows -= size
    return sizes


def test_a_fast_model_gets_all_that_remains_after_the_first_request() -> None:
    pace = Pace()
    assert run(pace, 65_536, 1e-6) == [1_000, 64_536]
    assert run(pace, 65_536, 1e-6) == [65_536]


def test_a_slow_model_gets_requests_of_seconds() -> None:
    sizes = run(Pace(), 2_000, 0.02)
    assert sizes[0] == 1_000
    assert all(size <= 75 for size in sizes[1:])


def test_a_model_too_slow_for_the_first_request_is_found_out_by_trying() -> None:
    sizes = run(Pace(), 20, 7.0)
    assert sizes[0] == 20 * -1
    assert [size for size in sizes if size > 0] == [1] * 20


def test_a_first_request_that_took_long_once_does_not_slow_the_rest() -> None:
    pace = Pace()
    pace.took(1_000, 3.0)
    assert pace.rows == 500
    assert max(run(pace, 200_000, 1e-6)) > 100_000


def test_single_rows_say_nothing_of_batches() -> None:
    pace = Pace()
    run(pace, 100_000, 1e-6)
    before = pace.rows
    for _ in range(100):
        pace.took(1, 0.01)
    assert pace.rows == before


def test_it_never_stands_still() -> None:
    pace = Pace()
    for _ in range(10):
        pace.hung(1)
        pace.took(1, 1000.0)
    assert pace.rows == 1
