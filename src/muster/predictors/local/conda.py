"""Environments that were written for conda or virtualenv, as requirements of pip: what the index has of them, and what it cannot have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from muster.errors import EnvironmentFailed
from muster.signature import Json

__all__ = ["Told", "from_conda", "read_environment"]

_SPEC = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_.-]+)\s*(?:(==|=|>=|<=|<|>|!=|~=)\s*([\w.*+!]+)(?:=\S+)?)?\s*$")
_PLAIN = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_.-]+)\s+([\d*][\w.*]*)(?:\s+\S+)?\s*$")
_RANGE = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_.-]+)\s*([<>=!~][<>=!~\s,\w.*]*)$")
_MINOR = re.compile(r"\d+\.\d+")

# What has another name in the index.
_NAMES = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyarrow-core": "pyarrow",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-tzdata": "tzdata",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel_yaml": "ruamel.yaml",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
}
# What wheels bring along, what the machine has, and what an environment is made with.
_CARRIED = re.compile(
    r"python|pip|setuptools|wheel|python_abi|_\w+[-_]mutex|nomkl|mkl|mkl-service|blas|libblas|libcblas|liblapack|openblas|libopenblas"
    r"|intel-openmp|llvm-openmp|libgomp|libgcc|libgcc-ng|libstdcxx|libstdcxx-ng|libgfortran\S*|ld_impl_\S+|libffi|openssl|ca-certificates"
    r"|zlib|libzlib|xz|liblzma|bzip2|readline|ncurses|tk|sqlite|libsqlite|libuuid|libxgboost|lib_lightgbm|cudatoolkit|cudnn|cuda-\S+"
    r"|pytorch-cuda|pytorch-mutex|cpuonly|tzdata"
)
# What is no Python package: a name like it in the index would be a stranger's.
_CONDA_ONLY = re.compile(
    r"r|r-\S+|bioconductor-\S+|lib\S+|openjdk|nodejs|gcc\S*|gxx\S*|clang\S*|\S+_linux-64|cmdstan|make|cmake|ffmpeg|graphviz|git|perl\S*|boost-cpp|conda\S*|mamba|hdf5|geos|proj"
)
_AS_NAMED = frozenset({"libsass", "libcst", "libclang", "perlin-noise"})


@dataclass(slots=True)
class Told:
    """Lines for pip, the Python's version, and the entries that only conda can install."""

    lines: list[str] = field(default_factory=list)
    python: str | None = None
    refused: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)


def from_conda(document: Json) -> Told:
    """The pip part of conda's environment, and of its own part what the index has."""
    told = Told()
    entries = document.get("dependencies") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            pip = entry.get("pip")
            told.lines += [str(line) for line in pip] if isinstance(pip, list) else []
        else:
            _entry(str(entry).strip(), told)
    return told


def _entry(text: str, told: Told) -> None:
    name, spec = _parts(text)
    if name == "python":
        told.python = found[0] if (found := _MINOR.search(spec)) else None
    elif name is None or (_CONDA_ONLY.fullmatch(name) and not _CARRIED.fullmatch(name) and name not in _AS_NAMED):
        told.refused.append(text)
    elif _CARRIED.fullmatch(name):
        told.carried.append(name)
    else:
        told.lines.append(_NAMES.get(name, name) + spec)


def _parts(text: str) -> tuple[str | None, str]:
    """The name, in lower case, and what pip calls its versions."""
    if found := _SPEC.match(text):
        return found[1].lower(), _spec(found[2], found[3])
    if found := _PLAIN.match(text):
        return found[1].lower(), _spec("=", found[2])
    if found := _RANGE.match(text):
        return found[1].lower(), found[2].replace(" ", "")
    return None, ""


def _spec(sign: str | None, version: str | None) -> str:
    """One `=` of conda's means that version and all that begin like it."""
    if sign is None or version is None or version == "*":
        return ""
    if sign == "=" and not version.endswith("*"):
        return f"=={version}.*" if version.count(".") < 2 else f"=={version}"
    return f"{'==' if sign == '=' else sign}{version}"


def read_environment(file: Path) -> Told:
    """A file `conda.yaml` or `python_env.yaml` that a user names. EnvironmentFailed tells all that conda alone can install."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())[:200]
        raise EnvironmentFailed(f"{file} cannot be read: {reason}", hint=_MEND) from None
    if not isinstance(document, dict) or not isinstance(
        document.get("dependencies", document.get("build_dependencies")), list
    ):
        raise EnvironmentFailed(f"{file} has no list of `dependencies`", hint=_MEND)
    if "build_dependencies" in document or "python" in document:
        return _from_virtualenv(document)
    told = from_conda(document)
    if told.refused:
        raise EnvironmentFailed(
            f"only conda can install {', '.join(told.refused)}, and Muster makes environments from wheels",
            hint="name the package of the index in its pip part, or give the Python of a conda environment as `environment`",
            details={"problems": told.refused},
        )
    return told


def _from_virtualenv(document: dict[str, Json]) -> Told:
    lines, python = document.get("dependencies"), document.get("python")
    found = _MINOR.match(str(python)) if python is not None else None
    if python is not None and found is None:
        raise EnvironmentFailed(f"{python!r} is no Python version", hint="give one as 3.11.7, in quotes")
    return Told([str(line) for line in lines] if isinstance(lines, list) else [], found[0] if found else None)


_MEND = "give a conda.yaml or python_env.yaml, a requirements file, or a Python executable"
