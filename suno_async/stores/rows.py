"""Records as rows of a table, for the stores that keep them so."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ..log import log
from .base import NOT_A_RECORD, Damaged
from .record import Record

__all__ = ["FIELDS", "readable", "record_of", "row_of"]

FIELDS = Record.__struct_fields__
"""The columns of a row, in order."""
_CONTEXT = FIELDS.index("context")


def row_of(record: Record) -> list[Any]:
    """Return the values of a record; its context as JSON."""
    row = list(msgspec.structs.astuple(record))
    row[_CONTEXT] = msgspec.json.encode(record.context).decode()
    return row


def record_of(row: Sequence[Any]) -> Record:
    """Return the record of a row.

    Raises:
        Damaged: If it is none.
    """
    values = dict(zip(FIELDS, row, strict=True))
    try:
        values["context"] = msgspec.json.decode(values["context"])
        return msgspec.convert(values, Record, strict=False)
    except NOT_A_RECORD as exc:
        raise Damaged(f"record {values['ref']!r} is damaged: {exc}") from exc


def readable(row: Sequence[Any]) -> Record | None:
    """Return a record among others; None if it is damaged, which must not hide them."""
    try:
        return record_of(row)
    except Damaged as exc:
        log.error("%s", exc)
        return None
