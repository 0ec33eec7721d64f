"""AWS credentials where `aws configure` keeps them: a profile of the shared files, which the library itself does not read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import ConfigParser, Error
from importlib import import_module
from pathlib import Path
from typing import Any

from muster.objects.faults import ObjectError

__all__ = ["profile_settings", "profile_stamp"]

_ELSEWHERE = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that name credentials of another kind, which go first."""

_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
_SIGN_IN = (
    "sso_session",
    "sso_start_url",
    "role_arn",
    "credential_process",
    "web_identity_token_file",
    "login_session",
)


def profile_stamp() -> tuple[int, ...]:
    """Another one when the files were changed, as by tools that renew keys."""
    return tuple(f.stat().st_mtime_ns if f.is_file() else 0 for f in _files()) if _asked() else ()


def profile_settings() -> Mapping[str, Any]:
    """What the profile that is chosen gives a store; nothing where the environment has credentials, or there is no profile."""
    if not _asked():
        return {}
    named = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    profile = named or "default"
    found: dict[str, str] = {}
    for file, prefix in zip(_files(), ("", "profile "), strict=True):
        section = profile if profile == "default" else prefix + profile
        found |= _section(file, section)
    if not found and named:
        raise ObjectError(
            f"there is no AWS profile `{named}`",
            f"see AWS_PROFILE, {' and '.join(map(str, _files()))}; or `aws configure`",
        )
    region = {"region": found["region"]} if "region" in found and not _region() else {}
    if "aws_access_key_id" in found:
        return region | {ours: found[theirs] for theirs, ours in _KEYS.items() if theirs in found}
    return region | (_signed_in(profile) if any(key in found for key in _SIGN_IN) else {})


def _asked() -> bool:
    return not any(os.environ.get(name) for name in _ELSEWHERE)


def _region() -> bool:
    return bool(os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))


def _files() -> tuple[Path, Path]:
    home = Path(os.environ.get("HOME", "/")) / ".aws"
    return (
        Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"),
        Path(os.environ.get("AWS_CONFIG_FILE") or home / "config"),
    )


def _section(file: Path, name: str) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, strict=False, default_section="\0")
    try:
        parser.read(file, encoding="utf-8")
    except (Error, OSError, UnicodeDecodeError) as error:
        raise ObjectError(
            f"{file} cannot be read as AWS's tools write it ({type(error).__name__})", "mend the file"
        ) from None
    return dict(parser[name]) if name in parser else {}


def _signed_in(profile: str) -> dict[str, Any]:
    """Roles and single sign-on are AWS's own library's."""
    try:
        boto3, provider = import_module("boto3"), import_module("obstore.auth.boto3")
    except ImportError:
        raise ObjectError(
            f"the AWS profile `{profile}` signs in by a role, a program or single sign-on, which needs AWS's own library",
            'run `pip install boto3`; or put keys in the environment: eval "$(aws configure export-credentials --format env)"',
        ) from None
    try:
        return {"credential_provider": provider.Boto3CredentialProvider(boto3.Session(profile_name=profile))}
    except Exception as error:  # noqa: BLE001  # whatever that library raises, of which there is no list
        raise ObjectError(
            f"AWS's own library cannot sign in with the profile `{profile}` ({type(error).__name__})",
            f"try `aws sts get-caller-identity --profile {profile}`; it may need `aws sso login`",
        ) from None
