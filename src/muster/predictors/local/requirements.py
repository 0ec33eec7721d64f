"""Reads requirements as pip does: lines or files, with includes, constraints, comments, markers, hashes and index options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename

from muster.errors import EnvironmentFailed
from muster.predictors.local.indexes import has_secret, mask, without_secret

__all__ = ["Requirements", "for_uv", "name_of", "read_file", "read_lines"]

_LONG = {
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
    "-r": "--requirement",
    "-c": "--constraint",
}
_LONG |= {"-e": "--editable"}
_INDEX = ("--index-url", "--extra-index-url", "--find-links", "--trusted-host")
_SWITCHES = ("--no-index", "--pre")
_IGNORED = ("--require-hashes", "--prefer-binary", "--only-binary", "--use-feature", "--use-pep517", "--no-use-pep517")
_ARCHIVE = re.compile(r"\.(whl|zip|tar\.gz|tar\.bz2|tgz)$")
_VCS = re.compile(r"^(git|hg|svn|bzr)(\+|@)")
_HASH = re.compile(r"\s--hash[= ](\S+)")
_ELSEWHERE = "a path exists on one machine only"
_COMMENT = re.compile(r"(^|\s+)#.*$")


@dataclass(frozen=True, slots=True)
class Requirements:
    """What was asked for. `options` say where packages come from, as they were written; `wheels` are files of the model's folder.

    `hashes` are those that the requirements themselves allow, and `sources` the packages that they want built from source.
    """

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    wheels: Mapping[NormalizedName, Path] = field(default_factory=dict)
    hashes: Mapping[NormalizedName, frozenset[str]] = field(default_factory=dict)

    @property
    def stored(self) -> tuple[str, ...]:
        """The lines as a record keeps them, options first and without secrets."""
        return (*(without_secret(o) for o in self.options), *self.lines)

    @property
    def has_secret(self) -> bool:
        return any(has_secret(o) for o in self.options)


def for_uv(options: Iterable[str]) -> tuple[list[str], list[str]]:
    """Options of a requirements file as uv takes them: lines of the file, and flags."""
    lines, flags = [], []
    for option in options:
        name, _, value = option.partition(" ")
        if name == "--trusted-host":
            flags += ["--allow-insecure-host", value]
        elif name != "--pre":  # the resolution's own: an installation has exact versions
            lines.append(option)
    return lines, flags


def name_of(line: str) -> NormalizedName:
    """The package that a line of Requirements asks for."""
    return canonicalize_name(Requirement(line).name)


def read_file(file: Path) -> Requirements:
    """The requirements of a file; all that is wrong in it, and in what it includes, is told at once."""
    reader = _Reader(None)
    reader.file(file.absolute(), reader.lines)
    return reader.result()


def read_lines(lines: Sequence[str], folder: Path | None = None) -> Requirements:
    """The same for lines. `folder` is the model's own: relative paths start there, and its wheels are taken into the environment."""
    reader = _Reader(folder)
    for _, line in _joined(lines):
        reader.line(line, "", folder, reader.lines)
    return reader.result()


class _Reader:
    """Gathers what the lines say, and what is wrong with them."""

    def __init__(self, model: Path | None) -> None:
        self._model = model.resolve() if model is not None else None
        self.lines: list[str] = []
        self._constraints: list[str] = []
        self._options: list[str] = []
        self._sources: set[str] = set()
        self._wheels: dict[NormalizedName, Path] = {}
        self._hashes: dict[NormalizedName, frozenset[str]] = {}
        self._wrong: list[str] = []
        self._read: set[Path] = set()

    def result(self) -> Requirements:
        if self._wrong:
            more = f"; and {len(self._wrong) - 10} more" if len(self._wrong) > 10 else ""
            raise EnvironmentFailed(
                "the requirements cannot be used: " + "; ".join(self._wrong[:10]) + more,
                hint="name packages of an index, as in `scikit-learn==1.6.1`; put your own as wheels into the model's folder",
                details={"problems": list(self._wrong)},
            )
        return Requirements(
            lines=tuple(dict.fromkeys(self.lines)),
            constraints=tuple(self._constraints),
            options=tuple(dict.fromkeys(self._options)),
            sources=frozenset(self._sources),
            wheels=self._wheels,
            hashes=self._hashes,
        )

    def file(self, file: Path, into: list[str]) -> None:
        if file in self._read:
            return
        self._read.add(file)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._wrong.append(f"{file} cannot be read ({reason})")
            return
        for number, line in _joined(text.splitlines()):
            self.line(line, f"{file.name}:{number}: ", file.parent, into)

    def line(self, line: str, where: str, folder: Path | None, into: list[str]) -> None:
        try:
            if line.startswith("-"):
                self._option(line, folder, into)
            else:
                self._requirement(line, folder, into)
        except ValueError as error:
            self._wrong.append(f"{where}`{mask(line)}`: {error}")

    def _option(self, line: str, folder: Path | None, into: list[str]) -> None:
        first, *rest = shlex.split(line)
        name, _, value = first.partition("=")
        name, values = _LONG.get(name, name), [value] if value else rest
        if name in _SWITCHES:
            self._options.append(name)
        elif name == "--editable":
            raise ValueError(_ELSEWHERE)
        elif name in _IGNORED:
            return
        elif len(values) != 1:
            raise ValueError("not an option of a requirements file, or not with one value")
        elif name in ("--requirement", "--constraint"):
            included = _local(values[0], folder)
            if self._model is not None and not included.resolve().is_relative_to(self._model):
                raise ValueError(_ELSEWHERE)
            self.file(included, self._constraints if name == "--constraint" else into)
        elif name in _INDEX:
            self._options.append(f"{name} {self._place(values[0], folder)}")
        elif name == "--no-binary":
            self._from_source(values[0])
        else:
            raise ValueError("not an option that an environment can be made with")

    def _from_source(self, packages: str) -> None:
        if packages == ":all:":
            raise ValueError("name the packages that are to be built from source, one by one")
        if packages != ":none:":
            self._sources |= {canonicalize_name(p) for p in packages.split(",")}

    def _place(self, value: str, folder: Path | None) -> str:
        """A relative folder of packages means the one beside the file."""
        if self._model is not None and "://" not in value:
            raise ValueError(_ELSEWHERE)
        if folder is None or "://" in value or not (folder / value).exists():
            return value
        return str((folder / value).resolve())

    def _requirement(self, line: str, folder: Path | None, into: list[str]) -> None:
        hashes = frozenset(_HASH.findall(line))
        text = _HASH.sub("", line).strip()
        if " --" in text:
            raise ValueError("options of a single requirement cannot be kept, except --hash")
        try:
            requirement = None if _ARCHIVE.search(text) and "@" not in text else Requirement(text)
        except InvalidRequirement as error:
            if not _is_place(text):
                raise ValueError(str(error).splitlines()[0]) from None
            requirement = None
        if requirement is None or requirement.url is not None:
            text = self._placed(requirement, text, folder)
        into.append(text)
        if hashes:
            self._hashes[name_of(text)] = hashes

    def _placed(self, requirement: Requirement | None, text: str, folder: Path | None) -> str:
        """A requirement that names a place: a wheel of the model's folder, or an archive at an address."""
        place = text if requirement is None or requirement.url is None else requirement.url
        if _VCS.match(place):
            raise ValueError("it comes from version control, which no hash can pin; build a wheel of it")
        scheme = urlsplit(place).scheme
        if scheme in ("http", "https"):
            if has_secret(place):
                raise ValueError(
                    "an address with a password or token would be stored; give an index and its credentials instead"
                )
            return text if requirement is not None else f"{_wheel(place)[0]} @ {place}"
        if scheme not in ("", "file"):
            raise ValueError(f"`{scheme}` is not a scheme that packages come by")
        if self._model is None or folder is None:
            raise ValueError(_ELSEWHERE)
        return self._own_wheel(_local(unquote(urlsplit(place).path) if scheme else place, folder))

    def _own_wheel(self, file: Path) -> str:
        if self._model is None or not file.resolve().is_relative_to(self._model) or not file.is_file():
            raise ValueError(_ELSEWHERE)
        name, version = _wheel(file.name)
        self._wheels[name] = file.resolve()
        return f"{name}=={version}"


def _is_place(text: str) -> bool:
    """Whether it is not a bad requirement, but a path or an address."""
    return bool(_VCS.match(text)) or "://" in text or "/" in text.partition(";")[0] or text.startswith((".", "~"))


def _local(value: str, folder: Path | None) -> Path:
    if "://" in value or folder is None:
        raise ValueError("only files beside the requirements can be named")
    return (folder / Path(value).expanduser()).absolute()


def _wheel(place: str) -> tuple[NormalizedName, str]:
    try:
        name, version, _, _ = parse_wheel_filename(unquote(urlsplit(place).path).rsplit("/", 1)[-1])
    except InvalidWheelFilename:
        raise ValueError("give the package's name before it, as in `name @ address`") from None
    return name, str(version)


def _joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines that say something, each with its number: without comments, and with those that go on in the next put together."""
    start, parts = 0, [""]
    for number, line in enumerate(lines, 1):
        start = start or number
        if line.rstrip().endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line.rstrip()[:-1])
            continue
        whole = _COMMENT.sub("", " ".join([*parts, line])).strip()
        if whole:
            yield start, whole
        start, parts = 0, []
    if rest := _COMMENT.sub("", " ".join(parts)).strip():
        yield start, rest
