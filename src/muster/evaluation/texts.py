"""Whether texts of the rows are kept, as somebody said it."""

from __future__ import annotations

import numpy as np

__all__ = ["keeps_texts", "wrong_texts"]


def keeps_texts(said: object) -> bool:
    return said is None or bool(said)


def wrong_texts(said: object) -> list[str]:
    """What is meant by 0 or by "no" is not guessed: texts about people would be kept."""
    if said is None or isinstance(said, (bool, np.bool_)):
        return []
    return [f"`texts` is {said!r}, and only True, False or None say whether texts are kept"]
