"""The generated pages of the site are whole: every endpoint, every field, every public name."""

import pytest

import suno_async
import suno_async.emulator
import suno_async.stores
import suno_async.testing
from docs import endpoints, reference
from suno_async.api.requests import TABLE, Request

from ..doubles import method_of

MODULES = (suno_async, suno_async.stores, suno_async.emulator, suno_async.testing)


def test_every_public_name_has_a_place() -> None:
    listed = {name for _, _, names in reference.REFERENCE.values() for name in names.split()} | {"job_of"}
    public = {name for module in MODULES for name in module.__all__} - {"__version__"}
    assert listed == public - {kind.__name__ for kind in TABLE}


@pytest.mark.parametrize("kind", TABLE)
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
