"""A model's Python file, read as text: what it defines, what it imports, and what is wrong with it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["INPUTS", "ModelSource", "imports", "read_function", "read_source"]

INPUTS = ("pandas", "arrow", "numpy")
METHODS = ("predict", "predict_proba")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """`input` is what INPUT says; `classes` are those that are written out."""

    input: str | None
    classes: tuple[object, ...]


def read_source(file: Path, wrong: list[str]) -> ModelSource:
    """Of the file that is registered. What is wrong with it is added to `wrong`."""
    tree = _parsed(file, wrong)
    if tree is None:
        return ModelSource(None, ())
    names = dict(_defined(tree.body))
    model = names.get("Model")
    body = model.body if isinstance(model, ast.ClassDef) else tree.body
    if "Model" not in names:
        _check_methods(names, f"{file.name} defines neither a function `predict` nor a class `Model`", 1, wrong)
    elif isinstance(model, ast.ClassDef) and not [b for b in model.bases if ast.unparse(b) != "object"]:
        _check_methods(dict(_defined(body)), f"the class `Model` of {file.name} has no method `predict`", 2, wrong)
    told = _literal(body, "INPUT") or _literal(tree.body, "INPUT")
    if told is not None and told not in INPUTS:
        wrong.append(f"INPUT in {file.name} is {told!r}, and can be {', '.join(INPUTS)}")
        told = None
    classes = _literal(body, "classes")
    return ModelSource(
        told if isinstance(told, str) else None, tuple(classes) if isinstance(classes, list | tuple) else ()
    )


def read_function(file: Path, names: Sequence[str], wrong: list[str]) -> tuple[str, str | None]:
    """Which of these functions the file defines, the first that it does, and what INPUT says. What is wrong is added to `wrong`."""
    tree = _parsed(file, wrong)
    if tree is None:
        return "", None
    known = dict(_defined(tree.body))
    name = next((n for n in names if n in known), "")
    found = known.get(name)
    if not name:
        wrong.append(f"{file.name} defines no function {' or '.join(f'`{n}`' for n in dict.fromkeys(names))}")
    if isinstance(found, ast.AsyncFunctionDef):
        wrong.append(f"`{name}` is asynchronous, and is called as a plain function")
    if isinstance(found, ast.FunctionDef) and _takes(found) < 1:
        wrong.append(f"`{name}` takes no data: write `def {name}(data)`")
    return name, _input(tree.body, file, wrong)


def _input(body: Sequence[ast.stmt], file: Path, wrong: list[str]) -> str | None:
    told = _literal(body, "INPUT")
    if told is not None and told not in INPUTS:
        wrong.append(f"INPUT in {file.name} is {told!r}, and can be {', '.join(INPUTS)}")
        return None
    return told if isinstance(told, str) else None


def _parsed(file: Path, wrong: list[str]) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes(), filename=file.name)
    except SyntaxError as error:
        wrong.append(
            f"{file.name} is not Python {sys.version_info.major}.{sys.version_info.minor}: line {error.lineno}: {error.msg}"
        )
    except (ValueError, UnicodeDecodeError) as error:
        wrong.append(f"{file.name} is not Python: {error}")
    except OSError as error:
        wrong.append(f"{file.name} cannot be read: {error.strerror}")
    return None


def _defined(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Names that a block defines, also inside `if` and `try`; `*` for all of another module."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name, statement
            case ast.Assign():
                yield from ((t.id, statement) for t in statement.targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name, statement
            case ast.Import() | ast.ImportFrom():
                yield from ((a.asname or a.name, statement) for a in statement.names)
            case ast.If() | ast.Try():
                yield from _defined([*statement.body, *statement.orelse, *getattr(statement, "finalbody", [])])
                for handler in getattr(statement, "handlers", []):
                    yield from _defined(handler.body)


def _check_methods(names: dict[str, ast.stmt], none: str, arguments: int, wrong: list[str]) -> None:
    if not any(m in names for m in METHODS) and "*" not in names:
        wrong.append(none)
    for method in METHODS:
        found = names.get(method)
        if isinstance(found, ast.AsyncFunctionDef):
            wrong.append(f"`{method}` is asynchronous, and is called as a plain function")
        if isinstance(found, ast.FunctionDef) and _takes(found) < arguments:
            wrong.append(f"`{method}` takes no data: write `def {method}({'self, ' if arguments == 2 else ''}data)`")


def _takes(function: ast.FunctionDef) -> int:
    """Positional arguments that can be given; static methods have no `self`."""
    told = function.args
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    return 9 if told.vararg else len(told.posonlyargs) + len(told.args) + (1 if static else 0)


def _literal(body: Sequence[ast.stmt], name: str) -> object:
    """The value of a name, where it is written out."""
    found = dict(_defined(body)).get(name)
    if isinstance(found, ast.Assign | ast.AnnAssign) and found.value is not None:
        try:
            return ast.literal_eval(found.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return None


def imports(folder: Path) -> set[str]:
    """The dotted names of the modules that the folder's files import, but for those of Python and of the folder itself."""
    files = sorted(folder.rglob("*.py"))
    own = {f.stem for f in files} | {p for f in files for p in f.relative_to(folder).parts[:-1]}
    names: set[str] = set()
    for file in files:
        tree = _parsed(file, [])
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Import):
                names |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return {n for n in names if (top := n.partition(".")[0]) not in own and top not in sys.stdlib_module_names}
