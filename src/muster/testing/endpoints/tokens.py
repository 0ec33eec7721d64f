"""Bearer tokens that a server gives out: whose they are, what they are for, and until when."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

__all__ = ["Tokens"]


@dataclass(slots=True)
class Tokens:
    """Safe from several threads. `audience` is what a token may be used for, where its provider tells tokens apart by that."""

    seconds: int = 3600
    _known: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, identity: str, audience: str = "", *, seconds: float | None = None) -> str:
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._known[token] = (identity, audience, time.time() + (self.seconds if seconds is None else seconds))
        return token

    def who(self, token: str, audience: str = "") -> str | None:
        """Whose token it is; None if it was never given out, has ended, or is for something else."""
        with self._lock:
            identity, meant, until = self._known.get(token, ("", "", 0.0))
        return identity if identity and meant == audience and time.time() < until else None

    def expire(self) -> None:
        with self._lock:
            self._known.clear()
