from __future__ import annotations

import re
from pathlib import Path

import pytest

from bring_uv import CannotBring, pinned

ROOT = Path(__file__).resolve().parents[2]


def test_the_requirements_pin_uv_with_hashes() -> None:
    version, hashes = pinned(ROOT / "requirements" / "core.txt")
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert len(hashes) > 10
    assert f"uv=={version} " in (ROOT / "requirements" / "dev.txt").read_text()


def test_only_the_hashes_of_uv_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "core.txt"
    blocks = [
        f"{name}==1.0 \\\n    --hash=sha256:{digit * 64} \\\n    --hash=sha256:{digit * 63}0"
        for name, digit in [("a", "1"), ("uv", "2"), ("uv-x", "3")]
    ]
    file.write_text("\n    # via b\n".join(blocks) + "\n")
    assert pinned(file) == ("1.0", ["2" * 64, "2" * 63 + "0"])


def test_no_pin_is_named(tmp_path: Path) -> None:
    (tmp_path / "core.txt").write_text("a==1\n")
    with pytest.raises(CannotBring, match="pins no uv"):
        pinned(tmp_path / "core.txt")
