"""Runs a suite of `muster.testing` with pytest: over an origin of someone's own, or as they wrote it."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from muster.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    import pytest

__all__ = ["Outcome", "check_origin", "counts"]

_MODULE = '''
import pytest
from muster.extensions import load
from muster.testing.origin import OriginSuite

given = load({where!r})

if any(name.startswith("test_") for name in dir(given)):

    class TestOrigin(given):
        """A suite of their own."""

else:

    class TestOrigin(OriginSuite):
        @pytest.fixture
        def origin(self):
            return given()

        @pytest.fixture
        def source(self):
            return {source!r}
'''


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test ended: `passed`, `failed` or `skipped`, and why."""

    test: str
    outcome: str
    reason: str = ""


@dataclass(slots=True)
class _Results:
    """A plugin of pytest that keeps the outcomes."""

    outcomes: list[Outcome] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
            test = report.nodeid.rpartition("::")[2]
            self.outcomes.append(Outcome(test, report.outcome, reason.removeprefix("Skipped: ")))


def check_origin(where: str, source: str | None) -> Sequence[Outcome]:
    """Each test with its outcome. pytest talks on stderr while it runs."""
    try:
        import pytest
    except ImportError:
        raise MissingExtra.named("testing", "running a suite") from None
    _check_found(where)
    results = _Results()
    with tempfile.TemporaryDirectory(prefix="muster-check-") as folder, redirect_stdout(sys.stderr):
        file = Path(folder) / "test_origin.py"
        file.write_text(_MODULE.format(where=where, source=source), encoding="utf-8")
        # No configuration of the folder that the user happens to be in.
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        options = [
            "-c",
            f"{folder}/pytest.ini",
            "--import-mode=importlib",
            "-p",
            "no:cacheprovider",
            "-q",
            "--no-header",
        ]
        pytest.main([*options, str(file)], plugins=[results])
    if not results.outcomes:
        raise InvalidInput(f"`{where}` has no test that could be run", hint="name an origin, or a suite of tests")
    return results.outcomes


def counts(outcomes: Sequence[Outcome]) -> Counter[str]:
    return Counter(o.outcome for o in outcomes)


def _check_found(where: str) -> None:
    """Whether the class can be imported, also from the folder that the user is in."""
    from muster.extensions import load

    hint = "write package.module:Class, of a package that is installed here or lies in this folder"
    if not all(where.partition(":")):
        raise InvalidInput(f"`{where}` names no class", hint=hint)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = load(where)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"`{where}` cannot be imported: {error}", hint=hint) from None
    if not isinstance(found, type):
        raise InvalidInput(f"`{where}` is no class", hint=hint)
