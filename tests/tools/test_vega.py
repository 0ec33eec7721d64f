"""The interpreter, a module, is made a script; if it is ever built otherwise, that is refused."""

from __future__ import annotations

import pytest

from vega import classic


def test_a_module_becomes_a_script() -> None:
    module = (
        "import { ascending, isString } from 'vega-util';\nconst own = 1;\nexport { own as expressionInterpreter };\n"
    )
    script = classic(module)
    assert script.startswith("(function () {\nconst { ascending, isString } = vega;\n")
    assert "globalThis.vega.expressionInterpreter = own;" in script
    assert "import" not in script
    assert "export" not in script


def test_another_build_is_refused() -> None:
    with pytest.raises(SystemExit, match="not built as it was"):
        classic("export default 1;")
