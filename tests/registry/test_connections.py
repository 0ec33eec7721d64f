"""Connections: what is wrong with one is told at once, and one that is used stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import muster
from muster.errors import Conflict, InvalidInput, NotFound
from muster.hub import Hub
from muster.testing.endpoints import Served, serving


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as hub:
        yield hub


def _refused(hub: Hub, kind: str, **settings: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        hub.connect("c", kind, **settings)
    assert caught.value.hint
    assert list(hub.connections()) == []
    return caught.value


def test_all_that_is_wrong_is_told_at_once(hub: Hub) -> None:
    error = _refused(
        hub,
        "azureml",
        subscripton_id="s",
        workspace="w",
        client_secret="geheim-geheim",
        login="browser",
        management_url="management.azure.com",
        concurency=3,
        rate=-1,
        spend=5,
    )
    assert error.details["problems"] == [
        "it has no setting `subscripton_id`; did you mean `subscription_id`?",
        "it has no setting `concurency`; did you mean `concurrency`?",
        "`subscription_id` is missing: the subscription",
        "`resource_group` is missing: the resource group",
        "`client_secret` is given as where it is, `env:NAME` or `file:/path`, and never itself",
        "`login` cannot be 'browser': it is default or managed or workload or cli",
        "`management_url` is 'management.azure.com', and no address: write https://host/path",
        "`rate` is -1, and no number above 0: it is the most requests a second",
        "`spend` needs a price: `price_per_call` or `price_per_hour`",
    ]
    assert "geheim" not in str(error)
    assert "geheim" not in repr(error)


def test_caps_alone(hub: Hub) -> None:
    error = _refused(hub, "http", url="https://h", concurrency=True, price_per_call=float("inf"))
    assert error.details["problems"] == [
        "`concurrency` is True, and no number above 0: it is the most requests at once",
        "`price_per_call` is inf, and no number above 0: it is what a request costs",
    ]


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("htpp", {}, "there is no kind of connection `htpp`; did you mean `http`?"),
        ("http", {}, "`url` is missing"),
        ("http", {"url": "h/x"}, "`url` is 'h/x', and no address"),
        ("http", {"url": "https://ada:geheim@h/x"}, "`url` has a login in it, which would be stored"),
        ("http", {"url": "https://h", "proxy": "http://ada:geheim@p:3128"}, "give the whole address as where it is"),
        ("http", {"url": "https://h", "secret": "geheim"}, "`secret` is given as where it is"),
        ("http", {"url": "https://h", "secret": "env:"}, "`secret` is given as where it is"),
        ("http", {"url": ["https://h"]}, "`url` is a list, and no text"),
        ("http", {"url": "https://h", "certificate": "-----BEGIN CERTIFICATE-----"}, "`certificate` is given as where"),
        (
            "vertex",
            {"region": "r", "credentials": '{"private_key": "geheim"}'},
            "`credentials` is given as where it is",
        ),
        ("databricks", {"host": "h", "token": "dapi-geheim"}, "`token` is given as where it is"),
    ],
)
def test_what_cannot_be_a_connection(hub: Hub, kind: str, settings: dict[str, Any], told: str) -> None:
    error = _refused(hub, kind, **settings)
    assert told in error.message
    assert "geheim" not in str(error)


def test_a_password_of_a_proxy_stands_elsewhere(hub: Hub) -> None:
    made = hub.connect("c", "http", url="https://h", proxy="env:CORP_PROXY", ca_bundle=Path("/ca.pem"))
    assert made.settings == {"url": "https://h", "proxy": "env:CORP_PROXY", "ca_bundle": "/ca.pem"}


def test_a_name_is_taken_until_it_is_replaced(hub: Hub) -> None:
    hub.connect("c", "http", url="https://one")
    with pytest.raises(Conflict, match="the connection `c` exists: http"):
        hub.connect("c", "http", url="https://two")
    hub.connect("c", "http", url="https://two", replace=True, rate=3)
    assert hub.connection("c").settings == {"url": "https://two"}
    assert hub.connection("c").caps == {"rate": 3}
    hub.connect("c", "mlflow-server", url="https://two", replace=True)
    with pytest.raises(NotFound, match="there is no connection `d`"):
        hub.connection("d")
    hub.remove_connection("c")
    with pytest.raises(NotFound, match="there is no connection `c`"):
        hub.remove_connection("c")


def test_one_that_is_used_stays(hub: Hub) -> None:
    model = Served(predict=lambda rows: [0.5] * len(rows), columns=("age",), task="regression")
    with serving("http", {"churn": model}) as account:
        settings: dict[str, Any] = dict(account.settings)
        hub.connect("c", "http", **settings)
        hub.register("churn", muster.Endpoint("c"), task="regression", sample=pa.table({"age": [1.0, 2.0, 3.0]}))
        assert list(hub.connection_uses("c")) == ["churn:1"]
        with pytest.raises(Conflict, match="the connection `c` is used by churn:1"):
            hub.remove_connection("c")
        with pytest.raises(Conflict, match=r"it is of the kind `http`\), and is used by churn:1"):
            hub.connect("c", "mlflow-server", url=account.url, replace=True)
        hub.connect("c", "http", **{**settings, "seconds": 5}, replace=True)
        assert hub.connection("c").settings["seconds"] == 5
