"""What went wrong, as one line with what to do next, and as an exit code."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, cast

import typer

__all__ = ["advice", "explained", "failed", "wrong_fields"]

USAGE = 2


@contextmanager
def explained(*, as_json: bool = False) -> Generator[None]:
    """End the command with 2 for a request that cannot be sent, and with 1 for what fails otherwise.

    That is every error of ours, and what the system refuses, as on a full disk.

    Args:
        as_json: Print the error as a document on the standard output, too.
    """
    from ..errors import InvalidJob, SunoError

    try:
        yield
    except (SunoError, OSError, ExceptionGroup) as exc:
        ours = _ours(cast(Exception, exc))
        if ours is None:
            raise
        if isinstance(ours, BrokenPipeError):
            raise ours from None  # typer ends it without a word
        failed(ours, as_json=as_json)
        raise typer.Exit(USAGE if isinstance(ours, InvalidJob) else 1) from None


def _ours(exc: Exception) -> Exception | None:
    """The error itself, or the first of a task group; None if something else than our errors is in it."""
    from ..errors import SunoError

    if not isinstance(exc, ExceptionGroup):
        return exc if isinstance(exc, SunoError | OSError) else None
    inside: tuple[Exception, ...] = cast(Any, exc).exceptions
    found = [_ours(one) for one in inside]
    return found[0] if all(found) else None


def failed(exc: Exception, *, as_json: bool = False) -> None:
    """Print an error, and what to do next, on the standard error output.

    Args:
        exc: The error.
        as_json: Print it as a document on the standard output, too.
    """
    from ..api.export import error_to_dict
    from ..errors import InvalidJob

    if as_json:
        from .output import document

        with suppress(OSError):  # maybe that is what failed
            document({"error": {**(error_to_dict(exc) or {}), "message": str(exc)}})
    lines = [f"Error: {one}" for one in wrong_fields(exc)] if isinstance(exc, InvalidJob) else [f"Error: {exc}"]
    if hint := advice(exc):
        lines.append(hint)
    _flush()
    for line in lines:
        typer.echo(line, err=True)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:  # as on a full disk: what cannot be written is not tried again at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def wrong_fields(exc: Exception) -> list[str]:
    """Return what is wrong with a request, a line for each problem, with options in the place of fields.

    Args:
        exc: An `InvalidJob`.
    """
    told: list[str] = []
    for problem in getattr(exc, "problems", ()):
        names = ", ".join("--" + name.replace("_", "-") for name in problem.field.split(", "))
        told.append(str(problem).replace(problem.field, names, 1))
    return told


def advice(exc: Exception) -> str:
    """Return what to do next; empty if the message says it all.

    Args:
        exc: The error.
    """
    from .. import errors as all_of

    match exc:
        case all_of.SubmissionUncertain(ref=ref) if ref:
            return f"Look at the account's page, then: suno-async uncertain adopt {ref} TASK_ID, or … dismiss {ref}"
        case all_of.TaskTimeout(task_id=id):
            return f"Go on waiting: suno-async wait {id}"
        case all_of.AlreadyExists(existing_task_id=str(id)) if id:
            return f"It was made by task {id}: suno-async wait {id}"
        case all_of.InsufficientCredits():
            return "Top up the account. suno-async credits shows the balance."
        case all_of.RateLimited() | all_of.Maintenance():
            return "Nothing was created and nothing paid: try again later."
        case all_of.TaskFailed(refunded=True):
            return "Its credits were given back."
        case all_of.ConfigurationError() if "SUNO_API_KEY" in str(exc):
            return "Without a key, suno-async emulator runs the service on this machine."
        case all_of.ConnectError():
            return "suno-async doctor says what works and what does not."
        case _:
            return ""
