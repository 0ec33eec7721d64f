"""Nothing that was sent as a credential is logged, however much is logged, or shown by what an answer and a provider say of themselves."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from muster.predictors.external.exchange import Payload
from muster.testing.endpoints import Account
from tests.predictors.external.providers.helpers import FRAME, account_of, asking

_CSV = Payload(b"41,2\n", "text/csv", "text/csv")
_VERTEX = Payload(b'{"instances": [[41, 2]]}', "application/json")
_AZURE = Payload(b'{"input_data": {"columns": ["age", "visits"], "index": [0], "data": [[41, 2]]}}', "application/json")
KINDS: dict[str, tuple[str, dict[str, Any], Payload]] = {
    "keys": ("sagemaker", {}, _CSV),
    "role": ("sagemaker", {"auth": "role"}, _CSV),
    "web identity": ("sagemaker", {"auth": "web-identity"}, _CSV),
    "secret": ("azureml", {}, _AZURE),
    "service account": ("vertex", {}, _VERTEX),
    "impersonation": ("vertex", {"auth": "impersonation"}, _VERTEX),
    "federation": ("vertex", {"auth": "federation"}, _VERTEX),
    "token": ("databricks", {}, FRAME),
    "client": ("databricks", {"auth": "oauth"}, FRAME),
}
_FORMS = ("client_secret", "assertion", "subject_token", "WebIdentityToken", "refresh_token", "client_assertion")


def _sent(account: Account) -> set[str]:
    """The credentials in all requests: tokens, and those that were given for them."""
    found: set[str] = set()
    for call in account.calls:
        headers, form = call.request.headers, call.request.form
        found |= {headers.get("authorization", "").rpartition(" ")[2].rpartition("Signature=")[2]}
        found |= {headers.get("x-amz-security-token", "")}
        found |= {form[name] for name in _FORMS if name in form}
    return {one for one in found if len(one) > 8}


@pytest.mark.parametrize("name", KINDS)
def test_no_credential_is_logged(name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    kind, options, payload = KINDS[name]
    caplog.set_level(logging.DEBUG)
    with account_of(kind, monkeypatch, **options) as client:
        with asking(client, payload) as asked:
            answer = asked.answer()
            client.account.expire()
            asked.once()
            shown = f"{answer!r} {asked.provider!r} {asked.route!r}"
        assert len(client.account.invocations) == 2
        sent = _sent(client.account)
        assert sent
        for secret in sent:
            assert secret not in caplog.text
            assert secret not in shown
