"""Credentials that end while a dataset is scored: renewed where that helps, else the run stops and can be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import RunFailed
from muster.hub import Hub
from muster.testing.endpoints import Deployed
from tests.predictors.external.providers.helpers import MODEL, Client, account_of, secrets_of

ROWS = 400
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a role at AWS": ("sagemaker", {"auth": "role"}, {}),
    "a key of Azure": ("azureml", {}, {}),
    "a token of an endpoint": ("azureml", {}, {"auth_mode": "aml_token"}),
    "a token of Entra": ("azureml", {}, {"auth_mode": "aad_token"}),
    "a service account": ("vertex", {}, {}),
    "a federated identity": ("vertex", {"auth": "federation"}, {}),
    "a service principal": ("databricks", {"auth": "oauth"}, {}),
    "an optimised route": ("databricks", {"auth": "oauth"}, {"route_optimized": True}),
}


def _people(folder: Path) -> Path:
    ages = [float(20 + i % 60) for i in range(ROWS)]
    left = [int(a > 50) for a in ages]
    pq.write_table(
        pa.table({"age": ages, "visits": [float(i % 7) for i in range(ROWS)], "left": left}), folder / "in.parquet"
    )
    return folder / "in.parquet"


def _registered(hub: Hub, client: Client, sample: Path) -> None:
    hub.connect("c", client.account.kind, **client.settings, concurrency=2, rate=10_000)
    hub.register("churn", muster.Endpoint("c", "churn"), task="binary", target="left", classes=[0, 1], sample=sample)


def _calls(client: Client) -> int:
    return len(client.account.invocations)


@pytest.mark.parametrize("name", KINDS)
def test_what_ends_in_the_middle_is_renewed(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kind, account, options = KINDS[name]
    models = {"churn": Deployed(variants={"model": MODEL}, options=options)}
    with account_of(kind, monkeypatch, models, **account) as client, muster.open(tmp_path / "hub") as hub:
        people = _people(tmp_path)
        _registered(hub, client, people)
        before = _calls(client)
        client.account.faults.at(before + 2, client.account.expire)
        run = hub.score("churn:1", people, tmp_path / "out.parquet", keep=["age"])
        assert (run.status, run.rows, run.rejected) == ("done", ROWS, 0)
        assert any(c.status in (400, 401, 403) for c in client.account.invocations), "it was refused once"
        assert pq.read_metadata(tmp_path / "out.parquet").num_rows == ROWS


def test_a_token_that_nobody_replaces_stops_the_run_which_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with account_of("databricks", monkeypatch) as client, muster.open(tmp_path / "hub") as hub:
        people = _people(tmp_path)
        _registered(hub, client, people)
        secrets = secrets_of(client.account)
        client.account.faults.at(_calls(client) + 2, client.account.expire)
        with pytest.raises(RunFailed, match="refuses new credentials too: Invalid access token") as caught:
            hub.score("churn:1", people, tmp_path / "out.parquet")
        assert caught.value.hint
        (run,) = hub.runs()
        assert run.status == "failed"
        monkeypatch.setenv("DATABRICKS_TOKEN", client.account.environ["DATABRICKS_TOKEN"])
        again = hub.resume(run.id)
        assert (again.status, again.rows, again.rejected) == ("done", ROWS, 0)
        with hub._records.dump() as documents:
            stored = "\n".join(text for _, text in documents)
        assert stored
        for secret in (*secrets, *secrets_of(client.account)):
            assert secret not in stored + str(caught.value) + repr(caught.value)
