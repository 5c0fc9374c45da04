"""The shape of the package: what imports what, what is pure, what is loaded when."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import suno_async

from ..cases import every

PACKAGE = Path(suno_async.__file__).parent
ORDER = [
    *(
        "version",
        "secret",
        "errors",
        "log",
        "api",
        "wire",
        "notifier",
        "http",
        "tasks",
        "stores",
        "files",
        "submissions",
        "webhooks",
    ),
    *("settings", "preview", "status", "runtime", "lifecycle", "archive", "methods", "client", "public"),
    *("emulator", "testing", "litestar", "otel", "cli", "__main__"),
]
"""Imports point up this list."""
PURE = ("version", "errors", "api", "wire")
WAITING = {"asyncio", "anyio", "aiohttp", "backoff", "socket", "ssl", "threading", "time"}
EXTRAS = {
    "emulator": {"av", "numpy"},
    "testing": {"pytest"},
    "litestar": {"litestar"},
    "otel": {"opentelemetry"},
    "cli": {"typer", "rich", "platformdirs"},
}
"""What parts outside the core need besides."""


def files(name: str) -> list[Path]:
    """The file of a module, or all files of a package."""
    return sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / f"{name}.py"]


@cache
def imports(path: Path) -> frozenset[str]:
    """Parts of this package, with a dot, and other packages that a file imports, inside functions, too."""
    found: set[str] = set()
    here = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = here[: len(here) - node.level + 1]
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            found |= {f".{inside[0]}"} if inside else {f".{name}" for name in names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return frozenset(found)


def outside(name: str) -> set[str]:
    """The packages that a part needs beyond the standard library."""
    needed = {one for path in files(name) for one in imports(path) if not one.startswith(".")}
    return needed - set(sys.stdlib_module_names)


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh process has loaded after running a program."""
    program = f"import sys; {code}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@every("name", ORDER)
def test_imports_point_up_the_list(name: str) -> None:
    allowed = {f".{above}" for above in ORDER[: ORDER.index(name) + 1]}
    own = {one for path in files(name) for one in imports(path) if one.startswith(".")}
    assert own <= allowed


def test_every_module_has_its_place() -> None:
    there = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert there == {*ORDER, "__init__"}


@every("path", [path for name in PURE for path in files(name)])
def test_the_pure_part_has_no_io_no_clock_and_no_await(path: Path) -> None:
    # An error of ours is also asyncio's InvalidStateError, for which its module imports asyncio.
    assert imports(path) & WAITING <= ({"asyncio"} if path.name == "errors.py" else set())
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, waits)]


def test_the_core_needs_its_four_packages_only() -> None:
    core = ORDER[: ORDER.index("emulator")]
    paths = {path for name in core for path in files(name)}
    paths -= {path for extra in ("redis", "postgres") for path in (PACKAGE / "stores").glob(f"{extra}*.py")}
    paths -= {PACKAGE / "api" / "schema.py"}  # loaded by pydantic's own call, and by our plugin for Litestar
    needed = {one for path in paths for one in imports(path) if not one.startswith(".")}
    # yarl is a part of aiohttp's own interface.
    assert needed - set(sys.stdlib_module_names) == {"aiohttp", "msgspec", "anyio", "backoff", "yarl"}


@pytest.mark.parametrize("name", ["archive", "emulator", "testing", "litestar", "otel", "cli", "__main__"])
def test_other_parts_need_little_more(name: str) -> None:
    assert outside(name) <= {"aiohttp", "msgspec", "anyio"} | EXTRAS.get(name, set())


def test_importing_the_package_alone_loads_next_to_nothing() -> None:
    loaded = loaded_by("import suno_async")
    assert {name for name in loaded if name.startswith("suno_async")} == {"suno_async", "suno_async.version"}
    assert loaded.isdisjoint({"aiohttp", "msgspec", "anyio", "backoff"})


@pytest.mark.parametrize("code", ["from suno_async import SunoClient", "from suno_async import *"])
def test_the_client_loads_the_core_only(code: str) -> None:
    later = {"suno_async.emulator", "suno_async.testing", "suno_async.files.downloads", "av", "numpy", "aiohttp.web"}
    later |= {"suno_async.api.player", "html", "suno_async.api.schema", "suno_async.litestar", "pydantic", "litestar"}
    later |= {"suno_async.otel", "opentelemetry", "suno_async.archive", "mutagen", "fsspec"}
    later |= {"suno_async.stores.sqlite", "suno_async.stores.redis", "suno_async.stores.postgres"}
    later |= {"sqlite3", "redis", "psycopg"}
    assert later.isdisjoint(loaded_by(code))


@pytest.mark.parametrize("code", ["import suno_async.stores", "from suno_async import stores"])
def test_stores_load_nothing_of_the_service_but_stages_and_rates(code: str) -> None:
    loaded = {name for name in loaded_by(code) if name.startswith("suno_async.")}
    rest = {
        name for name in loaded if name.partition(".")[2].split(".")[0] not in ("version", "errors", "log", "stores")
    }
    assert rest == {
        "suno_async.api",
        *(f"suno_async.api.{name}" for name in ("export", "limits", "representation", "updates")),
    }


DEFINE = "from suno_async import GenerateMusic, InvalidJob, Stage; job = GenerateMusic(prompt='x', model='V5')"
CHECK = f"{DEFINE}; from suno_async.api import validation; validation.check(job)"
MAKE = "from suno_async import SunoClient; suno = SunoClient(api_key='k')"
PREVIEW = f"{DEFINE}; {MAKE}; assert not suno.preview(job).problems"
FACE = set(ORDER[: ORDER.index("emulator")]) - {"runtime"}


@pytest.mark.parametrize(
    ("code", "parts", "beside"),
    [
        (DEFINE, {"version", "errors", "api"}, {"msgspec"}),
        (CHECK, {"version", "errors", "api"}, {"msgspec"}),
        (PREVIEW, FACE, {"msgspec", "anyio", "backoff"}),
    ],
    ids=["a job", "a job that is checked", "a client that checks it"],
)
def test_what_is_loaded_to_define_and_check_a_job(code: str, parts: set[str], beside: set[str]) -> None:
    """No network stack, and no parts of an event loop."""
    loaded = loaded_by(code)
    assert {name.split(".")[1] for name in loaded if name.startswith("suno_async.")} <= parts
    assert outside("") & loaded == beside | {"typing_extensions"}  # which msgspec loads
    assert loaded.isdisjoint({"yarl", "multidict", "suno_async.http.transport", "suno_async.http.sessions"})
    assert loaded.isdisjoint({"suno_async.tasks.poller", "suno_async.submissions.submitter"})


def test_the_first_use_in_an_event_loop_loads_the_network() -> None:
    loaded = loaded_by(f"{MAKE}; import asyncio; asyncio.run(suno.aclose())")
    assert {"aiohttp", "suno_async.http.transport", "suno_async.runtime"} <= loaded


def test_a_lazy_name_is_the_one_of_its_module() -> None:
    code = "import suno_async; from suno_async.client import SunoClient; assert suno_async.SunoClient is SunoClient"
    assert "suno_async.public" in loaded_by(code)


def test_a_sub_module_can_be_reached_without_an_import_of_its_own() -> None:
    assert "suno_async.emulator.service" in loaded_by("import suno_async; suno_async.emulator.Emulator")
