"""What a registered dataset shows of its use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import muster
from muster.records import Run
from tests.cli.helpers import call


def test_the_runs_that_read_or_wrote_it_are_shown(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with muster.open() as hub:
        found = hub.dataset("march", tmp_path / "rows.csv")
        for number, (how, fingerprint) in enumerate(
            (("input", found.fingerprint), ("input", "0" * 64), ("output", None))
        ):
            run = Run(
                id=f"01JD4ZT7K5Q3F0W8V9X2Y6B0{number:02}",
                kind="score",
                status="done",
                model="churn",
                number=1,
                fingerprint=fingerprint,
                created_at=datetime(2026, 3, 2, number, tzinfo=UTC),
                created_by="ada",
                **{how: found.uri},  # type: ignore[arg-type]  # texts, both
            )
            with hub._records.transaction("ada", "test") as tx:
                tx.insert(run)
    assert [(u["run"][-2:], u["how"], u["same"]) for u in call("dataset", "show", "march", "--json").json["uses"]] == [
        ("02", "wrote", None),
        ("01", "read", False),
        ("00", "read", True),
    ]
    shown = [line.split() for line in call("dataset", "show", "march").out.splitlines()[-3:]]
    assert [words[1:4] for words in shown] == [
        ["wrote", "churn:1", "done"],
        ["read", "churn:1", "done"],
        ["read", "churn:1", "done"],
    ]
    assert ["changed" in shown[1], "registered" in shown[2]] == [True, True]
