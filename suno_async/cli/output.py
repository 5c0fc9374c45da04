"""What commands print on the standard output: lines for people, or a JSON document a line for scripts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import typer

if TYPE_CHECKING:
    from ..tasks.task import Task

__all__ = ["amount", "columns", "document", "lines_of", "task_data", "tell_result", "tell_task"]

MOST = 20
"""Entries of a list that are shown to people."""


def amount(number: float) -> str:
    """Return a number of credits as people write it: 12, 0.4, 1000000."""
    return f"{number:.10g}"


def document(data: Any) -> None:
    """Print plain data as one line of JSON."""
    import msgspec

    typer.echo(msgspec.json.encode(data).decode())


def task_data(task: "Task[Any]", saved: Sequence[str] = (), error: Exception | None = None) -> dict[str, Any]:
    """Return what is known of a task as plain data.

    Args:
        task: The task.
        saved: The files that were saved.
        error: What ended it, or the waiting for it.
    """
    from ..api.export import error_to_dict, plain_data

    result = task.last.result if task.stage and task.last.result is not None else None
    return {
        "task_id": task.id,
        "ref": task.ref,
        "kind": task.kind.__name__,
        "stage": task.stage.name,
        "credits": task.credits,
        "result": plain_data(result),
        "error": error_to_dict(error),
        "saved": list(saved),
    }


def tell_task(
    task: "Task[Any]", saved: Sequence[str] = (), *, as_json: bool = False, error: Exception | None = None
) -> None:
    """Print a task and what came of it.

    Args:
        task: The task.
        saved: The files that were saved, which are shown in the place of the result.
        as_json: Print a document.
    """
    if as_json:
        document(task_data(task, saved, error))
        return
    if saved:
        for path in saved:
            typer.echo(path)
        return
    credits = "" if task.credits is None else f", {amount(task.credits)} credits"
    typer.echo(f"{task.kind.__name__} {task.id}: {task.stage.name.lower()}{credits}")
    if task.stage and task.last.result is not None:
        tell_result(task.last.result)


def tell_result(result: Any, *, as_json: bool = False) -> None:
    """Print the result of a call.

    Args:
        result: The result.
        as_json: Print a document.
    """
    from ..api.export import plain_data

    data = plain_data(result)
    if as_json:
        document({"result": data})
    elif isinstance(data, float):
        typer.echo(amount(data))
    else:
        for line in lines_of(data):
            typer.echo(line)


def lines_of(data: Any, indent: str = "") -> Iterator[str]:
    """Yield plain data as lines of names and values, without what is not there.

    Args:
        data: The data.
        indent: Blanks before each line.
    """
    from ..log import shown

    if isinstance(data, Mapping):
        for name, value in cast("Mapping[str, Any]", data).items():
            if value is None or value in ("", [], {}):
                continue
            if isinstance(value, list | Mapping):
                yield f"{indent}{name}:"
                yield from lines_of(value, indent + "  ")
            elif isinstance(value, str) and "\n" in value:
                yield f"{indent}{name}:"
                yield from (f"{indent}  {shown(line, len(line) + 1)}" for line in value.splitlines())
            else:
                yield f"{indent}{name}: {shown(value, 2000)}"
    elif isinstance(data, list):
        several: list[Any] = cast(Any, data)
        for number, value in enumerate(several[:MOST]):
            if number and isinstance(value, Mapping):
                yield ""
            yield from lines_of(value, indent)
        if len(several) > MOST:
            yield f"{indent}… and {len(several) - MOST} more: --json has all"
    elif data is not None:
        yield f"{indent}{shown(data, 2000)}"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines whose columns stand below each other.

    Args:
        rows: Texts; the first row is the heading.
    """
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
