"""AWS's token service: who is asking, roles that are assumed, and keys that end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.aws_signing import Key, verify
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Outgoing

__all__ = ["ACCOUNT", "ROLE", "Keys"]

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/muster-caller"
_SPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_SECONDS = 3600
_STATUS = {
    "InvalidIdentityToken": 400,
    "ExpiredTokenException": 400,
    "ValidationError": 400,
    "IncompleteSignature": 400,
}
_OF_QUERY = {
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "ExpiredTokenException": "ExpiredToken",
    "AccessDeniedException": "AccessDenied",
    "ThrottlingException": "Throttling",
}
"""The token service has older names for the same."""


class Keys:
    """The access keys of an account: those of a user, and those that its token service gave out."""

    def __init__(self, account: Account, region: str) -> None:
        self._account = account
        self._region = region
        self.user = Key(_id("AKIA"), secrets.token_urlsafe(30), f"arn:aws:iam::{ACCOUNT}:user/ada")
        self.external_id = ""
        self.web_token = secrets.token_urlsafe(40)
        self._sessions: dict[str, Key] = {}

    def get(self, id: str) -> Key | None:
        return self.user if id == self.user.id else self._sessions.get(id)

    def expire(self) -> None:
        self._sessions = {id: replace(key, until=0) for id, key in self._sessions.items()}

    def answer(self, visit: Visit) -> Outgoing:
        form = visit.incoming.form
        action = form.get("Action", "")
        actions: dict[str, Callable[[Visit, Mapping[str, str]], str]] = {
            "AssumeRole": self._assume,
            "AssumeRoleWithWebIdentity": self._assume_by_web,
            "GetCallerIdentity": self._caller,
        }
        visit.operation = "token"
        if action not in actions:
            raise Refused("unsigned", f"Could not find operation {action} for version 2011-06-15", code="InvalidAction")
        result = actions[action](visit, form)
        body = (
            f'<{action}Response xmlns="{_SPACE}"><{action}Result>{result}</{action}Result>'
            f"<ResponseMetadata><RequestId>{secrets.token_hex(16)}</RequestId></ResponseMetadata></{action}Response>"
        )
        return Outgoing(200, body.encode(), {"Content-Type": "text/xml"})

    def refuse(self, code: str, message: str) -> Outgoing:
        code = _OF_QUERY.get(code, code)
        body = (
            f'<ErrorResponse xmlns="{_SPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
            f"<Message>{escape(message)}</Message></Error><RequestId>{secrets.token_hex(16)}</RequestId></ErrorResponse>"
        )
        return Outgoing(_STATUS.get(code, 403), body.encode(), {"Content-Type": "text/xml"})

    def _assume(self, visit: Visit, form: Mapping[str, str]) -> str:
        caller = verify(visit.incoming, "sts", self._region, self.get)
        visit.identity = caller.identity
        self._account.permit(visit, "token")
        if form.get("RoleArn") != ROLE or form.get("ExternalId", "") != self.external_id:
            raise Refused(
                "unsigned",
                f"User: {caller.identity} is not authorized to perform: sts:AssumeRole on resource: {form.get('RoleArn')}",
                code="AccessDenied",
            )
        return self._session(form)

    def _assume_by_web(self, visit: Visit, form: Mapping[str, str]) -> str:
        self._account.permit(visit, "token")
        if form.get("WebIdentityToken") != self.web_token:
            raise Refused("unsigned", "The web identity token could not be validated", code="InvalidIdentityToken")
        if form.get("RoleArn") != ROLE:
            raise Refused("unsigned", "Not authorized to perform sts:AssumeRoleWithWebIdentity", code="AccessDenied")
        return self._session(form) + "<SubjectFromWebIdentityToken>ada</SubjectFromWebIdentityToken>"

    def _caller(self, visit: Visit, form: Mapping[str, str]) -> str:
        key = verify(visit.incoming, "sts", self._region, self.get)
        self._account.permit(visit, "token")
        return f"<Arn>{key.identity}</Arn><UserId>{key.id}</UserId><Account>{ACCOUNT}</Account>"

    def _session(self, form: Mapping[str, str]) -> str:
        until = time.time() + int(form.get("DurationSeconds", _SECONDS))
        name = form.get("RoleSessionName", "session")
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE.rpartition('/')[2]}/{name}"
        key = Key(_id("ASIA"), secrets.token_urlsafe(30), arn, secrets.token_urlsafe(120), until)
        self._sessions[key.id] = key
        ends = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            f"<Credentials><AccessKeyId>{key.id}</AccessKeyId><SecretAccessKey>{key.secret}</SecretAccessKey>"
            f"<SessionToken>{key.token}</SessionToken><Expiration>{ends}</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>{_id('AROA')}:{escape(name)}</AssumedRoleId></AssumedRoleUser>"
        )


def _id(head: str) -> str:
    return head + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
