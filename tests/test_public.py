"""The shape of the package: what it promises, what imports what, what it needs."""

import ast
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import suno_async
from suno_async import SunoClient
from suno_async.api import fields
from suno_async.api.requests import TABLE

from .doubles import method_of

PACKAGE = Path(suno_async.__file__).parent
ORDER = [
    *("version", "log", "errors", "api", "wire", "http", "tasks", "stores", "files", "submissions", "webhooks"),
    *("client", "testing", "emulator"),
]
PURE = ("version", "errors", "api", "wire")


def files(name: str) -> list[Path]:
    """The file of a module, or all of a package."""
    return sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / f"{name}.py"]


def imports(path: Path) -> set[str]:
    """Packages of this one, with a dot, and modules of others that a file imports at any depth of its text."""
    found: set[str] = set()
    here = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = here[: len(here) - node.level + 1]
            named = (node.module or "").split(".") if node.module else [alias.name for alias in node.names]
            found |= {f".{inside[0]}"} if inside else {f".{name}" for name in (named[:1] if node.module else named)}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def test_imports_point_up_the_list() -> None:
    for place, name in enumerate(ORDER[:-1]):
        allowed = {f".{above}" for above in ORDER[: place + 1]}
        own = {one for path in files(name) for one in imports(path) if one.startswith(".")}
        assert own <= allowed, f"{name} imports {own - allowed}"


def test_every_module_has_its_place() -> None:
    there = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert there == {*ORDER, "__init__", "__main__"}


def test_the_pure_part_neither_waits_nor_sends() -> None:
    for path in (path for name in PURE for path in files(name)):
        assert imports(path).isdisjoint({"asyncio", "anyio", "aiohttp", "socket", "time"})
        tree = ast.parse(path.read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, (ast.AsyncFunctionDef, ast.Await))]


def test_the_core_needs_its_four_packages_only() -> None:
    extras = {PACKAGE / "stores" / "redis.py", PACKAGE / "stores" / "redis_client.py"}
    paths = [path for name in ORDER[:-1] for path in files(name) if path not in extras]
    needed = {one for path in paths for one in imports(path) if not one.startswith(".")}
    assert needed - set(sys.stdlib_module_names) == {"aiohttp", "msgspec", "anyio", "backoff", "yarl"}


def test_importing_the_package_loads_the_core_only() -> None:
    code = "import sys, suno_async; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    later = {"suno_async.emulator", "av", "aiohttp.web", "suno_async.stores.base.sqlite", "sqlite3", "redis"}
    assert later.isdisjoint(ran.stdout.split())


def test_the_promise_is_kept_and_documented() -> None:
    assert all(hasattr(suno_async, name) for name in suno_async.__all__)
    assert all(
        getattr(suno_async, name).__doc__ for name in suno_async.__all__ if name not in ("__version__", "StemName")
    )


def test_every_endpoint_has_its_method_its_place_in_the_promise_and_its_source() -> None:
    for kind in TABLE:
        assert getattr(SunoClient, method_of(kind)).__doc__ == kind.__doc__
        assert kind.__name__ in suno_async.__all__
        assert "Source: https://" in (kind.__doc__ or "")
        assert kind.result in (float, str) or kind.result.__name__ in suno_async.__all__


def test_every_field_of_a_request_says_what_it_is() -> None:
    """In a docstring under it, or in the description of its type."""
    described = {name for name in fields.__all__ if "description=" in repr(getattr(fields, name))}
    silent: list[str] = []
    for kind in (kind for path in files("api/requests") for kind in ast.parse(path.read_text()).body):
        body = kind.body if isinstance(kind, ast.ClassDef) else []
        for node, after in zip_longest(body, body[1:]):
            if isinstance(node, ast.AnnAssign) and "ClassVar" not in (said := ast.unparse(node.annotation)):
                told = isinstance(after, ast.Expr) or "description=" in said
                if not told and said.removesuffix(" | None") not in described:
                    silent.append(f"{getattr(kind, 'name', '')}.{ast.unparse(node.target)}")
    assert silent == []
