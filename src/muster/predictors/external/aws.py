"""Who asks at AWS: credentials by botocore's own chain, and requests signed with them."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from typing import Any

from muster.config import expanded
from muster.connecting import Options
from muster.errors import InvalidInput, MissingExtra, MusterError, SourceDenied, SourceUnavailable, shortened
from muster.predictors.external.exchange import Request

__all__ = ["Aws"]

_SIGNED = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")


class Aws:
    """Signs for one service in one region, and for S3 there: as the default chain says, a profile, or a role that either may assume.

    Environment, shared files, SSO, web identity, containers and machines are all found by botocore, which also renews what
    runs out. Safe from several threads.
    """

    def __init__(self, options: Options, service: str) -> None:
        self._options = options
        self._service = service
        self._lock = threading.Lock()
        self._found: Any = None
        self._session = self._opened()
        told = options.get("region") or os.environ.get("AWS_REGION")  # which botocore does not look at
        self.region = told or self._session.get_config_variable("region") or ""
        if not self.region:
            raise InvalidInput("the connection has no region", hint="give `region`, or set AWS_REGION")

    def sign(self, request: Request) -> Request:
        from botocore.auth import SigV4Auth

        return self._signed(request, SigV4Auth(self._credentials(), self._service, self.region))

    def sign_for_s3(self, request: Request) -> Request:
        from botocore.auth import S3SigV4Auth

        return self._signed(request, S3SigV4Auth(self._credentials(), "s3", self.region))

    def _signed(self, request: Request, signer: Any) -> Request:
        from botocore.awsrequest import AWSRequest

        signed = AWSRequest(request.method, request.url, data=request.body, headers=dict(request.headers))
        signer.add_auth(signed)
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
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError:
            raise MissingExtra.named("aws", "a connection to SageMaker") from None
        _hush()
        options = self._options
        session = Session(profile=options.get("profile"))
        try:
            session.get_scoped_config()
        except BotoCoreError as error:
            raise InvalidInput(f"{error}", hint="see ~/.aws/config, and `profile` of the connection") from None
        # All clients that the chain makes to ask for tokens go the connection's way.
        if options.get("ca_bundle"):
            session.set_config_variable("ca_bundle", str(expanded(options["ca_bundle"])))
        if proxy := options.proxy:
            session.set_default_client_config(Config(proxies={"http": proxy, "https": proxy}))
        return session

    def _credentials(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        with self._lock:
            try:
                if self._found is None:
                    self._found = self._assumed() if self._options.get("role_arn") else self._session.get_credentials()
                frozen = None if self._found is None else self._found.get_frozen_credentials()
            except (BotoCoreError, ClientError, OSError) as error:
                self._found = None
                raise _refused(error) from None
        if frozen is None:
            raise SourceDenied(
                "no credentials for AWS are found",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile` in the connection",
                details={"resume": True},
            )
        return frozen

    def _assumed(self) -> Any:
        """Credentials of the role, asked for again before they run out."""
        from botocore.credentials import RefreshableCredentials

        sts = self._session.create_client("sts", region_name=self.region)
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


def _refused(error: Exception) -> MusterError:
    """What cannot be reached may be reached later; what is refused stays so until somebody mends it."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004  # its own

    told = shortened(f"AWS gives no credentials: {error}".partition("\n")[0], 400)
    status = (
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0
    )
    if status >= 500 or isinstance(error, (ConnectionError, HTTPClientError)):
        return SourceUnavailable(told, hint="see that its token service can be reached, and `proxy` and `ca_bundle`")
    return SourceDenied(told, hint="see the profile, the role and who may assume it", details={"resume": True})


def _hush() -> None:
    """Where everything is logged, botocore logs what a token service answers: keys. Who asks for that by its name gets it."""
    for name in ("auth", "endpoint", "parsers", "hooks", "httpsession"):
        logger = logging.getLogger(f"botocore.{name}")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
