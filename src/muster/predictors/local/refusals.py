"""What uv says when it refuses, in one sentence: which requirement, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Refusal", "understand"]

Kind: TypeAlias = Literal[
    "unknown", "version", "wheels", "python", "conflict", "network", "denied", "hash", "build", "disk", "other"
]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_SPEC = rf"(?P<name>{_NAME})(?:\[[^\]]*\])?(?P<spec>(?:[=<>!~][^\s,]*)?(?:,[<>=!~][^\s,]*)*)"
_UNKNOWN = re.compile(
    rf"(?P<name>{_NAME}) was not found in (?:the package registry|the cache|the provided package locations)"
)
_VERSION = re.compile(rf"there (?:is no version|are no versions) of {_SPEC}")
_WHEELS = re.compile(rf"(?:all versions of )?{_SPEC} (?:has|have) no (?:usable wheels|wheels with a matching)")
_PYTHON = re.compile(
    rf"Python version \([^)]*\) does not satisfy Python(?P<needs>[^\s,]+(?:,[^\s,]+)*) and {_SPEC} depends on Python"
)
_REQUIRED = re.compile(r"you require (.+?)(?=, we can conclude|\.(?: |$)|$)")
_HASH = re.compile(rf"Hash mismatch for `(?P<name>{_NAME})(?P<spec>[^`]*)`")
_BUILD = re.compile(rf"Failed to (?:download and )?build:? `(?P<name>{_NAME})(?P<spec>[^`]*)`")
_OUTSIDE = (
    "error sending request",
    "dns error",
    "tunnel error",
    "Connection refused",
    "timed out",
    "network was disabled",
)
_CERTIFICATE = re.compile(r"invalid peer certificate|certificate (?:verify|is not)|UnknownIssuer", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why uv stopped: in which way, over which package (where one is to blame), and in a sentence.

    `wheelless` are the packages of which it found no wheel that fits.
    """

    kind: Kind
    sentence: str
    name: str = ""
    spec: str = ""
    hint: str = ""
    wheelless: tuple[str, ...] = ()


def understand(said: str) -> Refusal:
    """Condense what uv wrote on stderr."""
    error, hints = _parts(said)
    for judge in (_outside, _install, _resolution):
        if (refusal := judge(error, hints)) is not None:
            return refusal
    return Refusal("other", _short(error) or "uv failed and gave no reason")


def _parts(said: str) -> tuple[str, str]:
    """The error with its causes in one line, and the hints in one."""
    error: list[str] = []
    hints: list[str] = []
    current: list[str] | None = None
    for line in said.splitlines():
        text = line.strip()
        if text.startswith(("error:", "× ")):
            current = error
        elif text.startswith("hint:"):
            current = hints
        elif text.startswith("warning:"):
            current = None
        if current is not None and text:
            current.append(re.sub(r"^(error|cause|hint): ", "", text))
    return " ".join(error), " ".join(hints)


def _outside(error: str, hints: str) -> Refusal | None:
    """The machine or the network, whatever the requirements are."""
    if "No space left on device" in error:
        return Refusal(
            "disk", "no space is left on the disk", hint="free some space, or set environment.folder to another disk"
        )
    if denied := re.search(
        r"\((\S+?)\).*?(401|403)|(401|403) (?:Unauthorized|Forbidden).*?url \((\S+?)\)", f"{hints} {error}"
    ):
        url, code = denied[1] or denied[4], denied[2] or denied[3]
        return Refusal(
            "denied",
            f"the index {url} refuses access ({code})",
            hint="give its credentials in netrc, uv's or pip's settings",
        )
    if _CERTIFICATE.search(error):
        return Refusal(
            "network",
            f"the certificate of {_host(error)} is not trusted here",
            hint="set SSL_CERT_FILE or pip's `cert` to the authority's file",
        )
    if any(word in f"{error} {hints}" for word in _OUTSIDE):
        return Refusal(
            "network",
            f"{_host(error)} cannot be reached",
            hint="check the network and proxy, or give an index or a folder of wheels in uv's or pip's settings",
        )
    if status := re.search(r"HTTP status \w+ error \((.+?)\) for url \((\S+?)\)", error):
        return Refusal(
            "network", f"{_host(status[2])} answered {status[1]}", hint="try again later, or give another index"
        )
    return None


def _install(error: str, _hints: str) -> Refusal | None:
    """A single package that came, and cannot be used."""
    if found := _HASH.search(error):
        name = found["name"] + found["spec"]
        return Refusal(
            "hash",
            f"the index has another file for {name} than the one that was locked",
            found["name"],
            found["spec"],
            "find out who changed it; registering again locks the present one",
        )
    if found := _BUILD.search(error):
        name = found["name"] + found["spec"]
        reason = error.rpartition("[stderr]")[2].strip() or error.rpartition("Failed to build")[2].strip()
        return Refusal(
            "build",
            f"{name} has no wheel for this machine, and building it from source failed: {_short(reason[-200:])}",
            found["name"],
            found["spec"],
            "choose a version with a wheel, or give a wheel of your own",
        )
    return None


def _resolution(error: str, _hints: str) -> Refusal | None:
    """No versions fit together, or one does not exist."""
    if "No solution found" not in error:
        return None
    asked = " and ".join(dict.fromkeys(_REQUIRED.findall(error)))
    if found := _UNKNOWN.search(error):
        return Refusal(
            "unknown",
            f"`{found['name']}` is in no index that this machine uses{_by(found['name'], asked)}",
            found["name"],
        )
    if found := _PYTHON.search(error):
        needed = f"{found['name']}{found['spec']} needs Python {found['needs']}"
        return Refusal("python", needed, found["name"], found["spec"])
    wheelless = tuple(dict.fromkeys(f["name"] for f in _WHEELS.finditer(error)))
    if (found := _WHEELS.search(error)) and len(set(re.findall(rf"(?:^| and ){_NAME}", asked))) <= 1:
        told = found["name"] + found["spec"]
        return Refusal(
            "wheels",
            f"{told} has no wheel for this Python and machine",
            found["name"],
            found["spec"],
            wheelless=wheelless,
        )
    if (found := _VERSION.search(error)) and error.lower().count("because") == 1:
        return Refusal(
            "version", f"there is no version of {found['name']}{found['spec']}", found["name"], found["spec"]
        )
    return Refusal("conflict", _conflict(error, asked), wheelless=wheelless)


def _conflict(error: str, asked: str) -> str:
    premises = re.findall(r"[Bb]ecause (.+?), we can conclude", error)
    told = ", but ".join(premises)
    if 0 < len(premises) <= 2 and len(told) <= 300:
        return told.replace("you require", "the requirements say")
    return f"no versions satisfy {asked} together" if asked else _short(error)


def _by(name: str, asked: str) -> str:
    """Who asks for it, if not the requirements themselves."""
    return "" if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", asked) or not asked else f"; {asked} leads to it"


def _host(text: str) -> str:
    found = re.search(r"https?://(?:[^/\s@]*@)?([^/\s)`]+)", text)
    return found[1] if found else "the package index"


def _short(text: str) -> str:
    return text if len(text) <= 300 else text[:297] + "…"
