"""Runs a small script with a vendor's SDK, in an environment that has it, against a local server: the SDK is the judge of the server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from muster.testing.endpoints import Account
from tests.programs import installed

__all__ = ["AZURE", "DATABRICKS", "GOOGLE", "MLFLOW", "TRITON", "asked", "clean"]

AZURE = ("azure-identity==1.27.0", "azure-core==1.41.0", "azure-ai-ml==1.35.2")
DATABRICKS = ("databricks-sdk==0.156.0",)
GOOGLE = ("google-auth[requests]==2.62.2", "google-cloud-aiplatform==2.7.0")
MLFLOW = ("mlflow==3.17.2",)
TRITON = ("tritonclient[http]==2.73.0",)

_SCRIPTS = Path(__file__).parent / "sdks"
_OWN = ("AWS_", "AZURE_", "GOOGLE_", "DATABRICKS_", "MLFLOW_", "ARM_", "PYTHON")


def asked(environment: str, wanted: tuple[str, ...], script: str, account: Account, **given: Any) -> Any:
    """What the script prints: it gets the account's settings and what else is given as JSON, and its environment."""
    python = installed(environment, *wanted) / "python"
    told = {"url": account.url, "settings": account.settings, "ca_bundle": str(account.ca_bundle or ""), **given}
    ran = subprocess.run(
        [python, "-I", _SCRIPTS / script, json.dumps(told)],
        env={**clean(), **account.environ}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


def clean() -> dict[str, str]:
    """The environment without what vendors' libraries would find in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
