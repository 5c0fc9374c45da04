"""What docs/telemetry.md says is true: its programs run, and its table has every field."""

import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from suno_async import RequestEvent

from .test_readme import emulated

DOCS = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_programs_run(program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(main: Coroutine[Any, Any, None]) -> None:
        emulated(main, "kie", monkeypatch)

    monkeypatch.setattr("asyncio.run", run)
    exec(compile(program, "docs/telemetry.md", "exec"), {})
    assert re.search(r"COMPLETE|GetCredits 1 200", capsys.readouterr().out)


def test_every_field_of_a_request_is_in_the_table() -> None:
    table = DOCS.partition("| `RequestEvent` |")[2].partition("\n\n")[0]
    fields = [
        name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(fields) == sorted(RequestEvent.__struct_fields__)
