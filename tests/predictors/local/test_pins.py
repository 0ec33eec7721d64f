from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from muster.predictors.local.pins import pins
from tests.predictors.local.packages import make_wheel


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, in front of the others."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


def _install(site: Path, name: str, version: str, *, at: str | None = None) -> None:
    import zipfile

    with zipfile.ZipFile(make_wheel(site.parent, name, version)) as archive:
        archive.extractall(site)
    if at is not None:
        (site / f"{name}-{version}.dist-info" / "direct_url.json").write_text(
            json.dumps({"url": at, "dir_info": {"editable": True}})
        )


def test_modules_are_pinned_by_the_packages_that_have_them() -> None:
    found = pins(["yaml", "sklearn.linear_model", "sklearn.pipeline", "os.path", "json", "builtins", "__future__"])
    assert found == ((f"pyyaml=={version('pyyaml')}", f"scikit-learn=={version('scikit-learn')}"), (), ())


def test_modules_of_no_package_are_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert pins(["mine", "__main__", "nowhere.at.all"]) == ((), ("__main__", "mine", "nowhere.at.all"), ())


def test_what_was_installed_from_a_folder_is_local_with_a_note(site: Path) -> None:
    _install(site, "library", "1.0", at="file:///home/me/library")
    _install(site, "public", "2.0", at="https://host.example/public.whl")
    requirements, local, notes = pins(["library", "public"])
    assert requirements == ("public==2.0",)
    assert local == ("library",)
    assert notes == ("`library` belongs to library 1.0, which was installed from a folder of this machine",)


def test_what_conda_installed_is_no_folder_of_this_machine(site: Path) -> None:
    _install(site, "library", "1.0", at="file:///croot/library_1690232247812/work")
    assert pins(["library"])[0] == ()
    (site / "library-1.0.dist-info" / "INSTALLER").write_text("conda\n")
    assert pins(["library"]) == (("library==1.0",), (), ())


def test_a_shared_namespace_belongs_to_the_package_that_has_the_file(site: Path) -> None:
    for name in ("alpha", "beta"):
        _install(site, name, "1.0")
        (site / "shared_space" / name).mkdir(parents=True)
        (site / "shared_space" / name / "__init__.py").write_text("")
        with (site / f"{name}-1.0.dist-info" / "RECORD").open("a") as record:
            record.write(f"shared_space/{name}/__init__.py,,\n")
    assert pins(["shared_space.alpha"])[0] == ("alpha==1.0",)
    assert pins(["shared_space.beta", "shared_space.alpha"])[0] == ("alpha==1.0", "beta==1.0")
    assert pins(["shared_space"])[0] == ("alpha==1.0", "beta==1.0")
    assert "shared_space.alpha" not in sys.modules
