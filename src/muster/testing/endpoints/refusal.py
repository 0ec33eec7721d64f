"""Refused: why a call gets no answer, before its provider puts it in its own words."""

from __future__ import annotations

__all__ = ["ColumnsMissing", "Malformed", "Refused"]


class Refused(Exception):
    """`what` is one of the refusals of Fault, or a reason that only its provider knows. `status` is the model's own, if any."""

    def __init__(
        self, what: str, message: str = "", *, wait: float | None = None, status: int | None = None, code: str = ""
    ) -> None:
        super().__init__(message or what)
        self.what = what
        self.message = message
        self.wait = wait
        self.status = status
        self.code = code

    @property
    def retry_after(self) -> dict[str, str]:
        return {} if self.wait is None else {"Retry-After": f"{self.wait:g}"}


class Malformed(Refused):
    """A container cannot read the request: an error of the model, with the status that the container gives to it.

    `code` says what is wrong with it, for containers that tell kinds apart.
    """

    def __init__(self, message: str, status: int = 400, code: str = "") -> None:
        super().__init__("model_error", message, status=status, code=code)


class ColumnsMissing(Malformed):
    """The rows lack columns of the model, which some servers tell apart from all else that is wrong."""
