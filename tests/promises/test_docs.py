"""Every program of the README and of docs/ runs, and prints what the page says."""

import ast
import asyncio
import builtins
import inspect
import logging
import math
import re
import types
from collections.abc import Coroutine, Generator
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

import suno_async
import suno_async.emulator
from suno_async.emulator import Emulator

from .test_readme import PAGES, emulated, jumping

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?: *<!-- (not run|server|fault)(?:: ([^>]*?))? -->\n)?"
    r"^( *)```python\n(.*?)^ *```$"
    r"(?:\n+ *```output\n(.*?)^ *```$)?",
    re.DOTALL | re.MULTILINE,
)
ELSEWHERE = ("asyncio.md", "network.md", "telemetry.md")
"""Pages whose programs run in tests of their own."""
MARKS = re.compile(r"<!-- (not run|server|fault)")


class Program(NamedTuple):
    """A program of a page: how it is run, and what it prints according to the page."""

    page: str
    mark: str
    value: str
    code: str
    prints: str | None

    @property
    def whole(self) -> bool:
        return "asyncio.run(" in self.code


def programs_of(page: Path) -> list[Program]:
    return [
        Program(page.name, mark, value, dedent(indent + code) if indent else code, prints or None)
        for mark, value, indent, code, prints in BLOCK.findall(page.read_text("utf-8"))
    ]


FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = [program for page in FILES if page.name not in ELSEWHERE for program in programs_of(page)]
AT_EACH_GATEWAY = {page.name for page in PAGES}
WHOLE = [one for one in PROGRAMS if one.whole and not one.mark and one.page not in AT_EACH_GATEWAY]
RECIPES = [one for one in PROGRAMS if not one.whole and one.mark in ("", "fault") and "FastAPI(" not in one.code]
SERVERS = [one for one in PROGRAMS if one.mark == "server" or (not one.mark and "FastAPI(" in one.code)]


def numbered(programs: list[Program]) -> list[Any]:
    return [pytest.param(one, id=f"{one.page}-{number}") for number, one in enumerate(programs)]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """In a folder and with logging of its own: Litestar sets the level and handlers of all loggers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUNO_PROVIDER", "kie")
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def check(program: Program, printed: str) -> None:
    if program.prints is not None:
        assert printed.strip() == program.prints.strip()


@pytest.mark.parametrize("program", numbered(RECIPES))
def test_a_recipe_runs(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a coroutine, with a client and all public names, as the quickstart says."""
    code = compile(program.code, program.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main() -> None:
        async with Emulator(media_seconds=1) as emulator:
            monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
            monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
            if program.mark == "fault":
                emulator.script(None, [eval(program.value, {**vars(suno_async.emulator)})])
            async with suno_async.SunoClient() as suno:
                package: Any = suno_async
                public = {name: getattr(package, name) for name in package.__all__}
                names = public | {"suno": suno, "asyncio": asyncio, "anyio": anyio, "__builtins__": builtins}
                made = types.FunctionType(code, names)()
                if code.co_flags & inspect.CO_COROUTINE:
                    await made

    jumping(main(), monkeypatch)
    check(program, capsys.readouterr().out)


@pytest.mark.parametrize("program", numbered(WHOLE))
def test_a_program_runs(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Emulator(speed=math.inf, rate_limits=False)) as emulator,
        monkeypatch.context() as patched,
    ):

        def run(main: Coroutine[Any, Any, Any]) -> Any:
            return emulated(main, "kie", patched) if "run(main())" in program.code else jumping(main, patched)

        patched.setattr(asyncio, "run", run)
        patched.setenv("SUNO_API_KEY", emulator.api_key)
        patched.setenv("SUNO_BASE_URL", emulator.url)
        exec(compile(program.code, program.page, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert printed
    check(program, printed)


@pytest.mark.parametrize("program", numbered(SERVERS))
def test_a_server_is_made(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole applications of these frameworks are in tests/frameworks."""
    monkeypatch.setenv("SUNO_API_KEY", "key")
    names: dict[str, Any] = {"__name__": "server"}
    exec(compile(program.code, program.page, "exec"), names)
    assert "app" in names or "callback" in names


def test_what_is_not_run_is_python_all_the_same() -> None:
    for one in PROGRAMS:
        if one.mark == "not run":
            assert one.value, f"{one.page}: say why it is not run"
            compile(one.code, one.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_program_is_run_or_says_why_not() -> None:
    """No block escapes: each is counted once, and each mark stands before a block."""
    for page in FILES:
        text = page.read_text("utf-8")
        assert len(programs_of(page)) == len(re.findall(r"^ *```python$", text, re.MULTILINE)), page.name
        outside = re.sub(r"`[^`\n]+`", "", text)
        assert sum(1 for one in programs_of(page) if one.mark) == len(MARKS.findall(outside)), page.name
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        hidden = [
            code
            for kind, code in blocks
            if kind in ("", "text") and re.search(r"\bawait |\basync (?:def|with|for) ", code)
        ]
        assert hidden == [], f"{page.name} has a program that is not marked as Python"
    marked = [one for one in PROGRAMS if one.mark == "not run"]
    at_each = [one for one in PROGRAMS if one.whole and not one.mark and one.page in AT_EACH_GATEWAY]
    assert len(RECIPES) + len(WHOLE) + len(SERVERS) + len(marked) + len(at_each) == len(PROGRAMS)
    assert len(RECIPES) > 25
