"""Every recipe of docs/asyncio.md runs as it stands, and prints what it promises."""

import ast
import builtins
import inspect
import re
import types
from pathlib import Path
from typing import Any

import pytest

from suno_async import SunoClient
from suno_async.emulator import Emulator, Fail, Fault

PAGE = (Path(__file__).parents[2] / "docs" / "asyncio.md").read_text()
IMPORTS, *RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PRINTED = [
    "Rain Sun",
    "{0} 2\n{1} 2",
    "2 Rain",
    "sung",
    "['GenerateLyrics'] ['PENDING']\n0 in a second, 1 later",
    "rain 2\nsun 2",
    "True 2\nTrue 2",
    "asyncio.timeout PENDING\nasyncio.wait_for PENDING\nanyio.fail_after PENDING\n2",
    "True False 2",
    "2",
]
FAILED = {1: "{0} failed\n{1} 2", 3: "failed: True"}
"""What is printed when the first job fails, of recipes that speak of that."""


async def printed(recipe: str, capsys: pytest.CaptureFixture[str], fault: Fault | None = None) -> tuple[str, list[str]]:
    """What a recipe prints, and the ids of the tasks that it made."""
    code = compile(IMPORTS + recipe, "asyncio.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with Emulator() as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
        emulator.script(None, [fault])
        names: dict[str, Any] = {"suno": suno, "__builtins__": builtins}
        assert code.co_flags & inspect.CO_COROUTINE
        await types.FunctionType(code, names)()
        return capsys.readouterr().out.strip(), list(emulator.runs)


@pytest.mark.parametrize("number", range(len(RECIPES)))
async def test_a_recipe_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    out, ids = await printed(RECIPES[number], capsys)
    assert sorted(out.split("\n")) == sorted(PRINTED[number].format(*ids).split("\n"))


@pytest.mark.parametrize("number", sorted(FAILED))
async def test_a_recipe_with_a_job_that_fails(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    out, ids = await printed(RECIPES[number], capsys, Fail())
    assert out == FAILED[number].format(*ids)


def test_every_recipe_is_run_and_every_row_leads_to_one() -> None:
    assert len(RECIPES) == len(PRINTED)
    rows = re.findall(r"^\|.*\]\(#(.*?)\) \|$", PAGE, re.MULTILINE)
    headings = [title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)]
    assert sorted(rows) == sorted(headings)
    for call in ("gather", "wait(", "as_completed", "asyncio.timeout", "wait_for", "fail_after", "TaskGroup"):
        assert any(call in recipe for recipe in RECIPES), call
