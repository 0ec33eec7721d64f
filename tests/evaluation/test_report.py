"""Reports: one file with everything in it, that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.registry.evaluation_job import EvaluateOptions

ROWS = 20_000
ASKED: EvaluateOptions = {"target": "y", "segments": ["part"]}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with muster.open(tmp_path_factory.mktemp("reports") / "hub") as opened:
        yield opened


def _table(kind: str) -> tuple[pa.Table, EvaluateOptions]:
    random = np.random.default_rng(2)
    part = random.choice(["<b>bold</b>", "plain | piped"], ROWS)
    match kind:
        case "binary":
            late = random.random(ROWS) < 0.3
            p = 1 / (1 + np.exp(1 - 2 * late - random.normal(size=ROWS)))
            table = {"y": late, "p": p, "part": part}
            return pa.table(table), {**ASKED, "probabilities": ["p"], "classes": [False, True]}
        case "multiclass":
            y = random.integers(0, 4, ROWS)
            given = random.dirichlet(np.ones(4), ROWS) + np.eye(4)[y]
            given /= given.sum(1, keepdims=True)
            columns = {f"p{n}": given[:, n] for n in range(4)}
            return pa.table({"y": y, "part": part, **columns}), {
                **ASKED,
                "probabilities": [*columns],
                "classes": [0, 1, 2, 3],
            }
    price = random.gamma(2, 50, ROWS)
    table = {"y": price, "p": price * random.lognormal(0, 0.2, ROWS), "part": part}
    return pa.table(table), {**ASKED, "prediction": "p", "task": "regression"}


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def found(hub: Hub, request: pytest.FixtureRequest) -> Evaluation:
    table, options = _table(request.param)
    return hub.evaluate(table, **options)


def test_a_page_has_everything_and_asks_for_nothing(found: Evaluation, tmp_path: Path) -> None:
    found.report(tmp_path / "evaluation.html")
    page = (tmp_path / "evaluation.html").read_text()
    assert len(page.encode()) < 2_000_000
    for name in found.metrics:
        assert f">{name}</td>" in page
    for name in found.charts:
        assert found.charts[name].heading in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)\s*=", without_scripts), "nothing is fetched"
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in without_scripts


def test_markdown_says_the_same_in_words(found: Evaluation, tmp_path: Path) -> None:
    found.report(tmp_path / "evaluation.md")
    text = (tmp_path / "evaluation.md").read_text()
    for name in found.metrics:
        assert f"| {name} |" in text
    for name in found.charts:
        assert found.charts[name].text in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert "plain \\| piped" in text


def test_what_is_no_report_is_told(found: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no report is written as `evaluation\.doc`"):
        found.report(tmp_path / "evaluation.doc")
    with pytest.raises(InvalidInput, match="there is no folder"):
        found.report(tmp_path / "none" / "evaluation.html")
    assert not list(tmp_path.iterdir())


def test_its_size_does_not_grow_with_the_rows(hub: Hub, tmp_path: Path) -> None:
    sizes = []
    for rows in (2_000, ROWS):
        table, options = _table("binary")
        found = hub.evaluate(table.slice(0, rows), **options)
        for end in ("html", "pdf"):
            found.report(tmp_path / f"{rows}.{end}")
            sizes.append((tmp_path / f"{rows}.{end}").stat().st_size)
    assert sizes[2] < sizes[0] * 1.3
    assert sizes[3] < sizes[1] * 1.3
