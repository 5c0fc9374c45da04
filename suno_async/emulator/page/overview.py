"""What the page shows, as JSON: no key, no token of a callback address, no request as it came."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import urlsplit

from msgspec import Struct

from ...api.updates import Stage
from ...wire import tokens
from ..callback_sender import Posted
from ..families.base import linked_file
from ..media import TYPES
from ..runs import Run

__all__ = ["Callback", "File", "Group", "Overview", "Task", "address", "callback", "task"]

LONGEST = 80
"""Characters of a title."""


class File(Struct):
    """One file of a result."""

    name: str
    """The field of the result that links to it."""
    path: str
    """Its address on the emulator."""
    type: str
    """audio, image, video or other."""


class Group(Struct):
    """The files of one part of a result, as of a track."""

    title: str
    files: list[File]


class Callback(Struct):
    """One callback that was posted."""

    stage: str
    address: str
    answers: list[int]
    """The HTTP status of each attempt; 0 for none."""
    repeats: list[int]
    """The same of those that were repeated from the page."""


class Task(Struct):
    """One task."""

    id: str
    kind: str
    title: str
    model: str
    api: str
    stage: str
    ended: bool
    created: int
    """When it was accepted, in milliseconds since 1970."""
    cost: float
    fault: str
    groups: list[Group]
    callbacks: list[Callback]


class Overview(Struct):
    """Everything that the page shows."""

    provider: str
    speed: float
    credits: float
    total: int
    """How many tasks there are; `tasks` has the newest of them, newest first."""
    tasks: list[Task]


def task(run: Run, now: float, callbacks: Sequence[Callback]) -> Task:
    """What is shown of a task."""
    stage, files = run.state(now)
    return Task(
        id=run.id,
        kind=run.kind.__name__,
        title=_title(run),
        model=str(run.params.get("model") or ""),
        api="jobs API" if run.asked.jobs_api else "legacy API",
        stage=stage.name,
        ended=stage >= Stage.COMPLETE,
        created=run.created,
        cost=run.cost,
        fault=repr(run.fault) if run.fault else "",
        groups=_each_once(_groups(run.family.response(run, stage, files))),
        callbacks=[*callbacks],
    )


def callback(posted: Posted, repeats: Sequence[int]) -> Callback:
    """What is shown of a callback."""
    return Callback(posted.stage.name, address(posted.url), [*posted.statuses], [*repeats])


def address(url: str) -> str:
    """A callback address without what may be secret: its query, a token in its path, a user's name and password."""
    parts = urlsplit(url)
    path = parts.path
    for token in tokens.found_in(path):
        path = path.replace(token, "<token>")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def _title(run: Run) -> str:
    """The given title, or else the text that it is made from, or else the title of what it starts from."""
    given = (run.params.get(name) for name in ("title", "lyrics", "prompt", "style", "content", "name"))
    text = next((str(one) for one in given if one), "")
    if not text and run.source is not None:
        return f"of {_title(run.source)}"[:LONGEST]
    return " ".join(text.split())[:LONGEST]


def _groups(result: Any, title: str = "") -> Iterator[Group]:
    """The links in a result, those of one object together."""
    if isinstance(result, list):
        for one in cast("Iterable[Any]", result):
            yield from _groups(one, title)
    elif isinstance(result, dict):
        held = cast("Mapping[str, Any]", result)
        title = str(held.get("title") or held.get("stem_type_group_name") or title)
        if files := _without_streams([*_files(held)]):
            yield Group(title[:LONGEST], files)
        for one in held.values():
            yield from _groups(one, title)


def _each_once(groups: Iterable[Group]) -> list[Group]:
    """The groups without files that an earlier one has: stems are listed in two ways."""
    found: list[Group] = []
    seen: set[str] = set()
    for group in groups:
        files = [file for file in group.files if file.path not in seen]
        seen |= {file.path for file in files}
        if files:
            found.append(Group(group.title, files))
    return found


def _files(held: Mapping[str, Any]) -> Iterator[File]:
    """The files of the emulator that the fields of an object link to."""
    for name, value in held.items():
        for url in cast("Iterable[Any]", value if isinstance(value, list) else [value]):
            if isinstance(url, str) and linked_file(url):
                yield File(name, urlsplit(url).path, _type(url))


def _without_streams(files: Sequence[File]) -> list[File]:
    """The files without those streams that are there as a whole file, too."""
    audio = (PurePosixPath(file.path) for file in files if file.type == "audio")
    whole = {str(path.with_suffix("")) for path in audio if path.suffix}
    return [file for file in files if file.path not in whole]


def _type(url: str) -> str:
    suffix = PurePosixPath(urlsplit(url).path).suffix
    kind = TYPES.get(suffix or ".mp3", "").partition("/")[0]  # the URLs of streams have no suffix
    return kind if kind in ("audio", "image", "video") and suffix != ".mid" else "other"
