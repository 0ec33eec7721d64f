"""What pip is told on this machine (its files, then PIP_*), in the words of uv, which reads neither.

Runs under any `python3`: Python 3.8 syntax and the standard library alone.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from pathlib import Path

# pip's option: (uv's variable, what stands between several values there, variables whose presence settles it already)
INDEXES = {
    "index-url": ("UV_DEFAULT_INDEX", " ", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
    "extra-index-url": ("UV_INDEX", " ", ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
    "find-links": ("UV_FIND_LINKS", ",", ("UV_FIND_LINKS",)),
}
CONNECTION = {
    "cert": ("SSL_CERT_FILE", " ", ("SSL_CERT_FILE",)),
    "client-cert": ("SSL_CLIENT_CERT", " ", ("SSL_CLIENT_CERT",)),
    "proxy": ("ALL_PROXY", " ", ("ALL_PROXY", "HTTPS_PROXY", "https_proxy")),
    "default-timeout": ("UV_HTTP_TIMEOUT", " ", ("UV_HTTP_TIMEOUT",)),
    "timeout": ("UV_HTTP_TIMEOUT", " ", ("UV_HTTP_TIMEOUT",)),
    "trusted-host": ("UV_INSECURE_HOST", " ", ("UV_INSECURE_HOST",)),
}
SYSTEM = "/etc"


def as_uv_settings() -> dict[str, str]:
    """The environment variables that make uv use what pip would; uv's own settings win."""
    pip = pip_settings()
    table = dict(CONNECTION)
    if not uv_config_indexes():
        table.update(INDEXES)
    settings = {}
    for option, (variable, separator, settled) in table.items():
        if pip.get(option) and not any(os.environ.get(name) for name in settled):
            settings[variable] = separator.join(pip[option].split())
    if "UV_INDEX" in settings:
        # pip takes the best version over all indexes, uv the first index that has the name. Hashes make pip's way safe.
        settings["UV_INDEX_STRATEGY"] = os.environ.get("UV_INDEX_STRATEGY", "unsafe-best-match")
    return settings


def pip_settings() -> dict[str, str]:
    """Pip's options for installing, by their long names."""
    found: dict[str, str] = {}
    for path in _pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(str(path), encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError) as problem:
            print(f"./run: ignoring {path}: {problem}", file=sys.stderr)
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({option.replace("_", "-"): value for option, value in parser.items(section)})
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            found[name[4:].lower().replace("_", "-")] = value
    return found


def uv_config_indexes() -> list[str]:
    """The indexes that uv's own files name: every address there, in order."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    files = [
        os.environ.get("UV_CONFIG_FILE"),
        os.path.join(home, "uv", "uv.toml"),
        os.path.join(SYSTEM, "uv", "uv.toml"),
    ]
    text = "\n".join(Path(file).read_text() for file in files if file and os.path.isfile(file))
    # Not a TOML parser, which Python has only since 3.11: what is found wrongly fails the hash.
    lines = [line for line in text.splitlines() if re.match(r"\s*(index-url|extra-index-url|url)\s*=", line)]
    return [address for line in lines for address in re.findall(r"[\"']([^\"']+)[\"']", line)]


def _pip_files() -> list[Path]:
    """Pip's files in its order: the later ones win."""
    chosen = os.environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    shared = os.environ.get("XDG_CONFIG_DIRS") or os.path.join(SYSTEM, "xdg")
    files = [os.path.join(folder, "pip", "pip.conf") for folder in shared.split(":")]
    files += [os.path.join(SYSTEM, "pip.conf"), os.path.expanduser("~/.pip/pip.conf")]
    if sys.platform == "darwin":
        files.append(os.path.expanduser("~/Library/Application Support/pip/pip.conf"))
    files += [os.path.join(home, "pip", "pip.conf"), os.path.join(sys.prefix, "pip.conf")]
    return [Path(file) for file in files + ([chosen] if chosen else []) if os.path.isfile(file)]
