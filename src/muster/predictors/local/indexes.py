"""Where packages come from: what pip is told on this machine, in the words of uv, which reads its own settings itself."""

from __future__ import annotations

import configparser
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from muster.config import Settings, expanded
from muster.errors import InvalidConfig

__all__ = ["NOWHERE", "Sources", "has_secret", "mask", "sources_of", "uv_settings", "without_secret"]

# pip's option: (uv's variable, what stands between several values there, variables whose presence settles it already)
_INDEXES = {
    "index-url": ("UV_DEFAULT_INDEX", " ", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
    "extra-index-url": ("UV_INDEX", " ", ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
    "find-links": ("UV_FIND_LINKS", ",", ("UV_FIND_LINKS",)),
}
_CONNECTION = {
    "cert": ("SSL_CERT_FILE", " ", ("SSL_CERT_FILE",)),
    "client-cert": ("SSL_CLIENT_CERT", " ", ("SSL_CLIENT_CERT",)),
    "proxy": ("ALL_PROXY", " ", ("ALL_PROXY", "HTTPS_PROXY", "https_proxy")),
    "timeout": ("UV_HTTP_TIMEOUT", " ", ("UV_HTTP_TIMEOUT",)),
    "trusted-host": ("UV_INSECURE_HOST", " ", ("UV_INSECURE_HOST",)),
    "keyring-provider": ("UV_KEYRING_PROVIDER", " ", ("UV_KEYRING_PROVIDER",)),
}
_PATHS = (
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_CONFIG_FILE",
    "UV_CACHE_DIR",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_BUILD_CONSTRAINT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSL_CLIENT_CERT",
)
_TRUE = ("1", "true", "yes", "on", "y", "t")

_USERINFO = re.compile(r"(?<=://)[^/\s@'\"`]+@")
_SIGNED = re.compile(
    r"(?<=[?&])([\w-]*(?:token|sig|signature|key|password|secret|credential)[\w-]*)=[^&\s#'\"`]+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where packages come from by Muster's own settings, which stand before pip's and uv's. An `index` of `none` is none at all."""

    index: str = ""
    find_links: tuple[str, ...] = ()


NOWHERE = Sources()


def sources_of(settings: Settings) -> Sources:
    """The settings `environment.index` and `environment.find_links`."""
    index, links = settings.text("environment.index"), settings.text("environment.find_links")
    places = tuple(p for p in (part.strip() for part in links.split(",")) if p)
    for name, value in (("index", index), ("find_links", links)):
        if has_secret(value):
            raise InvalidConfig(
                f"environment.{name} has a user name or password, and settings are shown",
                hint="put the credentials into ~/.netrc, the keyring, or uv's or pip's own settings",
            )
    missing = [p for p in places if "://" not in p and not expanded(p).is_dir()]
    if missing:
        raise InvalidConfig(
            f"environment.find_links names {', '.join(missing)}, where there is no folder",
            hint="name a folder of wheels",
        )
    return Sources(index, tuple(p if "://" in p else str(expanded(p).absolute()) for p in places))


def mask(text: str) -> str:
    """`text` without the user names, passwords and tokens of the URLs in it."""
    return _SIGNED.sub(r"\1=****", _USERINFO.sub("****@", text))


def has_secret(url: str) -> bool:
    """Whether a URL carries a user, a password or a token. `${NAME}` is none: it says where to find one."""
    return mask(bare := _without_references(url)) != bare


def without_secret(url: str) -> str:
    """The URL as it may be stored: references to variables stay, what is written out goes."""
    return _SIGNED.sub("", _USERINFO.sub("", url)).rstrip("?&") if has_secret(url) else url


def uv_settings(
    environ: Mapping[str, str] | None = None, folder: Path | None = None, ours: Sources = NOWHERE
) -> tuple[dict[str, str], list[str]]:
    """Environment variables and flags that make uv use what pip would; uv's own settings win.

    Relative paths in either's variables are made absolute from `folder`, because uv is started elsewhere.
    """
    environ, folder = os.environ if environ is None else environ, folder or Path.cwd()
    pip = _pip_settings(environ)
    table = dict(_CONNECTION)
    flags = []
    if not _uv_names_indexes(environ):
        table |= _INDEXES
        if pip.get("no-index", "").lower() in _TRUE:
            flags.append("--no-index")
    settings = {n: _absolute(environ[n], folder) for n in _PATHS if environ.get(n)}
    for option, (variable, separator, settled) in table.items():
        if pip.get(option) and not any(environ.get(name) for name in settled):
            settings[variable] = separator.join(_absolute(value, folder) for value in pip[option].split())
    if "UV_INDEX" in settings and not environ.get("UV_INDEX"):
        # pip takes the best version over all indexes, uv the first index that has the name.
        settings["UV_INDEX_STRATEGY"] = environ.get("UV_INDEX_STRATEGY", "unsafe-best-match")
    if ours.find_links:
        settings["UV_FIND_LINKS"] = ",".join(ours.find_links)
    if ours.index == "none":
        flags = ["--no-index"]
    elif ours.index:  # in place of all others
        settings |= {"UV_DEFAULT_INDEX": ours.index, "UV_INDEX": "", "UV_EXTRA_INDEX_URL": ""}
        flags = []
    return settings, flags


def _without_references(url: str) -> str:
    return re.sub(r"\$\{\w+\}:?@?", "", url)


def _absolute(value: str, folder: Path) -> str:
    """Each path of a list, as it is meant from `folder`; URLs, `name=URL` and what does not exist stay."""
    parts = re.split(r"([\s,]+)", value)
    return "".join(str(folder / p) if p and "://" not in p and (folder / p).exists() else p for p in parts)


def _pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's options for installing, by their long names."""
    found: dict[str, str] = {}
    for file in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text(encoding="utf-8"))
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            reason = mask(str(error).splitlines()[0])
            raise InvalidConfig(
                f"pip's settings in {file} cannot be read: {reason}", hint="mend the file, or move it away"
            ) from None
        for section in ("global", "wheel", "install"):
            if parser.has_section(section):
                found |= {option.replace("_", "-"): value for option, value in parser.items(section)}
    return found | {n[4:].lower().replace("_", "-"): v for n, v in environ.items() if n.startswith("PIP_")}


def _pip_files(environ: Mapping[str, str]) -> Iterable[Path]:
    """pip's files in its order: the later ones win."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home, config = _homes(environ)
    files = [Path(d) / "pip" / "pip.conf" for d in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
    if sys.platform == "darwin":
        files.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    files += [config / "pip" / "pip.conf", Path(sys.prefix) / "pip.conf", *([Path(chosen)] if chosen else [])]
    return [f for f in files if f.is_file()]


def _uv_names_indexes(environ: Mapping[str, str]) -> bool:
    """Whether uv's own files say where packages come from."""
    if environ.get("UV_NO_CONFIG", "").lower() in _TRUE:
        return False
    _, config = _homes(environ)
    files = (
        [Path(environ["UV_CONFIG_FILE"])]
        if environ.get("UV_CONFIG_FILE")
        else [config / "uv/uv.toml", Path("/etc/uv/uv.toml")]
    )
    for file in files:
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue  # uv reads it next and says what is wrong
        tables = (document, document.get("pip", {}))
        if any(key in t for t in tables for key in ("index", "index-url", "extra-index-url", "find-links", "no-index")):
            return True
    return False


def _homes(environ: Mapping[str, str]) -> tuple[Path, Path]:
    home = Path(environ["HOME"]) if environ.get("HOME") else expanded("~")
    return home, Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else home / ".config"
