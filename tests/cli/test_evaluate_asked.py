"""`muster evaluate` where what is asked contradicts itself or the data: one sentence, no trace, exit 2 or 1."""

from __future__ import annotations

from pathlib import Path

import pytest

import muster
from tests.cli.helpers import call

CSV = "y,p,prediction,x,f,w,t\n" + "".join(
    f"{n % 2},{n / 40},{n % 2},{n * 1.5},{n * 1.4 + 0.05},{n}e306,{'ab'[n % 2]}\n" for n in range(40)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    muster.open(folder / "hub").close()
    (folder / "t.csv").write_text(CSV)
    return folder


WRONG: dict[str, tuple[str, int, str]] = {
    "probabilities of a regression": (
        "--target x --task regression --probabilities p --classes 0,1", 2, "a regression has no classes, and 0, 1 are named; a regression",
    ),
    "classes twice": ("--target y --probabilities p --classes 0,0", 2, "the classes name `0` more than once"),
    "classes of a target": ('--target y --prediction prediction --task multioutput --classes {"y":[0,"0"]}', 2, "types: int, str"),
    "a missing class": ('--target y --prediction prediction --task multioutput --classes {"y":[0,null]}', 2, "a class is missing"),
    "a column twice": ("--target y --probabilities p,p --classes 0,1", 2, "`p` is named twice as probabilities"),
    "text as numbers": ("--target x --task regression --prediction t", 2, "the prediction `t` is string, and a regression needs numbers"),
    "text as probabilities": ("--target y --probabilities t --classes 0,1", 2, "the probabilities `t` are string"),
    "text as an interval": ("--target x --prediction f --interval t,f", 2, "the end `t` of the interval is string"),
    "a threshold of 2": ("--target y --probabilities p --classes 0,1 --threshold 2", 2, "the threshold 2 is no probability"),
    "weights too large": ("--target x --prediction f --weight w", 1, "the weights in `w` add up to"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_is_told(made: Path, case: str) -> None:
    options, code, message = WRONG[case]
    answer = call("evaluate", made / "t.csv", *options.split(), "--hub", made / "hub")
    assert message in answer.err
    assert answer.code == code
    assert "Traceback" not in answer.err


def test_columns_that_fit_are_measured(made: Path) -> None:
    scores = call(
        "evaluate", made / "t.csv", "--target", "y", "--probabilities", "p", "--classes", "0,1", "--hub", made / "hub"
    )
    numbers = call("evaluate", made / "t.csv", "--target", "x", "--prediction", "f", "--hub", made / "hub")
    assert (scores.code, numbers.code) == (0, 0)
