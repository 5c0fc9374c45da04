"""A command for each request, made from its class: its fields are options, and its docstring is the help."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast, get_args

import typer

from ..api.descriptions import field_descriptions, summary
from ..api.fields import takes_files
from ..api.models import Model
from ..api.requests import Job, Request
from ..api.results import Result
from .task_options import SAVE
from .values import choices, field_types, fields_in_file, given_text, has_many, request_of, value_type

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["COMMON", "command_of"]

COMMON: dict[str, Any] = {
    "wait": Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result, or print the task's id.")],
    "save": Annotated[str | None, SAVE],
    "key": Annotated[
        str,
        typer.Option("--key", metavar="TEXT", help="Idempotency key: used twice, it is paid once.", show_default=False),
    ],
    "param": Annotated[
        list[str] | None,
        typer.Option("--param", metavar="@FILE", help="JSON file with fields; options come before it."),
    ],
    "dry_run": Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, what is wrong with it and what it costs.")
    ],
    "json": Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")],
}
"""Options of all requests; their defaults are those of `Chosen`."""


class Chosen(NamedTuple):
    """The values of the options that are no fields, with their defaults."""

    wait: bool = True
    save: str | None = None
    key: str = ""
    param: list[str] | None = None
    dry_run: bool = False
    json: bool = False
    quiet: bool = False
    last: bool = False
    take: int = 1


ABOUT_A_RESULT: dict[str, Any] = {
    "last": Annotated[bool, typer.Option("--last", help="Take the last task of the store as its source.")],
    "take": Annotated[int, typer.Option("--take", min=1, help="With --last: which track of it.")],
}
"""More options of requests that start from an earlier result."""


def command_of(kind: type[Request[Any]]) -> Callable[..., None]:
    """Return the function of the command of a request.

    Args:
        kind: The class.
    """
    common = COMMON | (ABOUT_A_RESULT if "source" in kind.__struct_fields__ else {})
    described = field_descriptions(kind)
    options = {f"field_{name}": _option(name, type, described[name]) for name, type in field_types(kind).items()}

    def call(**given: Any) -> None:
        chosen = Chosen(**{name: given[name] for name in common})
        fields = {name: given[f"field_{name}"] for name in field_types(kind)}
        _called(kind, {name: value for name, value in fields.items() if value not in (None, [])}, chosen)

    named = options | common
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # functions may have one; the stubs do not say so
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=Chosen._field_defaults.get(name),
                annotation=of,
            )
            for name, of in named.items()
        ]
    )
    call.__annotations__ = dict(named)
    call.__doc__ = "\n\n".join(part for part in summary(kind) if part)
    return call


def _option(name: str, kind: Any, description: str) -> Any:
    option = "--" + name.replace("_", "-")
    only = choices(kind)
    if value_type(kind) is bool:
        return Annotated[bool | None, typer.Option(f"{option}/--no-{option[2:]}", help=description)]
    metavar = "|".join(only) if 0 < len(only) <= 5 else _metavar(kind)
    proposed = list(only) or ([str(model) for model in Model] if name == "model" else [])
    if has_many(kind):
        help = f"{description} May be given several times.".strip()
        return Annotated[list[str] | None, typer.Option(option, help=help, metavar=metavar)]
    if proposed:
        return Annotated[
            str | None,
            typer.Option(option, help=description, metavar=metavar, autocompletion=_completion(proposed)),
        ]
    return Annotated[value_type(kind) | None, typer.Option(option, help=description, metavar=metavar)]


def _metavar(kind: Any) -> str:
    if takes_files(kind) or kind is Any:
        return "FILE"
    return {int: "NUMBER", float: "NUMBER"}.get(value_type(kind), "TEXT")


def _completion(proposed: list[str]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [one for one in proposed if one.startswith(incomplete)]

    return complete


def _called(kind: type[Request[Any]], fields: dict[str, Any], chosen: Chosen) -> None:
    """What the command does."""
    from .running import run

    values: dict[str, Any] = {}
    for file in chosen.param or ():
        values |= fields_in_file(file)
    values |= given_text(fields)
    request = None if chosen.last else request_of(kind, values)
    sending = _previewed if chosen.dry_run else _sent
    run(partial(sending, kind, request, values, chosen), as_json=chosen.json, key_needed=not chosen.dry_run)


async def _with_source(suno: "SunoClient", kind: type[Request[Any]], values: dict[str, Any], take: int) -> Request[Any]:
    """The request about the last task of the store."""
    from msgspec.structs import replace

    from .records import last_record, restored

    record = await last_record(suno)
    task = restored(suno, record)
    source = _part(kind, task.last.result if task.done() and task.exception() is None else None, take)
    if source is None:
        wanted = " or ".join(one.__name__ for one in _sources(kind))
        hint = "" if task.done() else f"; it has not ended: suno-async wait {task.id}"
        raise typer.BadParameter(
            f"{kind.__name__} starts from a {wanted}, and the last task is {task.kind.__name__} {task.id} "
            f"({task.stage.name.lower()}{f', take {take}' if take > 1 else ''}){hint}",
            param_hint="--last",
        )
    request = request_of(kind, values | {name: getattr(source, own) for name, own in kind.from_source.items()})
    return replace(request, source=source)


def _sources(kind: type[Request[Any]]) -> tuple[type[Result], ...]:
    import msgspec

    of = next(field.type for field in msgspec.structs.fields(kind) if field.name == "source")
    return tuple(one for one in get_args(of) if isinstance(one, type) and issubclass(one, Result))


def _part(kind: type[Request[Any]], result: Any, take: int) -> Any:
    """The result that a request starts from, or the track of it; None if it is another."""
    wanted = _sources(kind)
    if isinstance(result, wanted):
        return result
    tracks: tuple[Any, ...] = getattr(result, "tracks", ())
    found = tracks[take - 1] if take <= len(tracks) else None
    return found if isinstance(found, wanted) else None


async def _previewed(
    kind: type[Request[Any]],
    request: Request[Any] | None,
    values: dict[str, Any],
    chosen: Chosen,
    suno: "SunoClient",
) -> None:
    from .output import document

    request = request or await _with_source(suno, kind, values, chosen.take)
    shown = suno.with_options(key=chosen.key).preview(request)
    if chosen.json:
        problems = [str(one) for one in shown.problems]
        document(
            {
                "method": shown.method,
                "url": shown.url,
                "body": shown.body,
                "credits": shown.credits,
                "problems": problems,
            }
        )
    else:
        typer.echo(repr(shown))
    if shown.problems:
        raise typer.Exit(2)


async def _sent(
    kind: type[Request[Any]],
    request: Request[Any] | None,
    values: dict[str, Any],
    chosen: Chosen,
    suno: "SunoClient",
) -> None:
    from ..errors import SunoError
    from ..submissions.calls import answered_at_once
    from .following import archive_at, follow, tell_failure
    from .output import tell_result, tell_task
    from .progress import display

    request = request or await _with_source(suno, kind, values, chosen.take)
    if answered_at_once(request, suno.provider):
        result = await suno.run(request, key=chosen.key)
        tell_result(result, as_json=chosen.json)
        return
    archive = archive_at(suno, chosen.save)
    task = await suno.submit(cast("Job[Any]", request), key=chosen.key)  # the jobs API makes tasks of calls
    if not chosen.wait:
        if chosen.json:
            tell_task(task, as_json=True)
        else:
            typer.echo(task.id)
        return
    try:
        async with display(quiet=chosen.quiet) as shown:
            saved = await follow(suno, task, archive, shown)
    except SunoError as exc:
        await tell_failure(suno, task, archive, exc, as_json=chosen.json)
        raise typer.Exit(1) from None
    tell_task(task, saved, as_json=chosen.json)
