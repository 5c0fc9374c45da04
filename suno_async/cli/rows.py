"""The rows of a batch: a file of JSON lines or CSV to jobs, each with its idempotency key."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import typer

from ..api.requests import Job
from ..errors import InvalidJob, Problem
from ..submissions.codec import to_json
from ..submissions.keys import check_key
from .kinds import kind_named
from .values import request_of

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["Row", "check_rows", "rows_of"]

KIND, KEY = "request", "key"
"""Columns that are no fields: the command of the request, and an idempotency key of one's own."""
SHOWN = 10
"""Problems that are shown at most."""


class Row(NamedTuple):
    """One job of a batch."""

    number: int
    """Its line in the file, from 1; the heading of a CSV file counts."""
    job: Job[Any]
    key: str
    """Its idempotency key: the same for the same row, in each run."""
    digest: str
    """A checksum of its values."""


def rows_of(path: Path, request: str) -> list[Row]:
    """Return the rows of a file.

    Args:
        path: JSON lines, or CSV if its suffix is .csv.
        request: The request of rows that name none.

    Raises:
        typer.BadParameter: The file cannot be read, or a row has an unknown column or lacks one. Names the row.
    """
    try:
        given = list(_csv(path) if path.suffix.lower() == ".csv" else _json_lines(path))
    except OSError as exc:
        raise typer.BadParameter(f"{path}: {exc.strerror or exc}") from None
    except (UnicodeDecodeError, csv.Error) as exc:
        raise typer.BadParameter(f"{path} cannot be read: {exc}") from None
    seen: Counter[str] = Counter()
    rows: list[Row] = []
    problems: list[str] = []
    for number, values in given:
        try:
            rows.append(_row(number, values, request, seen))
        except typer.BadParameter as exc:
            problems.append(f"row {number}: {exc.message}")
    _refuse(problems)
    if twice := [key for key, count in Counter(row.key for row in rows).items() if count > 1]:
        raise typer.BadParameter(f"several rows have the key {twice[0]!r}")
    return rows


def check_rows(suno: "SunoClient", rows: list[Row]) -> None:
    """Refuse rows that would be refused before they are sent. typer.BadParameter names each."""
    _refuse([f"row {row.number}: {problem}" for row in rows for problem in (*_of_key(row), *suno.check(row.job))])


def _of_key(row: Row) -> Sequence[Problem]:
    try:
        check_key(type(row.job).__name__, row.key)
    except InvalidJob as exc:
        return exc.problems
    return ()


def _refuse(problems: list[str]) -> None:
    if problems:
        more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise typer.BadParameter("\n".join(["nothing was sent", *problems[:SHOWN], *more]))


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as exc:
            raise typer.BadParameter(f"{path}, row {number} must be a JSON object: {exc}") from None


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise typer.BadParameter(f"{path} has several columns {twice[0]!r}")
        for row in reader:
            if None in row or None in row.values():
                raise typer.BadParameter(f"{path}, row {reader.line_num} has more or fewer columns than the heading")
            if given := {name.strip(): text for name, text in row.items() if text.strip()}:
                yield reader.line_num, given


def _row(number: int, values: Mapping[str, Any], request: str, seen: Counter[str]) -> Row:
    fields = dict(values)
    kind = kind_named(str(fields.pop(KIND, None) or request))
    if not issubclass(kind, Job):
        raise typer.BadParameter(f"{kind.__name__} is answered at once: a batch takes requests that make tasks")
    key = fields.pop(KEY, None)
    job = cast("Job[Any]", request_of(kind, {name: value for name, value in fields.items() if value is not None}))
    digest = hashlib.sha256(f"{kind.__name__} {to_json(job)}".encode()).hexdigest()[:32]
    if key is not None and key != "":
        return Row(number, job, str(key), digest)
    seen[digest] += 1  # equal rows are several songs
    return Row(number, job, f"batch {digest} {seen[digest]}", digest)
