"""The look: contrast of all text, and colours that the colour-blind tell apart."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from muster.charts.theme import CATEGORIES, DARK, LIGHT, Tokens, config

Floats = NDArray[np.float64]


def linear(colour: str) -> Floats:
    """Red, green and blue as amounts of light."""
    channels = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """Of WCAG 2."""
    lights = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (a, b))
    return lights[1] / lights[0]


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_legible(tokens: Tokens) -> None:
    for ground in (tokens.ground, tokens.surface):
        for text in (tokens.text, tokens.quiet, tokens.accent, tokens.ok, tokens.warn, tokens.fail, tokens.unknown):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for start, end in pairwise(tokens.ramp):
        for part in np.linspace(0, 1, 11):
            mixed = "#" + "".join(
                f"{round(int(start[n : n + 2], 16) * (1 - part) + int(end[n : n + 2], 16) * part):02x}"
                for n in (1, 3, 5)
            )
            assert contrast(tokens.text, mixed) >= 4.5, mixed


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_the_champion_and_the_challenger_stand_out(tokens: Tokens) -> None:
    for colour in CATEGORIES[:2]:
        assert contrast(colour, tokens.surface) >= 3


# Machado, Oliveira and Fernandes (2009), at full severity.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", BLIND)
def test_categories_are_told_apart_by_the_colour_blind(kind: str) -> None:
    seen = [np.clip(np.array(BLIND[kind]) @ linear(colour), 0, 1) for colour in CATEGORIES[:4]]
    for a, b in combinations([np.cbrt(s) for s in seen], 2):  # about as the eye takes light
        assert np.linalg.norm(a - b) > 0.09


def test_light_and_dark_say_the_same() -> None:
    light, dark = config(), config(dark=True)
    assert set(light) == set(dark)
    assert set(light["style"]) == set(dark["style"])  # type: ignore[arg-type]
    assert light["background"] == "#ffffff"
    assert dark["background"] == "#171b21"
    assert light["range"]["category"] == dark["range"]["category"] == list(CATEGORIES)  # type: ignore[index,call-overload]
