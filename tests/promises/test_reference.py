"""The generated pages of the site are whole: every endpoint, every field, every public name."""

import ast
from pathlib import Path
from typing import Any

import pytest

import suno_async
from docs import endpoints, reference
from suno_async.api.requests import TABLE, Request

from ..cases import every
from ..doubles import method_of


def test_every_public_name_has_a_place() -> None:
    """A name that is missing belongs into a list of docs/reference.py."""
    package: Any = suno_async
    public = {*package.__all__} - {"__version__"}
    assert public - {kind.__name__ for kind in TABLE} - reference.placed() == set()


@every("kind", TABLE)
def test_the_page_of_an_endpoint_is_whole(kind: type[Request[object]]) -> None:
    page = endpoints.pages()[f"endpoints/{method_of(kind)}.md"]
    assert (kind.__doc__ or "").splitlines()[0] in page
    assert kind.path in page
    for field in kind.__struct_fields__:
        assert f"| `{field}` | " in page
    for word in getattr(kind, "statuses", ()):
        assert f"{word}" in page


def test_the_overview_leads_to_every_page() -> None:
    overview = endpoints.pages()["endpoints/index.md"]
    for kind in TABLE:
        name = method_of(kind)
        assert f"[`{name}`]({name}.md)" in overview


@pytest.mark.parametrize("kind", TABLE)
def test_the_calls_on_the_page_of_an_endpoint_can_be_sent(
    kind: type[Request[object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By ids they pass the checks before sending; what is written with an earlier result has the same other fields."""
    monkeypatch.chdir(tmp_path)
    Path("song.mp3").write_bytes(b"ID3")
    page = endpoints.pages()[f"endpoints/{method_of(kind)}.md"]
    code = page.partition("```python\n")[2].partition("```")[0]
    calls = [
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and "suno." in ast.unparse(node.func)
    ]
    assert calls
    for call in calls:
        assert ast.unparse(call.func) == f"suno.{method_of(kind)}"
        given = {str(one.arg): eval(ast.unparse(one.value), {"Path": Path}) for one in call.keywords}
        assert set(given) <= set(kind.__struct_fields__)
        if not call.args:
            suno = suno_async.SunoClient(api_key="key", provider="kie", model="V6")
            assert suno.check(kind(**given)) == []
