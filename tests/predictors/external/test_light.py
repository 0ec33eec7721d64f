"""What a connection needs is loaded when one is used, and not before; what is missing then is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from muster.errors import MissingExtra
from muster.predictors.external.opening import open_provider, steps_of
from muster.predictors.external.provider import Provider
from muster.records import Connection, now

HEAVY = ("azure", "botocore", "google", "msal", "requests", "urllib3")
PROGRAMS = {
    "import": "import muster",
    "help": "import runpy; sys.argv = ['muster', '--help']; runpy.run_module('muster', run_name='__main__')",
    "open": "import muster; muster.open(sys.argv[1]).close()",
    "local work": "import muster; hub = muster.open(sys.argv[1]); list(hub.models()); hub.close()",
}


def _loaded(program: str, folder: Path) -> list[str]:
    seen = f"print(*sorted({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY})), file=sys.stderr)"
    told = f"import sys\ntry:\n    {program}\nexcept SystemExit: pass\n{seen}"
    done = subprocess.run([sys.executable, "-c", told, str(folder)], capture_output=True, text=True, check=True)
    return done.stderr.split()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_nothing_of_a_provider_is_loaded_before_it_is_used(program: str, tmp_path: Path) -> None:
    assert _loaded(program, tmp_path / "hub") == []


def test_a_connection_that_is_only_kept_loads_no_library_of_a_vendor(tmp_path: Path) -> None:
    told = (
        "import muster; hub = muster.open(sys.argv[1]); hub.connect('a', 'sagemaker', region='eu-west-1');"
        " hub.connect('g', 'vertex', region='europe-west1');"
        " hub.connect('z', 'azureml', subscription_id='s', resource_group='g', workspace='w'); hub.close()"
    )
    assert set(_loaded(told, tmp_path / "hub")) <= {"urllib3"}


SETTINGS = {
    "sagemaker": ("aws", "botocore", {"region": "eu-west-1"}),
    "azureml": ("azure", "azure", {"subscription_id": "s", "resource_group": "g", "workspace": "w"}),
    "vertex": ("gcp", "google", {"region": "europe-west1", "project_id": "p"}),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_library_that_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    extra, hidden, settings = SETTINGS[kind]
    for name in list(sys.modules):
        if name.partition(".")[0] == hidden:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, hidden, None)
    connection = Connection(name="c", kind=kind, settings=settings, created_at=now(), created_by="ada")
    with pytest.raises(MissingExtra) as caught:
        _used(connection)
    assert f"muster-ml[{extra}]" in str(caught.value)
    assert "\n" not in caught.value.message
    if kind != "azureml":  # whose library is needed once somebody logs in
        with pytest.raises(MissingExtra):  # nothing of the connection, so that no step of its test fails
            list(steps_of(connection))


def _used(connection: Connection) -> None:
    provider, send = open_provider(connection)
    try:
        _log_in(provider)
    finally:
        provider.close()
        send.close()


def _log_in(provider: Provider) -> None:
    next(provider.discover())
