"""The same promises over every kind of endpoint: it is found, registered, predicted with, and scored with like any other version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import NotApplicable
from muster.hub import Hub
from muster.predictor import OpenPredictor
from muster.predictors.external.predictor import EndpointPredictor
from muster.testing.endpoints import Account
from muster.testing.predictor import PredictorSuite
from tests.suites.endpoints import KINDS, TRUTH, Kind, account_of, endpoint_of, probability, rows


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="class")
def account(kind: Kind, patch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account_of(kind, patch) as account:
        yield account


@pytest.fixture(scope="class")
def hub(kind: Kind, account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with the endpoint registered as `churn:1`."""
    with muster.open(tmp_path_factory.mktemp("hub")) as hub:
        settings: dict[str, Any] = dict(account.settings)
        hub.connect("c", kind.name, **settings)
        classes = ["0", "1"] if kind.container == "automl" else [0, 1]
        hub.register("churn", endpoint_of(kind), task="binary", target=TRUTH, classes=classes, sample=rows())
        yield hub


over_all = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS, scope="class")


@over_all
class TestEndpoints:
    def test_the_connection_passes_its_test(self, kind: Kind, hub: Hub) -> None:
        steps = hub.test_connection("c", "churn" if kind.named else None)
        assert [s.name for s in steps if not s.passed] == []
        assert {"name", "login", "permission"} <= {s.name for s in steps}

    def test_it_is_listed(self, kind: Kind, hub: Hub) -> None:
        if not kind.lists:
            with pytest.raises(NotApplicable, match="list"):
                list(hub.discover("c"))
            return
        found = list(hub.discover("c"))
        assert [(e.connection, e.name) for e in found] == [("c", "churn")]
        assert list(hub.discover("c", "nothing-like-it")) == []
        assert found[0].status

    def test_it_can_be_registered_from_the_list(self, kind: Kind, hub: Hub) -> None:
        if not kind.lists:
            pytest.skip("never: it lists nothing")
        version = hub.version("churn:1")
        again = hub.register(
            "churn",
            next(iter(hub.discover("c"))),
            task="binary",
            target=TRUTH,
            classes=version.classes,
            sample=rows(),
            if_changed=True,
        )
        assert again.ref == "churn:1", "the same endpoint in the same state is the same version"

    def test_the_version_says_what_was_found(self, kind: Kind, hub: Hub) -> None:
        version = hub.version("churn:1")
        assert version.origin == kind.name
        assert not version.artifact
        assert version.environment is None
        order = version.load["order"]
        assert isinstance(order, dict)
        for what in ("columns", "classes"):
            told = order[what]
            assert isinstance(told, dict)
            assert told["verdict"] in ("by name", "supported")
        assert version.probe is not None
        assert version.probe.raw["calls"] <= 50  # type: ignore[operator]  # a number
        assert version.output.probabilities is kind.probabilities

    def test_predictions_are_those_of_the_model(self, kind: Kind, hub: Hub) -> None:
        table = rows(57, seed=11)
        answer = hub.predict("churn:1", table)
        leave = [
            probability(a, v) for a, v in zip(*(table.column(c).to_pylist() for c in ("age", "visits")), strict=True)
        ]
        assert [str(p) for p in answer.column("prediction").to_pylist()] == [str(int(p >= 0.5)) for p in leave]
        if kind.probabilities:
            given = [p[1] for p in answer.column("probabilities").to_pylist()]
            assert given == pytest.approx(leave, abs=1e-6)

    def test_columns_may_come_in_any_order(self, kind: Kind, hub: Hub) -> None:
        table = rows(20, seed=5)
        mixed = table.select([TRUTH, "visits", "age"])
        assert hub.predict("churn:1", mixed).equals(hub.predict("churn:1", table))

    def test_it_scores_a_dataset(self, kind: Kind, hub: Hub, tmp_path: Path) -> None:
        table = rows(500, seed=7)
        pq.write_table(table, tmp_path / "in.parquet")
        run = hub.score("churn:1", tmp_path / "in.parquet", tmp_path / "out.parquet", keep=["age", "visits"])
        assert (run.status, run.rows, run.rejected) == ("done", 500, 0)
        scored = pq.read_table(tmp_path / "out.parquet")
        assert scored.select(["age", "visits"]).equals(table.select(["age", "visits"]))
        assert scored.column("prediction").equals(hub.predict("churn:1", table).column("prediction"))
        assert ("served_by" in scored.column_names) is kind.served_by
        if kind.served_by:
            assert scored.column("served_by").null_count == 0
            told = run.summary["served_by"]
            assert isinstance(told, dict)
            assert sum(int(str(n)) for n in told.values()) == 500

    def test_rows_that_it_refuses_are_rejected_alone(self, kind: Kind, hub: Hub, tmp_path: Path) -> None:
        table = rows(300, seed=9)
        bad = [17, 18, 203]
        ages = [-1.0 if i in bad else a for i, a in enumerate(table.column("age").to_pylist())]
        table = table.set_column(0, "age", pa.array(ages))
        pq.write_table(table, tmp_path / "in.parquet")
        run = hub.score("churn:1", tmp_path / "in.parquet", tmp_path / "out.parquet")
        assert (run.rows, run.rejected) == (300, 3)
        assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 297
        answer = hub.predict("churn:1", table)
        errors = answer.column("error")
        assert pc.indices_nonzero(errors.is_valid()).to_pylist() == bad
        assert all(errors[i].as_py() for i in bad)

    def test_nothing_has_changed_behind_it(self, kind: Kind, hub: Hub) -> None:
        assert hub.snapshot("churn:1").changes == ()

    def test_no_secret_is_stored(self, kind: Kind, hub: Hub, account: Account) -> None:
        secrets = [
            v
            for n, v in account.environ.items()
            if any(w in n for w in ("SECRET", "TOKEN", "KEY", "PASSWORD")) and len(v) > 8
        ]
        stored = "\n".join(text for _, text in _dump(hub))
        assert stored
        for secret in secrets:
            assert secret not in stored


def _dump(hub: Hub) -> list[tuple[str, str]]:
    with hub._records.dump() as documents:
        return list(documents)


@over_all
class TestEndpointPredictors(PredictorSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, hub: Hub) -> OpenPredictor:
        return lambda: EndpointPredictor(hub.version("churn:1"), hub.connection("c"))

    @pytest.fixture
    def batch(self) -> pa.RecordBatch:
        return rows(9, seed=2).select(["age", "visits"]).combine_chunks().to_batches()[0]

    @pytest.fixture
    def bad_row(self) -> pa.RecordBatch:
        return pa.record_batch({"age": [-3.0], "visits": [1.0]})
