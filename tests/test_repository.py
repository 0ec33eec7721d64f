"""What holds for the repository's own files."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("feature", "change", "fix", "docs", "internal")


@pytest.mark.parametrize("name", ["core", "dev"])
def test_requirements_are_exact_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert not [
        line for line in lines if not re.match(r"[a-z0-9.-]+(\[[a-z,-]+\])?==\S+( ;.*?)? +--hash=sha256:", line)
    ]
    assert "://" not in text


def test_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.match(r"[\w-]+", line).group() for line in project["project"]["dependencies"]}  # type: ignore[union-attr]
    core, dev = (
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE))
        for name in ("core", "dev")
    )
    assert wanted <= {pin.split("==")[0] for pin in core}, "run `./run lock`"
    assert core <= dev


def test_change_notes_say_their_kind() -> None:
    notes = [file.name for file in (ROOT / "changes").iterdir() if file.name != "README.md"]
    assert not [name for name in notes if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", name)]
    assert all(f"`{kind}`" in (ROOT / "changes" / "README.md").read_text() for kind in KINDS)


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text())
    assert sorted(listed) == sorted(file.name for file in folder.glob("*.md") if file.name != "README.md")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/index.md"])
def test_links_lead_to_files(page: str) -> None:
    source = ROOT / page
    links = [link for link in re.findall(r"\]\(([^)#]+)", source.read_text()) if "://" not in link]
    assert not [link for link in links if not (source.parent / link).exists()]


def test_no_lock_that_names_registries_is_kept() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("never: an unpacked source distribution has no git")
    assert not subprocess.run(["git", "ls-files", "*uv.lock"], cwd=ROOT, check=True, capture_output=True).stdout
