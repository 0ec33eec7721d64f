"""The guides run as they stand: `python` and `sh` blocks of a page in order, in one folder; other blocks are for reading."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.s3 import s3_environ

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = {
    page.stem: [
        (m["language"], m["code"]) for m in BLOCK.finditer(page.read_text()) if m["language"] in ("python", "sh")
    ]
    for page in sorted(DOCS.glob("*.md"))
    if page.stem not in ("index", "cli", "performance")
}


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
        environ |= s3_environ(request.getfixturevalue("s3"), buckets)
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
