"""The guides run as they stand: `python` and `sh` blocks of a page in order, in one folder; other blocks are for reading."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clouds.s3 import s3_environ
from tests.tracking import tracking

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = {
    page.stem: [
        (m["language"], m["code"]) for m in BLOCK.finditer(page.read_text()) if m["language"] in ("python", "sh")
    ]
    for page in sorted(DOCS.glob("*.md"))
    if page.stem not in ("index", "cli", "performance")
}


LOADER = """
class Risk:
    def predict(self, data):
        return data["age"] / 100


def _load_pyfunc(path):
    return Risk()
"""
SAVED = """
flavors:
  python_function:
    loader_module: risk
    code: code
    data: .
    python_version: 3.11.7
mlflow_version: 2.9.2
signature:
  inputs: '[{"type": "double", "name": "age"}]'
  outputs: null
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
"""


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """A tracking server with versions 1 and 3 of a model, which does not tell its task."""
    model = tmp_path / "on-the-server"
    (model / "code").mkdir(parents=True)
    (model / "code" / "risk.py").write_text(LOADER)
    (model / "MLmodel").write_text(SAVED)
    (model / "requirements.txt").write_text("pandas\n")
    (model / "input_example.json").write_text('{"columns": ["age"], "data": [[22.0], [71.0]]}')
    with tracking() as server:
        server.add("Churn Model", model)
        server.add("Churn Model", model, "Champion", number=3)
        yield server.url


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_does_what_it_says(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    assert GUIDES[name], f"docs/{name}.md has no block that runs"
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MUSTER_NO_PROGRESS": "1",
    }
    environ.pop("MUSTER_HUB", None)
    buckets = {found for _, code in GUIDES[name] for found in re.findall(r"s3://([a-z0-9.-]+)", code)}
    if buckets:
        environ |= s3_environ(request.getfixturevalue("clouds")("s3"), buckets)
    if any("$DATABASE_URL" in code for _, code in GUIDES[name]):
        environ["DATABASE_URL"] = request.getfixturevalue("postgres_database")
    if name == "import":
        environ |= {"MLFLOW_TRACKING_URI": request.getfixturevalue("mlflow_server")}
    script = tmp_path / "guide.py"
    script.write_text(_program(GUIDES[name]))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _program(blocks: list[tuple[str, str]]) -> str:
    """One program, so that later blocks see the names of earlier ones."""
    parts = ["import subprocess"]
    for language, code in blocks:
        parts.append(code if language == "python" else f"subprocess.run(['sh', '-ec', {code!r}], check=True)")
    return "\n".join(parts)
