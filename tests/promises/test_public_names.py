"""What the package promises by name: everything that a public signature shows can be imported and is documented."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

import pytest

import suno_async
from suno_async import SunoClient
from suno_async.api import fields
from suno_async.api.requests import TABLE

from ..cases import every
from ..doubles import method_of

PUBLIC = (
    "suno_async",
    "suno_async.stores",
    "suno_async.archive",
    "suno_async.emulator",
    "suno_async.testing",
    "suno_async.testing.store_contract",
)
ALIASES = (
    "Model",
    "Observer",
    "OnExpiring",
    "OnQueued",
    "OnRequest",
    "Outcome",
    "Progress",
    "SoundKey",
    "StemName",
    "UploadSource",
    "Transition",
    "Wanted",
    "FROM_TRACK",
    "OwnEndpoints",
)
"""Values, which have no docstring of their own at run time."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FOR_THE_CLIENT = {
    "Archive": {"__init__"},
    "Receiver": {"__init__"},
    "Task": {"__init__", "enter", "learn", "leave", "restore"},
    "Result": {"came_from"},
    "Update": {"came_from", "cut"},
}
"""Methods that only the client calls: it makes tasks and receivers, and says where a result came from."""
PLAIN = set(fields.__all__)
"""Short names of plain types with their checks; `help` and type checkers show the plain types."""


def names_of(module: str) -> list[str]:
    names: list[str] = importlib.import_module(module).__all__
    return names


NAMES = [(module, name) for module in PUBLIC for name in names_of(module)]
PROMISED = {name for _, name in NAMES}


def named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


# ---- the names of signatures -----------------------------------------------------------------------------------------


def annotations(thing: Any) -> Iterator[ast.expr]:
    """The annotations of a function, or of the public fields and methods of a class, as they are written."""
    for node in body_of(thing.__module__):
        if isinstance(node, FUNCTIONS) and node.name == thing.__name__:
            yield from of_function(node)
        elif isinstance(node, ast.ClassDef) and node.name == thing.__name__:
            for inner in node.body:
                if isinstance(inner, ast.AnnAssign) and not ast.unparse(inner.target).startswith("_"):
                    yield inner.annotation
                elif isinstance(inner, FUNCTIONS) and public(inner.name, thing):
                    yield from of_function(inner)


@cache
def body_of(module: str) -> list[ast.stmt]:
    """The statements of a module."""
    return ast.parse(inspect.getsource(sys.modules[module])).body


def public(method: str, owner: Any) -> bool:
    if any(method in FOR_THE_CLIENT.get(base.__name__, ()) for base in inspect.getmro(owner)):
        return False
    return not method.startswith("_") or method.endswith("__")


def of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    yield from (one.annotation for one in arguments if one is not None and one.annotation is not None)
    if node.returns is not None:
        yield node.returns


@cache
def ours(module: str) -> set[str]:
    """The names that a module has of this package: those that it defines and those that it imports from it."""
    found: set[str] = set()
    for node in ast.walk(ast.Module(body_of(module), [])):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("suno_async")):
            found |= {alias.asname or alias.name for alias in node.names}
    for node in body_of(module):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {ast.unparse(target) for target in node.targets}
    return {name for name in found if not isinstance(vars(sys.modules[module]).get(name), TypeVar)}


def shown(thing: Any) -> set[str]:
    """The names of this package in the signatures of a class or function."""
    found: set[str] = set()
    for annotation in annotations(thing):
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isprintable():
                found |= {one.id for one in ast.walk(ast.parse(node.value)) if isinstance(one, ast.Name)}
            elif isinstance(node, ast.Name):
                found.add(node.id)
    return found & ours(thing.__module__)


def has_signatures(thing: Any) -> bool:
    return inspect.isclass(thing) or inspect.isfunction(thing)


CALLABLES = [(module, name) for module, name in NAMES if has_signatures(named(module, name))]


@every(("module", "name"), CALLABLES)
def test_every_name_that_a_signature_shows_is_public(module: str, name: str) -> None:
    assert shown(named(module, name)) - PLAIN <= PROMISED


def test_the_names_of_signatures_are_found() -> None:
    """The test above sees what it shall see: classes, aliases and names in quotes."""
    assert {"Provider", "Transport", "Pace", "Store", "UploadSource", "Progress", "Observer", "Saveable"} <= shown(
        SunoClient
    )
    assert {"Download", "Form", "Reply"} <= shown(suno_async.Transport)


# ---- the promise -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", PUBLIC)
def test_every_promised_name_is_there_once_and_documented(module: str) -> None:
    names = names_of(module)
    assert len(names) == len(set(names))
    for name in names:
        assert name == "__version__" or name in ALIASES or inspect.getdoc(named(module, name)), name


def test_the_names_are_seen_by_dir_and_star() -> None:
    assert set(names_of("suno_async")) <= set(dir(suno_async))
    code = "from suno_async import *; import suno_async; assert set(suno_async.__all__) <= set(globals())"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'GenerateMusik'"):
        suno_async.GenerateMusik  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
    assert not hasattr(suno_async, "__wrapped__")


def test_every_endpoint_has_its_method_its_place_in_the_promise_and_its_source() -> None:
    for kind in TABLE:
        assert getattr(SunoClient, method_of(kind)).__doc__.splitlines()[0] == (kind.__doc__ or "").splitlines()[0]
        assert kind.__name__ in names_of("suno_async")
        assert "Source: https://" in (kind.__doc__ or "")
        assert kind.result in (float, str) or kind.result.__name__ in names_of("suno_async")
