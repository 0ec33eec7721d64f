"""The tour of README.md runs as it stands, in the folder that the demo leaves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()
TOUR = README.partition("## A short tour")[2].partition("\n## ")[0]


@pytest.mark.deep
def test_the_tour_runs_in_the_folder_of_the_demo(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    commands = {"sh": ["sh", "-ec"], "python": [sys.executable, "-c"]}
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", TOUR, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} == {"sh", "python"}
    subprocess.run(["muster", "demo"], cwd=tmp_path, env=environment, check=True)
    again = subprocess.run(
        ["muster", "demo"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert "unchanged  delays:1  mlflow  binary  no, yes  7 columns  " in again.stderr
    assert "  → muster-demo/scored/2013-07.parquet\n" in again.stderr
    for language, code in blocks:
        subprocess.run([*commands[language], code], cwd=tmp_path / "muster-demo", env=environment, check=True)
    scored = sorted(path.name for path in (tmp_path / "muster-demo" / "scored").iterdir())
    assert scored == ["2013-07.parquet", "september", "summer"]
