"""What a field must be, in words, from its type."""

from typing import Any, cast

from msgspec import inspect

__all__ = ["said", "wanted"]


def wanted(kind: Any) -> str:
    """What a field must be, in words, from its type."""
    if words := said(kind).get("is"):
        return str(words)
    match _bare(inspect.type_info(kind)):
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.StrType(min_length=1, max_length=None):
            return "text, not empty"
        case inspect.StrType(min_length=least, max_length=most):
            return f"text{_between(least, most, ' characters')}"
        case inspect.IntType(ge=least, le=most):
            return f"a whole number{_between(least, most)}"
        case inspect.FloatType(gt=floor) if floor is not None:
            return f"a number greater than {floor:g}"
        case inspect.FloatType(ge=least, le=most):
            return f"a number{_between(least, most)}"
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return f"a list{_between(least, most, ' entries')}, each {said(item).get('is', 'text')}"
        case inspect.StructType(cls=result):
            return f"a {result.__name__}"
        case inspect.BoolType():
            return "True or False"
        case other:
            return f"a {type(other).__name__}"


def _between(least: float | None, most: float | None, of: str = "") -> str:
    match least, most:
        case None | 0, None:
            return ""
        case _, None:
            return f" of at least {least:g}{of}"
        case None, _:
            return f" of at most {most:g}{of}"
        case _:
            return f" of {least:g}{of}" if least == most else f" from {least:g} to {most:g}{of}"


def _bare(described: inspect.Type) -> inspect.Type:
    """The one type inside `X | None` and `Annotated`."""
    if isinstance(described, inspect.UnionType):
        described = next(t for t in described.types if not isinstance(t, inspect.NoneType))
    return described.type if isinstance(described, inspect.Metadata) else described


def said(kind: Any) -> dict[str, Any]:
    """The `extra` words of an `Annotated` type."""
    described = kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)
    found = described.types if isinstance(described, inspect.UnionType) else (described,)
    extras = cast("list[dict[str, Any] | None]", [t.extra for t in found if isinstance(t, inspect.Metadata)])
    for extra in extras:
        if extra:
            return extra
    return {}
