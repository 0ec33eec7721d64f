"""The suite that every Origin passes whose models can run here: what it finds out, and what its models answer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import pyarrow as pa
import pytest

from muster.conform import fit
from muster.documents import document, restore
from muster.parameters import parameters
from muster.predictor import Call, Declared, Description, Draft, Finding, Origin, Predictor, Site
from muster.records import Environment, Version, now
from muster.signature import CLASSIFICATION

__all__ = ["OriginModelSuite", "Place"]


class Place(Protocol):
    """Where a model is put so that it can run."""

    @property
    def site(self) -> Site: ...
    def put(self, description: Description) -> tuple[str, Environment | None]:
        """Store the artifact and make the environment: a digest that `site` knows, and the environment."""
        ...


class OriginModelSuite:
    """Subclass it with class methods as fixtures of scope `class`: `origin`, `source`, `place`, and what the model needs.

    `sample` has rows for it, `declared` what it does not tell itself, `expected` what it answers to the sample:
    `prediction`, and `probabilities` as lists.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def origin(cls) -> Origin:
        raise TypeError("give a fixture `origin`: the origin that is tested")

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls) -> object:
        raise TypeError("give a fixture `source`: something that the origin claims")

    @pytest.fixture(scope="class")
    @classmethod
    def place(cls) -> Place:
        raise TypeError("give a fixture `place`: where the model is put to run")

    @pytest.fixture(scope="class")
    @classmethod
    def sample(cls) -> pa.Table:
        raise TypeError("give a fixture `sample`: a table with some rows of the model's input")

    @pytest.fixture(scope="class")
    @classmethod
    def declared(cls) -> Declared:
        return Declared()

    @pytest.fixture(scope="class")
    @classmethod
    def expected(cls) -> pa.Table:
        raise TypeError("give a fixture `expected`: what the model answers to the sample")

    @pytest.fixture(scope="class")
    @classmethod
    def draft(
        cls, origin: Origin, source: object, declared: Declared, place: Place, tmp_path_factory: pytest.TempPathFactory
    ) -> Draft:
        description = origin.describe(source, tmp_path_factory.mktemp("scratch"))
        digest, environment = place.put(description)
        return Draft(description=description, declared=declared, digest=digest, environment=environment)

    @pytest.fixture(scope="class")
    @classmethod
    def finding(cls, origin: Origin, draft: Draft, place: Place, sample: pa.Table) -> Finding:
        return origin.probe(draft, place.site, sample)

    @pytest.fixture(scope="class")
    @classmethod
    def version(cls, origin: Origin, draft: Draft, finding: Finding) -> Version:
        """As it is read from a store."""
        made = Version(
            id="", model="model", number=1, origin=origin.name, source=draft.description.source, task=finding.task,
            target=finding.target, signature=finding.signature, output=finding.output, reading=finding.reading,
            digest=draft.digest, artifact=draft.description.folder is not None, load=draft.description.load,
            environment=draft.environment, probe=finding.probe, created_at=now(), created_by="",
        )  # fmt: skip
        read = restore(Version, document(made))
        assert read == made
        return read

    @pytest.fixture(scope="class")
    @classmethod
    def predictor(cls, origin: Origin, version: Version, place: Place) -> Iterator[Predictor]:
        predictor = origin.open(version, place.site)
        yield predictor
        predictor.close()

    def test_what_is_found_fits_together(self, finding: Finding) -> None:
        assert finding.output.task == finding.task
        assert bool(finding.output.classes) == (finding.task in CLASSIFICATION)
        assert not (finding.output.probabilities and finding.task in {"regression", "other"})
        assert (finding.task == "multioutput") == bool(finding.output.targets)
        assert all(not pa.types.is_null(c.type) for c in finding.signature)

    def test_what_the_probe_showed_is_kept(self, finding: Finding, sample: pa.Table) -> None:
        shown = finding.probe
        assert (shown.source, 0 < shown.rows <= sample.num_rows) == ("sample", True)
        assert shown.seconds_to_load >= 0
        assert shown.first
        assert shown.raw

    def test_the_sample_fits_the_signature(self, finding: Finding, sample: pa.Table) -> None:
        _, errors = fit(sample.schema, finding.signature).apply(_rows(sample))
        assert errors is None

    def test_a_version_opens_as_what_was_found(self, predictor: Predictor, version: Version) -> None:
        assert predictor.signature == version.signature
        assert predictor.output == version.output
        assert ("probabilities" in predictor.abilities) == version.output.probabilities
        assert ("params" in predictor.abilities) == bool(version.signature.parameters)

    def test_it_answers_as_the_model_does(self, predictor: Predictor, sample: pa.Table, expected: pa.Table) -> None:
        batch, _ = fit(sample.schema, predictor.signature).apply(_rows(sample))
        answer = predictor.predict(batch, _call(predictor))
        assert "error" not in answer.schema.names
        for name in expected.schema.names:
            found, wanted = answer.column(name).to_pylist(), expected[name].to_pylist()
            assert all(map(_alike, found, wanted)), name
        assert answer.num_rows == expected.num_rows

    def test_it_answers_as_the_probe_was_answered(
        self, predictor: Predictor, sample: pa.Table, finding: Finding
    ) -> None:
        if finding.probe.rows < sample.num_rows:
            pytest.skip("never: the probe asked about some rows of the sample only")
        batch, _ = fit(sample.schema, predictor.signature).apply(_rows(sample))
        rows = batch.slice(0, len(finding.probe.first))
        answer = predictor.predict(rows, _call(predictor)).to_pylist()
        assert all(map(_alike, answer, finding.probe.first))


def _call(predictor: Predictor) -> Call:
    return Call(params=parameters(predictor.signature, {}))


def _rows(sample: pa.Table) -> pa.RecordBatch:
    return sample.combine_chunks().to_batches()[0]


def _alike(one: Any, other: Any) -> bool:
    """Equal, up to the last places of a double."""
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)
