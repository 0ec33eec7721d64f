"""What uv 0.13 wrote, word by word, and what becomes of it. `test_lock.py` has the same from the real uv."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.local.refusals import understand

_END = "we can conclude that your requirements are unsatisfiable."


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        (
            f"Because lost was not found in the package registry and you require lost, {_END}",
            "unknown",
            "`lost` is in no index that this machine uses",
        ),
        (
            (
                "Because lost was not found in the package registry and only finder==1.0 is available, we can conclude that all\n"
                f"         versions of finder cannot be used.\n         And because you require finder, {_END}"
            ),
            "unknown",
            "`lost` is in no index that this machine uses; finder leads to it",
        ),
        (
            f"Because there is no version of six==99.1 and you require six==99.1, {_END}",
            "version",
            "there is no version of six==99.1",
        ),
        (
            f"Because pandas==1.0.5 has no usable wheels and you require pandas==1.0.5, {_END}\n\nhint: Wheels are required",
            "wheels",
            "pandas==1.0.5 has no wheel for this Python and machine",
        ),
        (
            f"Because you require iniconfig==2.0.0 and iniconfig<2, {_END}",
            "conflict",
            "the requirements say iniconfig==2.0.0 and iniconfig<2",
        ),
        (
            (
                "Because scikit-learn>=1.9.1 depends on scipy>=1.10.0 and you require scikit-learn==1.9.1, we can\n"
                f"         conclude that you require scipy>=1.10.0.\n         And because you require scipy<1.8, {_END}"
            ),
            "conflict",
            "scikit-learn>=1.9.1 depends on scipy>=1.10.0 and the requirements say scikit-learn==1.9.1, but the requirements say scipy<1.8",
        ),
        (
            (
                "Because the requested Python version (3.8.18) does not satisfy Python>=3.9 and new==2.0 depends on Python>=3.9, we can\n"
                f"         conclude that new==2.0 cannot be used.\n         And because you require new==2.0, {_END}"
            ),
            "python",
            "new==2.0 needs Python >=3.9",
        ),
    ],
)
def test_resolutions(said: str, kind: str, sentence: str) -> None:
    found = understand(
        f"warning: noise\n  cause: noise\nerror: No solution found when resolving dependencies\n  cause: {said}\n"
    )
    assert (found.kind, found.sentence) == (kind, sentence)


@pytest.mark.parametrize(
    ("said", "kind", "part"),
    [
        (
            (
                "error: Request failed after 3 retries in 11.1s\n  cause: Failed to fetch: https://****@host.example/simple/six/\n"
                "  cause: client error (Connect)\n  cause: dns error"
            ),
            "network",
            "host.example cannot be reached",
        ),
        (
            (
                "error: Failed to fetch: `https://host.example/simple/six/`\n  cause: error sending request for url\n"
                "  cause: invalid peer certificate: UnknownIssuer"
            ),
            "network",
            "certificate of host.example is not trusted",
        ),
        (
            (
                "error: Failed to fetch: http://host.example/six/\n  cause: HTTP status server error (500 Internal Server Error) for url "
                "(http://host.example/six/)"
            ),
            "network",
            "host.example answered 500",
        ),
        (
            (
                f"error: No solution found when resolving dependencies\n  cause: Because six was not found in the package registry and you "
                f"require six, {_END}\n\nhint: An index URL (http://host.example/simple) could not be queried due to a lack of valid "
                "authentication credentials (401 Unauthorized)"
            ),
            "denied",
            "http://host.example/simple refuses access (401)",
        ),
        (
            "error: Failed to download `six==1.16.0`\n  cause: Hash mismatch for `six==1.16.0`\n\n         Expected:\n           sha256:00",
            "hash",
            "another file for six==1.16.0",
        ),
        (
            (
                "error: Failed to build `badpkg==1.0`\n  cause: The build backend returned an error\n  cause: Call to `x` failed\n\n"
                "         [stderr]\n         I do not build here\n\nhint: Build failures usually"
            ),
            "build",
            "badpkg==1.0 has no wheel for this machine, and building it from source failed: I do not build here",
        ),
        (
            "error: Failed to install: a.whl\n  cause: failed to copy: No space left on device (os error 28)",
            "disk",
            "no space",
        ),
        ("something else entirely", "other", "no reason"),
        ("error: A new kind of trouble", "other", "A new kind of trouble"),
    ],
)
def test_other_refusals(said: str, kind: str, part: str) -> None:
    found = understand(said)
    assert found.kind == kind
    assert part in found.sentence
    assert len(found.sentence) < 500


@given(st.text(max_size=300))
def test_anything_that_uv_may_say_gives_a_sentence(said: str) -> None:
    assert understand(f"error: {said}").sentence
    assert understand(f"error: No solution found\n  cause: {said}").sentence
