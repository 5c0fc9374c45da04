"""The client's methods: named, described and called as the request classes say."""

import inspect
import os
import pydoc
import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from suno_async import Music, SunoClient, Task, Track
from suno_async.api.descriptions import field_descriptions
from suno_async.api.requests import TABLE, Call, Job, MusicJob, Request
from suno_async.methods import calls, submits

from ..cases import every
from ..doubles import method_of


class Sing(MusicJob, frozen=True, kw_only=True):
    """Sing a text.

    In any language.

    Args:
        text: What to sing; a description that is so long that it does not fit into one line and so goes on in the
            next one.

    Source: https://docs.example/sing
    """

    path = "/sing-a-text"
    text: str
    loud: bool = False


class Ask(Call[float], frozen=True, kw_only=True):
    """Ask."""

    path = "/ask"
    result = float


class Recorder:
    """A client that notes what it is given."""

    def __init__(self) -> None:
        self.submitted: list[Job[Any]] = []
        self.ran: list[Request[Any]] = []

    async def submit(self, job: Job[Any], /) -> Any:
        self.submitted.append(job)
        return "task"

    async def run(self, request: Request[Any], /) -> Any:
        self.ran.append(request)
        return 1.5

    sing = submits(Sing)
    ask = calls(Ask)


async def test_a_method_submits_or_runs_its_request() -> None:
    client = Recorder()
    task: Any = await client.sing(text="la", loud=True)
    assert (task, client.submitted) == ("task", [Sing(text="la", loud=True)])
    assert (await client.ask(), client.ran) == (1.5, [Ask()])
    with pytest.raises(TypeError, match="txt"):
        await client.sing(txt="la")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("bound", [False, True], ids=["of the class", "of an instance"])
def test_a_method_is_named_after_its_place(bound: bool) -> None:
    method: Any = Recorder().sing if bound else Recorder.sing
    assert (method.__name__, method.__qualname__, method.__module__) == ("sing", "Recorder.sing", __name__)
    assert inspect.iscoroutinefunction(method)
    assert inspect.isroutine(vars(Recorder)["sing"])  # once it was used, it is an ordinary function


def test_a_signature_has_the_fields_with_plain_types_and_defaults() -> None:
    assert str(inspect.signature(Recorder.ask)) == "(self, /) -> float"
    signature = inspect.signature(SunoClient.extend_music)
    shown = signature.parameters
    assert list(shown)[:2] == ["self", "source"]
    assert shown["source"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert shown["source"].annotation == Track | None
    assert {one.kind for name, one in shown.items() if name not in ("self", "source")} == {
        inspect.Parameter.KEYWORD_ONLY
    }
    assert shown["style_weight"].annotation == float | None
    assert shown["vocal_gender"].annotation == Literal["m", "f"] | None
    assert shown["style_weight"].default is None
    assert signature.return_annotation == Task[Music]
    uploaded = inspect.signature(SunoClient.upload_cover).parameters
    assert uploaded["upload_url"].annotation == str | os.PathLike[str]
    assert uploaded["upload_url"].default is inspect.Parameter.empty
    assert uploaded["instrumental"].default is False


def test_annotations_agree_with_the_signature() -> None:
    method = SunoClient.extend_music
    assert method.__annotations__["return"] == Task[Music]
    assert method.__annotations__["source"] == Track | None


def test_help_shows_fields_defaults_and_their_docs() -> None:
    text = pydoc.plain(pydoc.render_doc(SunoClient.generate_music))
    assert re.search(r"async generate_music\(\s*self,\s*/,\s*\*,\s", text)  # one line each from Python 3.13 on
    assert "style_weight: Optional[float] = None" in text or "style_weight: float | None = None" in text
    assert "lyrics: The exact text to sing, at most 5000 characters (3000 with V4)." in text
    assert "Meta(" not in text
    for section in ("Args:", "Returns:", "Raises:", "Source: https://"):
        assert f"\n    {section}" in text


def test_documentation_is_put_together_from_the_class() -> None:
    assert (
        inspect.getdoc(Recorder.sing)
        == """\
Sing a text.

In any language.

Args:
    text: What to sing; a description that is so long that it does not fit into one line and so goes on in the next
        one.
    loud:

Returns:
    The task, once the service has accepted the job. Await it for its result, a `Music`.

Raises:
    InvalidJob: If a field is wrong; nothing was sent.
    StoreError: If the store could not be written; nothing was sent.
    ApiError: If the service refused the job; its subclasses name the reason.
    ConnectError: If there was no connection; nothing was sent.
    SubmissionUncertain: If the answer was lost; the task may be running.

Source: https://docs.example/sing"""
    )


@every("kind", TABLE)
def test_every_endpoint_has_its_method_with_all_fields(kind: type[Request[Any]]) -> None:
    method = getattr(SunoClient, method_of(kind))
    names = set(inspect.signature(method).parameters) - {"self"}
    assert names == set(kind.__struct_fields__)
    assert method.__doc__.startswith((kind.__doc__ or "").split("\n")[0])
    assert set(entries(method.__doc__)) == names


def entries(doc: str) -> Iterator[str]:
    """The names in the section `Args:`."""
    _, _, section = doc.partition("\nArgs:\n")
    for line in section.split("\n\n")[0].split("\n"):
        if line[4:5] not in ("", " "):
            yield line.split(":")[0].strip()


@every("kind", TABLE)
def test_every_field_of_a_built_in_request_is_described(kind: type[Request[Any]]) -> None:
    described = field_descriptions(kind)
    assert [name for name in kind.__struct_fields__ if not described[name].endswith(".")] == []


def test_a_description_names_no_field_that_is_not_there() -> None:
    """A field that was renamed leaves no line behind."""
    for kind in TABLE:
        for name in entries("\n" + inspect.cleandoc(kind.__doc__ or "")):
            assert name in kind.__struct_fields__, (kind, name)
