"""How a segment was cut, and how the same is asked for."""

from __future__ import annotations

from collections.abc import Callable

from muster.profiles.edges import edge_texts
from muster.profiles.question import Segmenting
from muster.signature import Json

__all__ = ["asking_for", "cut_json", "cut_words"]


def asking_for(cut: Segmenting) -> str:
    """What asks for the same edges: `distance:500,1000`."""
    texts = edge_texts(cut.edges, times=cut.times)
    return f"{cut.name}:{','.join(text.replace(' ', 'T') for text in texts)}"


def cut_words(cut: Segmenting, rows: int, count: Callable[[int], str] = "{:,}".format) -> str:
    """A sentence on edges that were not asked for; `rows` are all there were."""
    if not cut.sampled:
        return ""
    told = f"Cut near its fifths, as {count(cut.sampled)} rows tell"
    if cut.looked_at >= rows:
        return f"{told}." if cut.sampled >= rows else f"{told}, which are from all over the data."
    return f"{told}, which are from {count(cut.looked_at)} of the {count(rows)}: the parts may be of unlike size."


def cut_json(cut: Segmenting) -> dict[str, Json]:
    found: dict[str, Json] = {"asked": asking_for(cut), "edges": [*cut.edges], "times": cut.times}
    return found | ({"sampled": cut.sampled, "looked_at": cut.looked_at} if cut.sampled else {})
