"""What the tests of stores share."""

from __future__ import annotations

from pathlib import Path


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path
