"""Tiny packages as wheels and source archives, made on the spot, and a machine that knows no index but a folder of them."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

_BACKEND = """
import os, pathlib, time, zipfile

FILES = {files!r}

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    {looking}
    for path, text in FILES.items():
        if "/" in path:
            place = pathlib.Path(folder, path)
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
    return place.parent.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {building}
    with zipfile.ZipFile(f"{{folder}}/{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in FILES.items():
            archive.writestr(path, text)
    return "{name}-{version}-py3-none-any.whl"
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
    python: str = ">=3.8",
) -> Path:
    """A wheel whose only module has the package's name and knows its version."""
    file = folder / f"{name}-{version}-{tag}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in _files(name, version, requires, tag, python).items():
            archive.writestr(path, text)
    return file


def make_source(folder: Path, name: str, version: str, *, looking: str = "pass", building: str = "pass") -> Path:
    """A source archive without a wheel, which brings what it is built with; the statements run when it is looked at, and built."""
    files = _files(name, version, (), "py3-none-any", ">=3.8")
    backend = _BACKEND.format(name=name, version=version, files=files, looking=looking, building=building)
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project += f'[project]\nname = "{name}"\ndynamic = ["version", "dependencies"]\n'
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for path, text in (("pyproject.toml", project), ("backend.py", backend), ("PKG-INFO", info)):
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return file


def digest(file: Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _files(name: str, version: str, requires: Sequence[str], tag: str, python: str) -> dict[str, str]:
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {r}\n" for r in requires)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = ""
    for path, text in files.items():
        code = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={code},{len(text.encode())}\n"
    return files | {f"{info}/RECORD": record + f"{info}/RECORD,,\n"}


def lone_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip, and so uv, know nothing but a folder of packages, which has a stand-in for pyarrow that is nowhere installed."""
    for name in [n for n in os.environ if n.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without shims, each of which uv would start to ask its version
    shelf = folder / "shelf"
    make_wheel(shelf, "pyarrow", "99.0")
    settings = folder / "pip.conf"
    settings.write_text(f"[global]\nno-index = true\nfind-links = {shelf}\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "uv-cache"))
    return shelf
