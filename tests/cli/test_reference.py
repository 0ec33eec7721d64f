"""The page of the command line is what the commands say."""

from __future__ import annotations

from cli_reference import PAGE, page
from tests.cli.helpers import leaves


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `./run python tools/cli_reference.py`"


def test_every_command_is_on_the_page() -> None:
    headings = [line.lstrip("# ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert set(headings) >= {path for path, _ in leaves()}
