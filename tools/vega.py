"""Bring Vega, Vega-Lite and Vega's interpreter into src/muster/charts/vega/, as their authors built them.

`python tools/vega.py` asks whatever npm registry is configured, for the exact versions below; the digests say what came.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "muster" / "charts" / "vega"
PACKAGES = {
    "vega@6.4.0": "build/vega.min.js",
    "vega-lite@6.4.3": "build/vega-lite.min.js",
    "vega-interpreter@2.3.2": "build/vega-interpreter.js",
}
# What vega.min.js holds besides Vega, whose licences ask to be kept with copies. All d3-* are by one author under one text.
BUNDLED = ["d3@7.9.0", "topojson-client@3.1.0", "delaunator@5.0.1"]


def main() -> int:
    """Write each library, with its licence, and the list of their digests."""
    TARGET.mkdir(parents=True, exist_ok=True)
    digests = []
    for package, file in PACKAGES.items():
        name = package.split("@", maxsplit=1)[0]
        script, licence = fetched(package, file, "LICENSE")
        if name == "vega":
            others = [f"\n\n{other.split('@')[0]}\n\n{fetched(other, 'LICENSE')[0]}" for other in BUNDLED]
            licence = "".join([licence, *others])
        text = re.sub(r"\n//# sourceMappingURL=.*\s*\Z", "\n", script)
        if name == "vega-interpreter":
            text = classic(text)
        (TARGET / f"{name}.js").write_text(text)
        (TARGET / f"{name}.LICENSE").write_text(licence)
        digests.append(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}.js  {package}\n")
    (TARGET / "VERSIONS").write_text("".join(digests))
    return 0


def fetched(package: str, *files: str) -> list[str]:
    """The texts of files of a package."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
        )
        with tarfile.open(Path(folder) / done.stdout.strip()) as archive:
            members = [archive.extractfile(f"package/{file}") for file in files]
            return [member.read().decode() for member in members if member]


def classic(module: str) -> str:
    """The interpreter comes as a module only; this makes it a script that takes what it imports from Vega."""
    module, imports = re.subn(r"import (\{[^}]*\}) from 'vega-util';", r"const \1 = vega;", module)
    module, exports = re.subn(r"export \{ (\w+) as (\w+) \};", r"globalThis.vega.\2 = \1;", module)
    if (imports, exports) != (1, 1):
        raise SystemExit("vega-interpreter is not built as it was: look at what it imports and exports")
    return f"(function () {{\n{module}}})();\n"


if __name__ == "__main__":
    sys.exit(main())
