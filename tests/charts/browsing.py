"""Pages as a browser shows them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.chromium import FLAGS, chromium

__all__ = ["browse"]


def browse(written: str, file: Path, *options: str) -> tuple[str, str]:
    """The document after its scripts have run, and what the browser said of it."""
    program = chromium()
    file.write_text(written, encoding="utf-8")
    command = [program, *FLAGS, f"--user-data-dir={file.parent / 'browser'}", "--enable-logging=stderr", *options]
    command += ["--virtual-time-budget=30000", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
