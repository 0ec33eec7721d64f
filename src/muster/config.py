"""Settings, and where each value came from.

A value is looked for in this order: the argument or flag, `MUSTER_<SECTION>_<NAME>`, `[section] name` in
`muster.toml` (here or in a parent folder), the user's file, the default.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

from muster.errors import InvalidConfig, InvalidInput, near

__all__ = ["ISOLATION_LEVELS", "SETTINGS", "Setting", "Settings", "Value", "expanded", "size", "without_password"]

ISOLATION_LEVELS = ("none", "limits", "landlock", "sandbox")
"""How far a worker can be shut in, each including the one before."""

_MOST_WORKERS = 1024
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) *(?P<prefix>[KMGT]?)(?P<binary>i?)B?", re.IGNORECASE)


def expanded(path: str | Path) -> Path:
    """The path with its `~` put in full; as it is where that means nobody, as in a container whose user has no name and no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


_PASSWORD = re.compile(r"((?:[?&]|^)(?:[a-z_]*password|[a-z_]*secret|[a-z_]*token)=)[^&#]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """A URL as it may be shown. Whatever stands before the last @ may be part of a password that was not written as it must be."""
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    who, found, where = rest.rpartition("@")
    if found:
        user = who.partition(":")[0]
        rest = f"{user}{':…' if user != who else ''}@{where}"
    return _PASSWORD.sub(r"\1…", f"{scheme}://{rest}")


def size(text: str) -> int:
    """Bytes from `512M`, `2 GiB` or a plain number."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found["binary"] and not found["prefix"]):
        raise ValueError(text)
    base = 1024 if found["binary"] else 1000
    return int(Decimal(found["number"]) * base ** " KMGT".index(found["prefix"].upper() or " "))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _some(text: str) -> int:
    value = _count(text)
    if not value:
        raise ValueError(text)
    return value


def _workers(text: str) -> int:
    value = _some(text)
    if value > _MOST_WORKERS:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    word = text.casefold()
    if word not in ("true", "false"):
        raise ValueError(text)
    return word == "true"


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return parse


def _half_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: how its text is read, what it is without any, and what it is for."""

    name: str
    parse: Callable[[str], object]
    default: Callable[[], object]
    about: str

    @property
    def variable(self) -> str:
        return "MUSTER_" + self.name.upper().replace(".", "_")


SETTINGS: Mapping[str, Setting] = {
    s.name: s
    for s in (
        Setting(
            "hub", str, lambda: "./.muster", "the hub that is opened when none is named: a folder or a database URL"
        ),
        Setting(
            "blobs",
            str,
            lambda: "",
            "where files of models are kept: a folder, or s3://, gs:// or az:// and a path; in the hub's folder when empty",
        ),
        Setting(
            "actor", str, lambda: "", "who is named in the audit trail; the user of the operating system when empty"
        ),
        Setting(
            "folder",
            str,
            lambda: "",
            "where a hub in PostgreSQL keeps environments, unpacked artifacts and scratch files; in ~/.cache/muster when empty",
        ),
        Setting("worker.load_seconds", _seconds, lambda: 120.0, "how long a model may take to load"),
        Setting("worker.call_seconds", _seconds, lambda: 60.0, "how long a model may take for one batch"),
        Setting("worker.idle_seconds", _seconds, lambda: 300.0, "how long an unused worker is kept warm"),
        Setting("worker.warm_count", _some, lambda: 16, "how many workers are kept warm, over all versions"),
        Setting("worker.warm_memory", size, _half_of_memory, "how much memory the workers that are kept warm may use"),
        Setting("worker.memory", size, _half_of_memory, "how much memory a worker may use, as 2G or in bytes"),
        Setting("worker.count", _workers, _cores, f"how many workers a scoring uses, {_MOST_WORKERS} at most"),
        Setting(
            "worker.isolation",
            _one_of("best", "required", "none"),
            lambda: "best",
            "how far workers are shut in: `best` that this machine can, `required` (refuse below worker.isolation_level), `none`",
        ),
        Setting(
            "worker.isolation_level",
            _one_of(*ISOLATION_LEVELS),
            lambda: "landlock",
            f"the least isolation where it is required: {', '.join(ISOLATION_LEVELS[:-1])} or {ISOLATION_LEVELS[-1]}",
        ),
        Setting(
            "worker.network",
            _one_of("never", "declared", "always"),
            lambda: "declared",
            "which workers have a network: `never` one, those of versions that `declared` it, or `always` all",
        ),
        Setting("environment.folder", str, lambda: "", "where environments are built; in the hub's folder when empty"),
        Setting(
            "environment.find_links",
            str,
            lambda: "",
            "folders or addresses with wheels, between commas, before pip's and uv's own settings",
        ),
        Setting(
            "environment.index",
            str,
            lambda: "",
            "the one index of packages, or `none`; pip's and uv's own settings when empty",
        ),
        Setting("environment.build_seconds", _seconds, lambda: 1800.0, "how long building an environment may take"),
        Setting(
            "mlflow.tracking_uri",
            str,
            lambda: "",
            "the tracking server of models:/ and runs:/; MLFLOW_TRACKING_URI when empty",
        ),
        Setting(
            "scan.pickles",
            _one_of("refuse", "warn"),
            lambda: "refuse",
            "what becomes of a model with a pickle that can do harm when it is loaded: `refuse` it, or `warn` and load it in its worker",
        ),
        Setting(
            "ray.address",
            str,
            lambda: "",
            "the Ray cluster of `--runner ray`; RAY_ADDRESS when empty, and one on this machine without that",
        ),
        Setting(
            "ray.workers", _count, lambda: 0, "how many actors work, with a core each; 0 is all cores of the cluster"
        ),
        Setting(
            "spark.master",
            str,
            lambda: "",
            "the master of `--runner spark` where the program has no session of its own; this machine when empty",
        ),
        Setting(
            "spark.workers", _count, lambda: 0, "how many Spark tasks work at a time; 0 is as many as it has cores"
        ),
        Setting("score.chunk_rows", _count, lambda: 0, "rows of a chunk; 0 chooses them by the width of a row"),
        Setting(
            "profiles.texts",
            _flag,
            lambda: True,
            "whether evaluations keep texts of the rows, `true` or `false`: values of columns, and those of the worst mistakes",
        ),
        Setting("retention.deleted_days", _count, lambda: 30, "how long what was deleted can be restored"),
        Setting(
            "retention.runs_days",
            _count,
            lambda: 90,
            "how long what an ended run keeps beside its record stays: its chunks, and what a failed one has staged",
        ),
        Setting(
            "retention.rejects_days",
            _count,
            lambda: 90,
            "how long the rejects of an ended run stay, wherever they are",
        ),
        Setting(
            "retention.unused_hours",
            _count,
            lambda: 24,
            "how long a blob stays that nothing refers to; longer than any registration takes",
        ),
        Setting("jobs.attempts", _some, lambda: 3, "how often a job is begun before it is given up"),
        Setting(
            "jobs.backoff_seconds",
            _seconds,
            lambda: 30.0,
            "how long a job waits after its first failure for a passing cause; twice as long after each more",
        ),
    )
}


OTHERS = frozenset({"MUSTER_DEBUG", "MUSTER_NO_PROGRESS", "MUSTER_RUN"})
"""Variables that say how the command line speaks, and are no settings of a hub."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and its source: `argument`, `environment`, a file's path, or `default`."""

    setting: Setting
    value: object
    source: str


class Settings(Mapping[str, object]):
    """All settings of one hub. A plain picklable value."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = {name: (v.value, v.source) for name, v in values.items()}
        self._withheld: frozenset[str] = frozenset()

    def __reduce__(self) -> tuple[object, ...]:
        """Passwords do not go along: what has one is taken from the variables of the process that it is sent to."""
        shown = {n: (without_password(v) if isinstance(v, str) else v, s) for n, (v, s) in self._values.items()}
        withheld = frozenset(n for n, (v, _) in self._values.items() if shown[n][0] != v)
        return Settings._received, (shown, withheld | self._withheld)

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, object] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        home: Path | None = None,
    ) -> Settings:
        """Read all sources; everything that is wrong in them is told at once."""
        environ = os.environ if environ is None else environ
        layers: list[tuple[str, Mapping[str, object]]] = [("argument", arguments or {})]
        layers.append(("environment", {n: environ[s.variable] for n, s in SETTINGS.items() if s.variable in environ}))
        files = (_project_file(folder or _here()), _user_file(environ, home))
        layers += [(str(file), _flat(file)) for file in files if file is not None]
        wrong: list[str] = []
        for source, layer in layers:
            wrong += [f"{source}: no setting `{n}`{near(n, SETTINGS)}" for n in layer if n not in SETTINGS]
        values = {name: _first(setting, layers, wrong) for name, setting in SETTINGS.items()}
        if wrong:
            raise InvalidConfig("; ".join(wrong), hint="see all settings with `muster config show`")
        return cls(values)

    @classmethod
    def _received(cls, shown: Mapping[str, tuple[object, str]], withheld: frozenset[str]) -> Settings:
        """Those of another process, with the passwords that this one knows of the same places."""
        made = cls({})
        known = {n: os.environ.get(SETTINGS[n].variable, "") for n in withheld}
        known = {n: value for n, value in known.items() if without_password(value) == shown[n][0]}
        made._values = {**shown, **{n: (value, "environment") for n, value in known.items()}}
        made._withheld = withheld - known.keys()
        return made

    @staticmethod
    def unheard(environ: Mapping[str, str] | None = None) -> list[str]:
        """Variables that look like settings and are none, each with what is like it: other programs' names may begin so too."""
        variables = [s.variable for s in SETTINGS.values()]
        sections = {f"MUSTER_{name.partition('.')[0].upper()}_" for name in SETTINGS if "." in name}
        found = []
        for name in sorted(os.environ if environ is None else environ):
            if name.startswith("MUSTER_") and name not in variables and name not in OTHERS:
                like = near(name, [v for v in variables if get_close_matches(name, [v], cutoff=0.8)])
                if like or any(name.startswith(section) for section in sections):
                    found.append(f"{name} is no setting{like}")
        return found

    def __getitem__(self, name: str) -> object:
        if name in self._withheld:
            raise InvalidConfig(
                f"`{name}` has a password, which is not sent to the executors of a cluster",
                hint=f"set {SETTINGS[name].variable} on every node, as it is on the driver",
                details={"resume": True},
            )
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def source(self, name: str) -> str:
        return self._values[name][1]

    def text(self, name: str) -> str:
        return str(self[name])

    def seconds(self, name: str) -> float:
        value = self[name]
        assert isinstance(value, float)
        return value

    def flag(self, name: str) -> bool:
        value = self[name]
        assert isinstance(value, bool)
        return value

    def number(self, name: str) -> int:
        value = self[name]
        assert isinstance(value, int)
        return value


def _first(setting: Setting, layers: list[tuple[str, Mapping[str, object]]], wrong: list[str]) -> Value:
    for source, layer in layers:
        if setting.name in layer and layer[setting.name] is not None:
            given = layer[setting.name]
            try:
                if setting.parse is str and not isinstance(given, (str, os.PathLike)):
                    raise ValueError(given)
                return Value(setting, setting.parse(str(given)), source)
            except ValueError:
                wrong.append(f"{source}: `{setting.name}` cannot be {given!r}: it says {setting.about}")
    return Value(setting, setting.default(), "default")


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise InvalidInput("the folder that you are in is gone", hint="change to one that exists") from None


def _project_file(folder: Path) -> Path | None:
    return next((f for d in (folder, *folder.parents) if (f := d / "muster.toml").is_file()), None)


def _user_file(environ: Mapping[str, str], home: Path | None) -> Path | None:
    base = environ.get("XDG_CONFIG_HOME")
    folder = Path(base) if base else (home or expanded("~")) / ".config"
    file = folder / "muster" / "muster.toml"
    return file if file.is_file() else None


def _flat(file: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{file} is not TOML: {error}", hint="mend the file, or move it away") from None
    flat: dict[str, object] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat
