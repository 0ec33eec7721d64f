"""Vertex AI by plain HTTP: grants, lists, descriptions, predictions with the identity of who answered, and errors."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from muster.testing.endpoints import Account, Deployed, Served, serving
from tests.testing.endpoints.plain import Reply, ask, churn, form

TYPES = {"plan": "string"}
LISTS = [[2, "basic"], [8, "gold"]]
TEXTS = [{"age": "2", "plan": "basic"}, {"age": "8", "plan": "gold"}]
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def model(**more: Any) -> Served:
    return Served(
        **{
            "predict": churn,
            "columns": ("age", "plan"),
            "types": TYPES,
            "classes": ("no", "yes"),
            "container": "sklearn",
            **more,
        }
    )


def endpoints() -> dict[str, Any]:
    return {
        "churn": model(),
        "split": {"blue": model(weight=75), "green": model(weight=25, version="2")},
        "tables": model(container="automl"),
        "own": Deployed(variants={"m": model(container="custom")}, options={"explains": True, "rows": 2}),
        "bigquery": model(container="bigquery"),
    }


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("vertex", endpoints()) as account:
        yield account


def signed(account: Account, key: Any = None, **claims: Any) -> str:
    """A JWT of the account's service account, or with another key."""
    info = json.loads(Path(account.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    key = key or serialization.load_pem_private_key(info["private_key"].encode(), None)
    now = int(time.time())
    claims = {"iss": info["client_email"], "iat": now, "exp": now + 3600, "scope": SCOPE, **claims}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def granted(account: Account, assertion: str = "", **claims: Any) -> Reply:
    claims = {"aud": "https://oauth2.googleapis.com/token", **claims}
    return form(account, "/token", {"grant_type": GRANT, "assertion": assertion or signed(account, **claims)})


def got(account: Account, path: str, body: Any = None, token: str = "", **query: str) -> Reply:
    token = token or granted(account).json()["access_token"]
    base = f"/v1/projects/{account.settings['project_id']}/locations/{account.settings['region']}"
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return ask(account, f"{base}/{path}{text and '?'}{text}", body, Authorization=f"Bearer {token}")


def predicted(
    account: Account, name: str = "churn", instances: Any = LISTS, verb: str = "predict", **more: Any
) -> Reply:
    return got(account, f"endpoints/{account.names(name)}:{verb}", {"instances": instances}, **more)


def test_every_prediction_names_who_answered(account: Account) -> None:
    answer = predicted(account).json()
    endpoint = got(account, f"endpoints/{account.names('churn')}").json()
    (deployed,) = endpoint["deployedModels"]
    assert answer["predictions"] == ["no", "yes"]
    assert (answer["deployedModelId"], answer["model"], answer["modelVersionId"]) == (
        deployed["id"],
        deployed["model"],
        "1",
    )
    raw = predicted(account, verb="rawPredict")
    assert raw.json() == {"predictions": ["no", "yes"]}
    assert raw.headers["x-vertex-ai-deployed-model-id"] == deployed["id"]
    assert account.invocations[-1].endpoint == "churn"


def test_traffic_is_split_in_whole_percent(account: Account) -> None:
    split = got(account, f"endpoints/{account.names('split')}").json()["trafficSplit"]
    assert sorted(split.values()) == [25, 75]
    answers = [predicted(account, "split").json() for _ in range(4)]
    assert sorted(split[a["deployedModelId"]] for a in answers) == [25, 75, 75, 75]
    account.shift("split", blue=0, green=0)
    assert predicted(account, "split").status == 400


def test_thirds_add_up_to_a_hundred() -> None:
    thirds = {name: model(weight=1, version=name[-1]) for name in ("m1", "m2", "m3")}
    with serving("vertex", {"churn": thirds}) as account:
        split = got(account, f"endpoints/{account.names('churn')}").json()["trafficSplit"]
        assert sorted(split.values()) == [33, 33, 34]


@pytest.mark.parametrize(
    ("name", "instances", "expected"),
    [
        ("tables", TEXTS[:1], [{"classes": ["no", "yes"], "scores": [0.8, 0.2]}]),
        ("own", LISTS[:1], ["no"]),
        ("own", [{"age": 2, "plan": "basic"}], ["no"]),
        (
            "bigquery",
            [{"age": 2, "plan": "basic"}],
            [{"predicted_target": "no", "target_probs": [0.8, 0.2], "target_values": ["no", "yes"]}],
        ),
    ],
)
def test_containers_have_their_own_shapes(account: Account, name: str, instances: Any, expected: Any) -> None:
    assert predicted(account, name, instances).json()["predictions"] == expected


def test_containers_refuse_the_shapes_of_others(account: Account) -> None:
    assert "a string was expected" in predicted(account, "tables", [{"age": 2, "plan": "x"}]).json()["error"]["message"]
    assert predicted(account, "churn", TEXTS).status == 400
    extra = got(account, f"endpoints/{account.names('churn')}:predict", {"instances": LISTS, "rows": 2})
    assert 'Unknown name "rows"' in extra.json()["error"]["message"]
    assert predicted(account, "own", LISTS * 2).json()["error"]["status"] == "INVALID_ARGUMENT"


def test_lists_come_in_pages_and_are_filtered(account: Account) -> None:
    names, token = [], ""
    for _ in range(9):
        page = got(account, "endpoints", pageSize="100", **({"pageToken": token} if token else {})).json()
        names.append([one["displayName"] for one in page["endpoints"]])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert names == [["churn", "split"], ["tables", "own"], ["bigquery"]]
    assert [one["displayName"] for one in got(account, "endpoints", filter="display_name=own").json()["endpoints"]] == [
        "own"
    ]
    assert got(account, "endpoints", filter="nothing").status == 400


def test_a_model_is_described_by_version(account: Account) -> None:
    endpoint = got(account, f"endpoints/{account.names('split')}").json()
    id = endpoint["deployedModels"][0]["model"].rpartition("/")[2]
    first, newest = got(account, f"models/{id}@1").json(), got(account, f"models/{id}").json()
    assert (first["versionAliases"], newest["versionId"], newest["versionAliases"]) == ([], "2", ["default"])
    assert newest["containerSpec"]["imageUri"].startswith("europe-docker.pkg.dev/vertex-ai/")
    assert got(account, f"models/{id}@7").status == 404
    tables = (
        got(account, f"endpoints/{account.names('tables')}").json()["deployedModels"][0]["model"].rpartition("/")[2]
    )
    assert "automl_tabular" in got(account, f"models/{tables}").json()["metadataSchemaUri"]


def test_an_update_has_another_deployed_model_and_a_swap_has_none(account: Account) -> None:
    path = f"endpoints/{account.names('churn')}"
    before = got(account, path).json()
    account.swap("churn", lambda rows: ["yes"] * len(rows))
    assert got(account, path).json() == before
    account.update("churn", {"model": model(version="2")})
    after = got(account, path).json()
    assert after["etag"] != before["etag"]
    assert after["deployedModels"][0]["id"] != before["deployedModels"][0]["id"]


def test_explanations_where_they_are_enabled(account: Account) -> None:
    (one, _) = predicted(account, "own", verb="explain").json()["explanations"]
    assert set(one["attributions"][0]["featureAttributions"]) == {"age", "plan"}
    assert predicted(account, verb="explain").status == 400
    assert predicted(account, verb="serverStreamingPredict").status == 501


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://example.com"}, {"iss": "else@muster-tests.iam.gserviceaccount.com"}, {"scope": ""}, {"exp": 1}],
)
def test_a_wrong_grant_is_refused(account: Account, claims: dict[str, Any]) -> None:
    answer = granted(account, **claims)
    assert (answer.status, answer.json()["error"][:8]) == (400, "invalid_")


def test_a_grant_of_another_key_is_refused(account: Account) -> None:
    other = signed(account, rsa.generate_private_key(public_exponent=65537, key_size=2048), aud=f"{account.url}/token")
    assert granted(account, other).json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    assert granted(account, "no.j.wt").status == granted(account, "none").status == 400
    assert granted(account, aud=f"{account.url}/token").status == 200


def test_tokens_end_those_that_were_signed_by_the_client_too(account: Account) -> None:
    given = granted(account).json()["access_token"]
    email = json.loads(Path(account.settings["credentials"]).read_text())["client_email"]
    own = signed(account, sub=email, aud="https://europe-west4-aiplatform.googleapis.com/")
    assert [predicted(account, token=token).status for token in (given, own)] == [200, 200]
    account.expire()
    assert [predicted(account, token=token).status for token in (given, own)] == [401, 401]
    assert (
        ask(account, "/v1/projects/muster-tests/locations/europe-west4/endpoints").json()["error"]["status"]
        == "UNAUTHENTICATED"
    )


def test_permissions_are_named_when_they_are_missing(account: Account) -> None:
    account.deny("invoke")
    denied = predicted(account).json()["error"]
    assert denied["details"][0]["metadata"]["permission"] == "aiplatform.endpoints.predict"
    assert got(account, "endpoints").status == 200


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("throttled", 429, "RESOURCE_EXHAUSTED"), ("starting", 503, "UNAVAILABLE"), ("unavailable", 503, "UNAVAILABLE"),
        ("model_error", 400, "INVALID_ARGUMENT"), ("timeout", 504, "DEADLINE_EXCEEDED"), ("missing", 404, "NOT_FOUND"),
        ("denied", 403, "PERMISSION_DENIED"), ("expired", 401, "UNAUTHENTICATED"),
    ],
)  # fmt: skip
def test_refusals(account: Account, what: Any, status: int, code: str) -> None:
    account.faults.add(what, seconds=60)
    answer = predicted(account)
    assert (answer.status, answer.json()["error"]["code"], answer.json()["error"]["status"]) == (status, status, code)
    assert "retry-after" not in answer.headers


def test_an_error_in_one_s_own_container_has_its_status(account: Account) -> None:
    for name in ("churn", "own"):
        account.swap(name, lambda rows: [1 / 0])
    assert [predicted(account, name).status for name in ("churn", "own")] == [400, 500]
    assert predicted(account, "churn", [[0.5] * 400_000]).status == 400


def test_a_dedicated_endpoint_has_a_host_of_its_own() -> None:
    own = Deployed(variants={"m": model()}, options={"dedicated": True})
    with serving("vertex", {"churn": own}, tls=True) as account:
        assert predicted(account).json()["error"]["status"] == "FAILED_PRECONDITION"
        host = got(account, f"endpoints/{account.names('churn')}").json()["dedicatedEndpointDns"]
        base = f"https://{host}/v1/projects/muster-tests/locations/europe-west4/endpoints/{account.names('churn')}"
        token = granted(account).json()["access_token"]
        answer = ask(account, f"{base}:predict", {"instances": LISTS}, Authorization=f"Bearer {token}")
        assert answer.json()["predictions"] == ["no", "yes"]


def test_another_account_is_impersonated() -> None:
    with serving("vertex", endpoints(), auth="impersonation") as account:
        token = granted(account).json()["access_token"]
        url = account.settings["iam_endpoint"]
        answer = ask(account, url, {"scope": [SCOPE], "lifetime": "600s"}, Authorization=f"Bearer {token}").json()
        assert predicted(account, token=answer["accessToken"]).status == 200
        assert account.calls[-1].identity == account.settings["impersonate"]
        other = url.replace("scorer", "another")
        assert ask(account, other, {"scope": [SCOPE]}, Authorization=f"Bearer {token}").status == 403
