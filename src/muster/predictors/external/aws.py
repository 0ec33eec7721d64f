"""Who asks at AWS: credentials by botocore's own chain, and requests signed with them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from muster.connecting import Options
from muster.errors import InvalidInput, MissingExtra, SourceDenied
from muster.predictors.external.exchange import Request

__all__ = ["Aws"]

_SIGNED = ("authorization", "x-amz-date", "x-amz-security-token")


class Aws:
    """Signs for one service in one region: as the default chain says, a profile, or a role that either may assume.

    Environment, shared files, SSO, web identity, containers and machines are all found by botocore, which also renews what
    runs out. Safe from several threads.
    """

    def __init__(self, options: Options, service: str) -> None:
        self._options = options
        self._service = service
        self._lock = threading.Lock()
        self._found: Any = None
        self._session = self._opened()
        self.region = options.get("region") or self._session.get_config_variable("region") or ""
        if not self.region:
            raise InvalidInput("the connection has no region", hint="give `region`, or set AWS_REGION")

    def sign(self, request: Request) -> Request:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        signed = AWSRequest(request.method, request.url, data=request.body, headers=dict(request.headers))
        SigV4Auth(self._credentials(), self._service, self.region).add_auth(signed)
        added = {name.lower(): value for name, value in signed.headers.items() if name.lower() in _SIGNED}
        return replace(request, headers={**request.headers, **added})

    def renew(self) -> None:
        """Look for credentials anew: the chain keeps those that it found first."""
        with self._lock:
            self._session, self._found = self._opened(), None

    def who(self) -> str:
        """How the credentials were found, without them."""
        self._credentials()
        return f"{self._found.method} credentials"

    def _opened(self) -> Any:
        try:
            from botocore.exceptions import ProfileNotFound
            from botocore.session import Session
        except ImportError:
            raise MissingExtra.named("aws", "a connection to SageMaker") from None
        session = Session(profile=self._options.get("profile"))
        try:
            session.get_scoped_config()
        except ProfileNotFound as error:
            raise InvalidInput(f"{error}", hint="see ~/.aws/config, and `profile` of the connection") from None
        return session

    def _credentials(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        with self._lock:
            try:
                if self._found is None:
                    self._found = self._assumed() if self._options.get("role_arn") else self._session.get_credentials()
                frozen = None if self._found is None else self._found.get_frozen_credentials()
            except (BotoCoreError, ClientError) as error:
                self._found = None
                raise SourceDenied(
                    f"AWS gives no credentials: {error}", hint="see the profile, the role and who may assume it",
                    details={"resume": True},
                ) from None  # fmt: skip
        if frozen is None:
            raise SourceDenied(
                "no credentials for AWS are found",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in the connection",
                details={"resume": True},
            )
        return frozen

    def _assumed(self) -> Any:
        """Credentials of the role, asked for again before they run out."""
        from botocore.config import Config
        from botocore.credentials import RefreshableCredentials

        proxy = self._options.get("proxy")
        sts = self._session.create_client(
            "sts",
            region_name=self.region,
            verify=self._options.get("ca_bundle"),
            config=Config(proxies={"http": proxy, "https": proxy} if proxy else None),
        )

        external = self._options.get("external_id")
        wanted = {"RoleArn": self._options["role_arn"], "RoleSessionName": "muster"}
        wanted |= {"ExternalId": external} if external else {}

        def lent() -> dict[str, str]:
            told = sts.assume_role(**wanted)["Credentials"]
            return {
                "access_key": told["AccessKeyId"],
                "secret_key": told["SecretAccessKey"],
                "token": told["SessionToken"],
                "expiry_time": told["Expiration"].isoformat(),
            }

        return RefreshableCredentials.create_from_metadata(lent(), refresh_using=lent, method="assumed role")
