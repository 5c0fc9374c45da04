"""What docs/network.md says is true: its programs run, its table has every option."""

import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from suno_async import SunoClient
from suno_async.http.network import Network

from .test_readme import emulated

DOCS = (Path(__file__).parents[2] / "docs" / "network.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_programs_run(program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(main: Coroutine[Any, Any, None]) -> None:
        emulated(main, "kie", monkeypatch)

    monkeypatch.setattr("asyncio.run", run)
    exec(compile(program, "docs/network.md", "exec"), {})
    assert float(capsys.readouterr().out) in (1000, 7)


def test_every_option_is_in_the_table_and_its_variable_in_the_docstring() -> None:
    rows = re.findall(r"^\| (`\w+=`.*)$", DOCS.partition("## Proxies")[0], re.MULTILINE)
    options = {name for row in rows for name in re.findall(r"`(\w+)=`", row.partition("|")[0])}
    assert options == {*Network._fields, "max_retries", "transport"} - {"paid_through_session"}
    for variable in re.findall(r"`(SUNO_\w+)`", "\n".join(rows)):
        assert variable in (SunoClient.__doc__ or "")
