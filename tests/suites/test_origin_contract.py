"""The suite of origins over every origin."""

from __future__ import annotations

import pytest

from muster.predictor import Origin
from muster.testing.origin import OriginSuite
from tests.suites.registered import origins
from tests.suites.test_origins import CASES


@pytest.mark.parametrize("name", CASES, scope="class")
class TestOriginContract(OriginSuite):
    @pytest.fixture
    def origin(self, name: str) -> Origin:
        return origins()[name]

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, name: str, tmp_path_factory: pytest.TempPathFactory) -> object:
        return CASES[name].make(tmp_path_factory.mktemp(name))
