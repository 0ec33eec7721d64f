"""The tour: train, register, name, score, evaluate, compare; then what to try next."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from muster.demo.flights import QUESTION, SCORED_MONTH, TRAINED_ON, month_file, months
from muster.demo.told import Told, go_on
from muster.errors import EnvironmentFailed
from muster.hub import Hub
from muster.records import Run, now

__all__ = ["next_steps", "tour"]

REQUIREMENTS = ("mlflow-skinny>=3", "scikit-learn>=1.5", "pandas>=2")
TRAINED = "models/delays/MLmodel"
REPORT = f"reports/delays-2013-{SCORED_MONTH:02}.html"
COMPARISON = f"reports/comparison-2013-{SCORED_MONTH:02}.html"


def tour(hub: Hub, folder: Path, told: Told) -> Run:
    """Safe to run again: what is there already is used, and the month is scored anew."""
    months(hub, folder, told.talk)
    if not (folder / TRAINED).exists():
        _train(hub, folder, told.talk)
    rule = folder / "models" / "rule.py"
    shutil.copyfile(Path(__file__).with_name("rule.py"), rule)
    sample = month_file(folder, TRAINED_ON[-1])
    began = now()
    trained = hub.register(
        "delays",
        folder / "models" / "delays",
        target="late",
        sample=sample,
        aliases=["champion"],
        description=QUESTION,
        if_changed=True,
    )
    told.registered(trained, began)
    by_rule = hub.register(
        "delays-rule",
        rule,
        task="binary",
        target="late",
        signature={"columns": [{"name": "hour", "type": "long"}, {"name": "carrier", "type": "string"}]},
        sample=sample,
        tags={"kind": "baseline"},
        if_changed=True,
    )
    told.registered(by_rule, began)
    run = hub.score(
        "delays@champion",
        month_file(folder, SCORED_MONTH),
        folder / "scored" / f"2013-{SCORED_MONTH:02}.parquet",
        keep=["date", "carrier", "flight", "late"],
        overwrite=True,
    )
    told.scored(run)
    month = month_file(folder, SCORED_MONTH)
    segments = ["carrier", "origin"]
    compared = hub.compare(
        [trained.ref, by_rule.ref], month, target="late", segments=segments, weak_segments=True, agreement=True
    )
    told.compared(compared)
    (folder / REPORT).parent.mkdir(exist_ok=True)
    compared.reference.report(folder / REPORT)
    told.reported(folder / REPORT)
    compared.report(folder / COMPARISON)
    told.reported(folder / COMPARISON)
    return run


def next_steps(folder: Path, muster: str) -> str:
    """Commands to go on with, `muster` as it is called in the folder."""
    month = "data/flights-2013-08.parquet"
    return go_on(
        folder,
        muster,
        "model list",
        "version show delays@champion",
        f"score delays-rule {month} scored/2013-08.parquet --keep flight,late",
        f"evaluate delays {month} --segments carrier --report reports/delays-2013-08.html",
        "alias set delays:1 challenger",
        "event list",
    )


def _train(hub: Hub, folder: Path, talk: Callable[[str], None]) -> None:
    talk("training  a scikit-learn pipeline on the flights of January to June 2013, in an environment of its own")
    environment = hub.environments.resolve(REQUIREMENTS, python=f"{sys.version_info.major}.{sys.version_info.minor}")
    python = hub.environments.interpreter(environment)
    fresh, model = folder / "training", folder / "models" / "delays"
    shutil.rmtree(fresh, ignore_errors=True)
    script = Path(__file__).with_name("train.py")
    command = [python, script, fresh, *(month_file(folder, month) for month in TRAINED_ON)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EnvironmentFailed(
            "the demo's model could not be trained",
            hint="run it by hand to see why: " + shlex.join(map(str, command)),
            details={"stderr": done.stderr[-4_000:]},
        )
    shutil.rmtree(model, ignore_errors=True)
    model.parent.mkdir(exist_ok=True)
    fresh.rename(model)
