"""Servers of the Open Inference Protocol differ in what the protocol leaves open, and in how they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.testing.endpoints.refusal import Malformed, Refused
from muster.testing.endpoints.server import Outgoing, plain, said

__all__ = ["SERVERS", "Dialect"]

_STATUS = {
    "throttled": 429, "starting": 503, "unavailable": 503, "too_large": 413, "timeout": 504, "missing": 404, "denied": 403,
    "unsigned": 401, "expired": 401, "method": 405, "nowhere": 404, "unversioned": 501,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one server speaks. `first` also speaks KServe's first protocol; `silent` tells its health by the status alone.

    `columns` gives tensors of labels as columns; `mute` says nothing of what went wrong in a model.
    """

    name: str
    version: str
    extensions: tuple[str, ...] = ()
    first: bool = False
    versions: bool = False
    listed: bool = False
    index: bool = False
    silent: bool = False
    columns: bool = False
    mute: bool = False
    checked: bool = True
    """Whether a request without a field that it must have is refused by what checks requests, with 422."""
    unknown: str = "Model with name {} does not exist."
    unknown_status: int = 404

    def shaped(self, tensor: dict[str, Any]) -> dict[str, Any]:
        """A tensor of an answer, with what this server adds."""
        if self.name == "kserve":
            return {**tensor, "parameters": None}
        if not self.columns:
            return tensor
        text = tensor["datatype"] == "BYTES"
        shape = [*tensor["shape"], 1] if len(tensor["shape"]) == 1 else tensor["shape"]
        return {**tensor, "shape": shape, "parameters": {"content_type": "str" if text else "np"}}

    def refuse(self, refused: Refused, *, first: bool) -> Outgoing:
        if refused.what == "model_error":
            return self._model_error(refused, first=first)
        if refused.what in ("nowhere", "method") and self.checked:
            return said({"detail": refused.message}, _STATUS[refused.what])
        status = refused.status or _STATUS.get(refused.what, 400)
        if refused.what == "missing":
            status = self.unknown_status
        return said({"error": refused.message}, status, refused.retry_after)

    def _model_error(self, refused: Refused, *, first: bool) -> Outgoing:
        malformed = isinstance(refused, Malformed)
        if not self.checked:
            return said({"error": refused.message}, 400 if malformed or refused.status is None else refused.status)
        if malformed and refused.code and first:
            return said({"error": f"Unrecognized request format: {refused.message}"}, 400)
        if malformed and refused.code == "datatype" and not self.mute:
            return said({"error": "invalid datatype None in the input"}, 400)
        if malformed and refused.code:
            return said({"detail": [{"type": "missing", "loc": ["body"], "msg": refused.message, "input": {}}]}, 422)
        if self.mute:
            return plain("Internal Server Error", 500, {"Content-Type": "text/plain; charset=utf-8"})
        text = f"ValueError: {refused.message}" if malformed else refused.message
        return said({"error": text.replace(": ", " : ", 1)}, 500 if malformed else refused.status or 500)


SERVERS: Mapping[str, Dialect] = {
    "kserve": Dialect(
        name="kserve", version="0.21.0", extensions=("model_repository_extension",), first=True, listed=True
    ),
    "mlserver": Dialect(
        name="mlserver", version="1.7.1", versions=True, index=True, silent=True, columns=True, mute=True,
        unknown="Model {} not found",
    ),
    "triton": Dialect(
        name="triton", version="2.60.0", versions=True, index=True, silent=True, checked=False, unknown_status=400,
        unknown="Request for unknown model: '{}' is not found",
    ),
}  # fmt: skip
"""The first two are held against the real ones in the tests; Triton's is as it documents itself."""
