from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from muster.errors import EnvironmentFailed, ModelDied, ModelFailed, ModelTimeout, RunCancelled
from muster.predictor import Call, Declared, Description, Draft
from muster.predictors.local.predictor import LocalPredictor, join, open_raw
from muster.records import Environment
from muster.signature import Output, Parameter, Signature
from tests.worker.doubles import FIRST, numbers, settings, until
from tests.worker.versions import OUTPUT, Here, version

pytestmark = pytest.mark.usefixtures("text_models")


@contextmanager
def opened(code: str, workers: int = 1, **given: object) -> Iterator[LocalPredictor]:
    predictor = LocalPredictor(version(code), Here(settings(**given)), workers)
    try:
        yield predictor
    finally:
        predictor.close()


def each(line: str) -> str:
    """A model that runs `line` for each row's number x, and answers x."""
    return (
        f"def predict(batch):\n    for x in batch.column(0).to_pylist():\n        {line}\n    return batch.column(0)\n"
    )


def values(answer: pa.RecordBatch) -> list[object]:
    return answer.column("prediction").to_pylist()


def errors(answer: pa.RecordBatch) -> dict[int, str]:
    if "error" not in answer.schema.names:
        return {}
    return {n: error for n, error in enumerate(answer.column("error").to_pylist()) if error is not None}


def test_predicts_in_order_whatever_the_size() -> None:
    with opened(FIRST) as predictor:
        for rows in (0, 1, 999, 1_000, 1_001, 30_000):
            answer = predictor.predict(numbers(rows))
            assert answer.schema == OUTPUT.schema
            assert values(answer) == [float(n) for n in range(rows)]


def test_a_big_batch_is_split_as_long_as_the_pace_is_not_known() -> None:
    code = "SIZES = []\ndef predict(batch):\n    SIZES.append(len(batch))\n    return [len(SIZES)] * len(batch)"
    with opened(code) as predictor:
        calls = values(predictor.predict(numbers(5_000)))
        assert predictor._pace.rows > 1_000
    assert calls[:1_001] == [1.0] * 1_000 + [2.0]


def test_rows_that_raise_have_their_error_and_all_others_are_predicted() -> None:
    bad = {0, 17, 1_500, 1_501, 2_999}
    with opened(each(f"if x in {bad}: raise ValueError('cannot take %d' % x)")) as predictor:
        answer = predictor.predict(numbers(3_000))
    assert errors(answer) == {n: f"ValueError: cannot take {n}" for n in bad}
    assert values(answer) == [None if n in bad else float(n) for n in range(3_000)]
    assert answer.schema.names == ["prediction", "error"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("os._exit(1)", "exit code 1"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("ctypes.PyDLL(None).sleep(1000)", "did not predict within"),
    ],
)
def test_a_row_that_ends_the_process_is_poison(line: str, said: str) -> None:
    with opened(each(f"if x == 11: {line}"), worker_call_seconds=1.0) as predictor:
        answer = predictor.predict(numbers(20))
        assert list(errors(answer)) == [11]
        assert errors(answer)[11].startswith("poison: ")
        assert said in errors(answer)[11]
        assert values(answer) == [None if n == 11 else float(n) for n in range(20)]
        assert values(predictor.predict(numbers(10))) == [float(n) for n in range(10)]


def test_a_process_that_dies_once_is_replaced_and_the_request_tried_again(tmp_path: Path) -> None:
    once = f"if not os.path.exists('{tmp_path}/died'): open('{tmp_path}/died', 'w').close(); os._exit(1)"
    with opened(each(once)) as predictor:
        answer = predictor.predict(numbers(7))
    assert not errors(answer)
    assert values(answer) == [float(n) for n in range(7)]


def test_memory_that_suffices_for_fewer_rows_is_no_fault_of_any() -> None:
    code = "def predict(batch):\n    space = bytearray(10**6 * len(batch))\n    return batch.column(0)\n"
    with opened(code, worker_memory="1G") as predictor:
        answer = predictor.predict(numbers(3_000))
    assert not errors(answer)
    assert answer.num_rows == 3_000


@pytest.mark.parametrize(
    ("returns", "got"), [("[]", "0"), ("[1.0] * (len(batch) - 1)", "2"), ("[1.0] * (len(batch) + 1)", "4")]
)
def test_another_number_of_rows_fails_the_call(returns: str, got: str) -> None:
    refused = pytest.raises(ModelFailed, match=f"the model returned {got} rows for 3")
    with opened(f"def predict(batch): return {returns}") as predictor, refused:
        predictor.predict(numbers(3))


def test_a_model_that_always_raises_fails_a_large_batch_and_refuses_a_small_one() -> None:
    with opened("def predict(batch): raise KeyError('x9')") as predictor:
        assert errors(predictor.predict(numbers(3))) == dict.fromkeys(range(3), "KeyError: 'x9'")
        with pytest.raises(ModelFailed, match=r"KeyError: 'x9' \(for all 1,0") as caught:
            predictor.predict(numbers(2_000))
        assert "model.py" in str(caught.value.details["traceback"])


@pytest.mark.parametrize(
    ("line", "kind"),
    [("os.abort()", ModelDied), ("ctypes.PyDLL(None).sleep(1000)", ModelTimeout)],
    ids=["dies", "hangs"],
)
def test_a_model_that_always_dies_or_hangs_fails_the_call(line: str, kind: type[ModelFailed]) -> None:
    with (
        opened(f"def predict(batch): {line}", worker_call_seconds=0.1) as predictor,
        pytest.raises(kind, match="for all 3 rows"),
    ):
        predictor.predict(numbers(200))
    assert (predictor._pace.rows == 1) == (kind is ModelTimeout)


def test_a_model_that_does_not_load_fails_the_call() -> None:
    with opened("import no_such_module") as predictor, pytest.raises(ModelFailed, match="does not load"):
        predictor.predict(numbers(3))


def test_a_model_that_does_not_load_again_fails_the_call(tmp_path: Path) -> None:
    code = f"if os.path.exists('{tmp_path}/loaded'): raise OSError('gone')\nopen('{tmp_path}/loaded', 'w').close()\n{each('os._exit(1)')}"
    with opened(code) as predictor, pytest.raises(ModelFailed, match="does not load: OSError: gone"):
        predictor.predict(numbers(3_000))


def test_a_cancelled_call_stops_between_requests() -> None:
    calls = iter([False] * 4 + [True] * 1_000)
    with opened("def predict(batch): raise ValueError") as predictor, pytest.raises(RunCancelled):
        predictor.predict(numbers(500), Call(cancelled=lambda: next(calls)))


def test_a_deadline_ends_a_call_whatever_the_model_does() -> None:
    with opened("def predict(batch):\n    if len(batch) > 1: time.sleep(1000)\n    return [1.0]") as predictor:
        predictor.predict(numbers(1))
        start = time.monotonic()
        with pytest.raises(ModelTimeout, match="deadline"):
            predictor.predict(numbers(100), Call(deadline=start + 0.1))
        assert time.monotonic() - start < 5.0
        assert predictor._pace.rows == 1_000, "a short deadline says nothing of the model"
        with pytest.raises(ModelTimeout, match="deadline"):
            predictor.predict(numbers(1), Call(deadline=start))
        assert values(predictor.predict(numbers(1))) == [1.0]


def test_threads_use_workers_up_to_the_number_given() -> None:
    code = "def predict(batch): return [float(os.getpid())] * len(batch)"
    with opened(code, workers=2) as predictor, ThreadPoolExecutor(4) as threads:
        barrier = threading.Barrier(4)

        def ask(_: int) -> object:
            barrier.wait()
            return values(predictor.predict(numbers(1)))[0]

        assert len({pid for _ in range(5) for pid in threads.map(ask, range(4))}) == 2


def test_closing_ends_a_call_at_work() -> None:
    with (
        opened("def predict(batch):\n    print('at work')\n    time.sleep(1000)") as predictor,
        ThreadPoolExecutor(1) as threads,
    ):
        asked = threads.submit(predictor.predict, numbers(3))
        busy = predictor._pool._busy
        until(lambda: any("at work" in worker.log for worker in list(busy)), "the model was not asked")
        predictor.close()
        with pytest.raises(ModelFailed, match="closed"):
            asked.result(10.0)


def test_cores_are_shared_among_workers() -> None:
    cores = len(os.sched_getaffinity(0))
    code = "def predict(batch): return [float(os.environ['OMP_NUM_THREADS'])] * len(batch)"
    for workers in (1, 2, 1_000):
        with opened(code, workers) as predictor:
            assert values(predictor.predict(numbers(1))) == [max(1.0, cores // workers)]


def test_abilities_are_those_of_the_version() -> None:
    given = version(FIRST, signature=Signature((), (Parameter("p", pa.int64()),)))
    assert LocalPredictor(given, Here(settings())).abilities == {"params"}
    classes = Output("binary", pa.string(), ("a", "b"), probabilities=True)
    predictor = LocalPredictor(version(FIRST, output=classes), Here(settings()))
    assert predictor.abilities == {"probabilities"}
    assert predictor.output == classes


def test_a_version_without_environment_is_refused() -> None:
    with pytest.raises(EnvironmentFailed, match="no environment"):
        LocalPredictor(version(FIRST, environment=None), Here(settings()))


def test_a_draft_opens_raw() -> None:
    description = Description(source="", load={"code": "FACTS = {'n': 1}\n" + FIRST})
    draft = Draft(
        description=description, declared=Declared(), digest="", environment=Environment(python="3.11", key="")
    )
    with open_raw(draft, Here(settings())) as worker:
        assert worker.start() == {"n": 1}
        assert worker.predict(numbers(2), {}, [], 10.0).to_pydict() == {"predict": [0.0, 1.0]}


class TestJoin:
    def test_nothing(self) -> None:
        assert join(OUTPUT, []).schema == OUTPUT.schema

    def test_one_answer_is_passed_on(self) -> None:
        answer = pa.record_batch({"prediction": [1.0]})
        assert join(OUTPUT, [answer]) is answer

    def test_answers_and_errors_in_order(self) -> None:
        one = pa.record_batch({"prediction": [1.0, 2.0]})
        two = pa.record_batch({"prediction": [None, 4.0], "error": ["no label", None]})
        joined = join(OUTPUT, ["bad", one, "worse", "worst", two])
        assert values(joined) == [None, 1.0, 2.0, None, None, None, 4.0]
        assert errors(joined) == {0: "bad", 3: "worse", 4: "worst", 5: "no label"}

    def test_probabilities_of_a_refused_row_are_null(self) -> None:
        output = Output("binary", pa.string(), ("a", "b"), probabilities=True)
        answer = pa.record_batch(
            [pa.array(["a"]), pa.array([[0.9, 0.1]], pa.list_(pa.float64(), 2))], names=["prediction", "probabilities"]
        )
        joined = join(output, [answer, "bad"])
        assert joined.column("probabilities").to_pylist() == [[0.9, 0.1], None]
        assert joined.schema.field("probabilities").type == output.probabilities_type
