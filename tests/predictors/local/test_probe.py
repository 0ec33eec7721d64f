"""Probing real workers with models that are right, unclear, and wrong in every way that models are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pytest

from muster.errors import (
    InvalidInput,
    InvalidModel,
    ModelDied,
    ModelFailed,
    ModelTimeout,
    MusterError,
    SignatureMismatch,
)
from muster.predictor import Declared, Draft, Finding
from muster.predictors.local import probe as probing
from muster.predictors.python import PythonOrigin
from muster.records import Environment
from muster.signature import Column, Signature
from tests.worker.doubles import settings
from tests.worker.versions import Here
from tests.zoo.inprocess import InProcess, untouched

SAMPLE = pa.table({"x": [0.1, 0.4, 0.6, 0.9, 0.2], "y": ["no", "no", "yes", "yes", "no"]})
HEAD = 'INPUT = "arrow"\nimport os, sys, time\nimport pyarrow as pa\nimport pyarrow.compute as pc\n'

NOTHING: Mapping[str, object] = {}

Probe = Callable[..., Finding]


class Site(Here):
    """A site that has one artifact."""

    def __init__(self, folder: Path, **given: object) -> None:
        super().__init__(settings(**given))
        self._folder = folder

    def artifact(self, digest: str) -> Path:
        return self._folder


def _probe(tmp_path: Path) -> Probe:
    """Describes and probes a model.py of this text."""

    def make(
        code: str,
        sample: pa.Table | None = SAMPLE,
        *,
        toml: str = "",
        given: Mapping[str, object] = NOTHING,
        **declared: object,
    ) -> Finding:
        folder, scratch = tmp_path / "source", tmp_path / "scratch"
        folder.mkdir(exist_ok=True)
        scratch.mkdir(exist_ok=True)
        (folder / "model.py").write_text(HEAD + dedent(code), encoding="utf-8")
        (folder / "model.toml").write_text(dedent(toml), encoding="utf-8")
        origin = PythonOrigin()
        description = origin.describe(folder, scratch)
        assert description.folder is not None
        draft = Draft(
            description=description,
            declared=Declared(**{"target": "y", **declared}),  # type: ignore[arg-type]  # what each test declares
            digest="0" * 64,
            environment=Environment(python="3.11", key=""),
        )
        return origin.probe(draft, Site(description.folder, **given), sample)

    return make


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """In a real worker."""
    return _probe(tmp_path)


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probe]:
    """In this process, for what only asks how answers are understood."""

    def open_here(draft: Draft, site: Site) -> InProcess:
        return InProcess(draft.description.load, site.artifact(draft.digest))

    monkeypatch.setattr(probing, "open_raw", open_here)
    monkeypatch.setattr(probing, "spread", lambda *_: {})  # there is no worker to be measured
    with untouched():
        yield _probe(tmp_path)


SCORES = """
class Model:
    classes = ["no", "yes"]

    def predict(self, data):
        return pc.if_else(pc.greater(data["x"], 0.5), "yes", "no")

    def predict_proba(self, data):
        return pa.table({"no": pc.subtract(1.0, data["x"]), "yes": data["x"]})
"""


def test_what_the_probe_showed_is_kept(probe: Probe) -> None:
    found = probe(SCORES)
    assert (found.task, found.target, found.output.classes) == ("binary", "y", ("no", "yes"))
    assert found.signature == Signature((Column("x", pa.float64()),))
    shown = found.probe
    assert (shown.rows, shown.source) == (5, "sample")
    assert shown.seconds_to_load > 0
    assert shown.seconds_to_predict > 0
    assert shown.python.startswith("3.")
    assert shown.libraries["pyarrow"] == pa.__version__
    assert shown.raw["columns"] == {"predict": "string", "predict_proba": "struct<no: double, yes: double>"}
    assert shown.first[0] == {"prediction": "no", "probabilities": [0.9, 0.1]}
    assert len(shown.first) == 3


def test_a_declared_order_is_the_registered_one(quick: Probe) -> None:
    found = quick(SCORES, classes=("yes", "no"))
    assert found.output.classes == ("yes", "no")
    assert found.reading.classes == ("no", "yes")
    assert found.probe.first[0] == {"prediction": "no", "probabilities": [0.1, 0.9]}


def test_rows_come_from_all_over_a_large_sample(quick: Probe) -> None:
    """A file sorted by label would else show one label only."""
    sorted_sample = pa.table({"x": [0.1] * 5000 + [0.9] * 5000})
    code = "def predict(data): return pc.cast(pc.greater(data['x'], 0.5), pa.int64())"
    with pytest.raises(InvalidModel, match=r"none of its classes \(`0`, `2`\)|is none of its classes") as caught:
        quick(
            "def predict(data): return pc.add(pc.cast(pc.greater(data['x'], 0.5), pa.int64()), 5)",
            sorted_sample,
            classes=(0, 2),
        )
    assert caught.value.hint
    found = quick(code, sorted_sample, classes=(0, 1))
    assert found.probe.rows == 200


REFUSED: dict[str, tuple[str, type[MusterError], str]] = {
    "does not load": (
        "raise OSError('no weights')\ndef predict(data): ...",
        ModelFailed,
        "does not load: OSError: no weights",
    ),
    "needs what is not there": (
        "import notthere\ndef predict(data): ...",
        ModelFailed,
        "does not load: ModuleNotFoundError",
    ),
    "exits as it loads": ("sys.exit(3)\ndef predict(data): ...", ModelFailed, r"does not load: .*sys\.exit"),
    "ends as it loads": ("os._exit(3)\ndef predict(data): ...", ModelDied, "exit code 3"),
    "fails on every row": ("def predict(data): raise KeyError('z')", ModelFailed, "the model failed: KeyError"),
    "exits": ("def predict(data): sys.exit()", ModelFailed, "sys.exit"),
    "dies": ("def predict(data): os.kill(os.getpid(), 9)", ModelDied, "killed by the system"),
    "returns nothing": ("def predict(data): pass", ModelFailed, "`predict` returned nothing"),
    "returns too few rows": ("def predict(data): return data['x'][:2]", ModelFailed, "returned 2 rows for 5"),
    "returns too many": ("def predict(data): return [1.5] * 9", ModelFailed, "returned 9 rows for 5"),
    "returns a single value": ("def predict(data): return 12.5", ModelFailed, "returned 1 rows for 5"),
    "returns all sorts": ("def predict(data): return [1.5, 'a', None, {}, []]", ModelFailed, "of no one type"),
    "a parameter it does not take": (
        "def predict(data): return data['x']",
        ModelFailed,
        "does not take the parameters cut",
    ),
}
TOML = {"a parameter it does not take": "task = 'regression'\n[parameters]\ncut = 0.5"}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_cannot_be_asked_is_refused_with_its_own_words(case: str, probe: Probe) -> None:
    code, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        probe(code, toml=TOML.get(case, ""), task="regression")


def test_a_model_that_hangs_is_ended(probe: Probe) -> None:
    start = time.monotonic()
    with pytest.raises(ModelTimeout, match=r"did not load within 1\.5 s"):
        probe("time.sleep(60)\ndef predict(data): ...", given={"worker_load_seconds": 1.5})
    with pytest.raises(ModelTimeout, match=r"did not predict within 0\.2 s"):
        probe("def predict(data): time.sleep(60)", given={"worker_call_seconds": 0.2})
    assert time.monotonic() - start < 30


def test_a_model_that_exhausts_memory_is_told_so(probe: Probe) -> None:
    with pytest.raises(ModelFailed, match="MemoryError") as caught:
        probe("def predict(data): return bytearray(1 << 33)", given={"worker_memory": "1G"})
    assert "worker.memory" in caught.value.hint


def test_a_model_that_prints_and_forks_registers(probe: Probe) -> None:
    code = """
    print("loading", flush=True)
    os.write(1, b"straight to the descriptor")

    def predict(data):
        print(data)
        if os.fork() == 0:
            return data["x"]
        os.wait()
        return pc.add(data["x"], 7.25)
    """
    found = probe(code, task="regression")
    assert [row["prediction"] for row in found.probe.first] == [7.35, 7.65, 7.85]  # type: ignore[index, call-overload]  # objects


WRONG: dict[str, tuple[str, dict[str, object], str]] = {
    "not finite": (
        "def predict_proba(data): return [[float('nan'), 1.0]] * 5",
        {"classes": ("a", "b")},
        "none of 5 rows .* are not finite",
    ),
    "not adding up": (
        "def predict_proba(data): return [[0.5, 0.6]] * 5",
        {"classes": ("a", "b")},
        "do not add up to 1: 0.5, 0.6",
    ),
    "not within": (
        "def predict_proba(data): return [[-1.0, 2.0]] * 5",
        {"classes": ("a", "b")},
        "are not within 0 and 1",
    ),
    "too many": (
        "def predict_proba(data): return pa.FixedSizeListArray.from_arrays(pa.array([0.2, 0.2, 0.6] * 5), 3)",
        {"classes": ("a", "b")},
        "gives 3 probabilities for each row, and it has 2 classes: `a`, `b`",
    ),
    "too many, in lists": (
        "def predict_proba(data): return [[0.2, 0.2, 0.6]] * 5",
        {"classes": ("a", "b")},
        "3 numbers in a row, and there are 2 classes",
    ),
    "by other names": (
        "def predict_proba(data): return pa.table({'c': data['x'], 'd': data['x']})",
        {"classes": ("a", "b")},
        "classes are `c`, `d`, and `a`, `b` are declared",
    ),
    "other labels": (
        "def predict(data): return ['c'] * 5",
        {"classes": ("a", "b")},
        "answered `c`, which is none of its classes",
    ),
    "other order": (
        SCORES.replace('["no", "yes"]', '["yes", "no"]')
        .replace("pa.table({", "pa.array([[a, b] for a, b in zip(*")
        .replace(
            '"no": pc.subtract(1.0, data["x"]), "yes": data["x"]})',
            '[pc.subtract(1.0, data["x"]).to_pylist(), data["x"].to_pylist()])])',
        ),
        {},
        "the class order `yes`, `no` disagrees with the labels .*: `no`, `yes` explains them better",
    ),
    "other classes": (SCORES, {"classes": ("no", "maybe", "yes")}, "has 2 classes .*, and 3 are declared"),
    "other class names": (
        SCORES,
        {"classes": ("nope", "yes")},
        "classes are `no`, `yes`, and `nope`, `yes` are declared",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_answer_that_cannot_be_meant_is_refused(case: str, quick: Probe) -> None:
    code, declared, message = WRONG[case]
    with pytest.raises(InvalidInput, match=message) as caught:
        quick(code, **declared)
    assert caught.value.hint


UNCLEAR: dict[str, tuple[str, dict[str, object], list[str]]] = {
    "labels": ("def predict(data): return ['a', 'b', 'a', 'b', 'c']", {}, ["classes"]),
    "zeros and ones": ("def predict(data): return [0, 1, 0, 1, 1]", {}, ["task='regression'", "classes"]),
    "from 0 to 1": ("def predict(data): return data['x']", {}, ["task='regression'", "classes"]),
    "rows of numbers": (
        "def predict(data): return pa.FixedSizeListArray.from_arrays(pa.array([0.5, 0.5] * 5), 2)",
        {},
        ["classes", "task='multioutput'"],
    ),
    "labels or probabilities": (
        "def predict(data): return [0.0, 1.0, 1.0, 0.0, 1.0]",
        {"classes": (0, 1)},
        ["label", "probabilities"],
    ),
    "scores": (
        "def predict(data): return pc.multiply(data['x'], -9.0)",
        {"classes": ("a", "b")},
        ["sigmoid", "task='regression'"],
    ),
    "columns": (
        "def predict(data): return pa.table({'p': data['x'], 'q': data['x']})",
        {},
        ["output", "task='multioutput'", "task='other'"],
    ),
    "a probability": ("def predict_proba(data): return data['x']", {}, ["classes"]),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_could_mean_two_things_is_asked_for(case: str, quick: Probe) -> None:
    code, declared, needs = UNCLEAR[case]
    with pytest.raises(InvalidInput) as caught:
        quick(code, **declared)
    assert all(any(n in told for told in caught.value.details["declare"]) for n in needs), caught.value.details  # type: ignore[attr-defined]


def test_declaring_what_was_asked_for_settles_it(quick: Probe) -> None:
    zero_one = UNCLEAR["labels or probabilities"][0]
    labels = quick(zero_one, classes=(0, 1), output={"label": "predict"})
    assert (labels.reading.label, labels.output.probabilities) == ("predict", False)
    scores = quick(zero_one, classes=(0, 1), output={"probabilities": "predict"})
    assert scores.probe.first[1] == {"prediction": 1, "probabilities": [0.0, 1.0]}
    sigmoid = quick(
        "def predict(data): return pc.subtract(data['x'], 0.5)", classes=("a", "b"), output={"activation": "sigmoid"}
    )
    assert [r["prediction"] for r in sigmoid.probe.first] == ["a", "a", "b"]  # type: ignore[index, call-overload]
    softmax = quick(
        "def predict(data): return [[1.0, 2.0, 3.0]] * 5", classes=("a", "b", "c"), output={"activation": "softmax"}
    )
    assert softmax.probe.first[0]["prediction"] == "c"  # type: ignore[index, call-overload]
    backwards = quick(WRONG["other order"][0], output={"classes": ["no", "yes"]}, classes=("yes", "no"))
    assert backwards.probe.first[0] == {"prediction": "no", "probabilities": [0.1, 0.9]}


def test_a_wrong_override_is_told_with_all_others(quick: Probe) -> None:
    with pytest.raises(InvalidInput, match=r"no column `p`; it has `predict`.*no column `q`") as caught:
        quick("def predict(data): return data['x']", output={"label": "p", "probabilities": ["q"]})
    assert caught.value.hint


def test_a_threshold_of_the_model_s_own_does_not_look_like_another_order(quick: Probe) -> None:
    code = SCORES.replace('pc.greater(data["x"], 0.5)', 'pc.greater(data["x"], 0.15)')
    assert quick(code).output.classes == ("no", "yes")


def test_a_sample_s_own_labels_warn_of_an_order_that_is_upside_down(quick: Probe) -> None:
    assert quick("def predict_proba(data): return data['x']", classes=("no", "yes")).notes == ()
    [note] = quick("def predict_proba(data): return data['x']", classes=("yes", "no")).notes
    assert "the sample's own `y` fits the probabilities better in the order `no`, `yes`" in note


def test_rows_that_fail_are_noted_and_the_others_probed(probe: Probe) -> None:
    code = """
    def predict(data):
        if pc.any(pc.greater(data["x"], 0.8)).as_py():
            raise ValueError("too far\\nand more")
        return pc.add(data["x"], 3.5)
    """
    found = probe(code, task="regression")
    assert found.probe.rows == 4
    assert found.notes == ("the model fails on 1 of 5 rows of the probe: the model failed: ValueError: too far",)


def test_rows_that_do_not_fit_the_signature_are_noted(quick: Probe) -> None:
    sample = pa.table({"x": [0.5, None, 0.25]})
    declared = Signature((Column("x", pa.float64(), nullable=False),))
    found = quick("def predict(data): return pc.add(data['x'], 3.5)", sample, signature=declared, task="regression")
    assert found.probe.rows == 2
    assert "1 of 3 rows do not fit the signature" in found.notes[0]
    with pytest.raises(InvalidInput, match="no row of the sample fits"):
        quick("def predict(data): return data['x']", sample.slice(1, 1), signature=declared, task="regression")


def test_without_a_sample_what_is_not_known_is_asked_for(quick: Probe) -> None:
    with pytest.raises(InvalidInput, match="does not tell which columns it takes") as caught:
        quick("def predict(data): return data['x']", None, task="regression")
    assert len(caught.value.details["declare"]) == 2  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="nothing shows what the model answers"):
        quick("def predict(data): return data['x']", None, task="regression", toml="[signature]\nx = 'double'")


def test_a_sample_without_the_model_s_columns_is_refused(quick: Probe) -> None:
    with pytest.raises(SignatureMismatch, match="`z` is missing"):
        quick("def predict(data): return data['z']", toml="[signature]\nz = 'double'", task="regression")
    with pytest.raises(InvalidInput, match="types of `x` cannot be told"):
        quick("def predict(data): return data['x']", pa.table({"x": pa.nulls(3)}), task="regression")


def test_dictionaries_and_large_types_are_registered_as_what_they_hold(quick: Probe) -> None:
    sample = pa.table(
        {
            "city": pa.array(["a", "b"]).dictionary_encode(),
            "text": pa.array(["a", "b"], pa.large_string()),
            "lists": pa.array([[1], [2]], pa.large_list(pa.int32())),
            "x": [1.5, 2.5],
        }
    )
    found = quick("def predict(data): return data['x']", sample, task="regression")
    assert [str(c.type) for c in found.signature] == ["string", "string", "list<item: int32>", "double"]


def test_answers_of_any_other_kind_are_kept_as_they_are(quick: Probe) -> None:
    found = quick("def predict(data): return [{'tokens': ['a'], 'score': 0.5}] * 5")
    assert found.task == "other"
    assert str(found.output.type) == "struct<tokens: list<item: string>, score: double>"
    table = quick("def predict(data): return pa.table({'p': data['x'], 'q': ['s'] * 5})", task="other")
    assert str(table.output.type) == "struct<p: double, q: string>"
    several = quick("def predict(data): return pa.table({'p': data['x'], 'q': data['x']})", task="multioutput")
    assert dict(several.output.targets).keys() == {"p", "q"}
