"""How requests are made and described: what is wrong with arguments is said with the class and the nearest field."""

import inspect
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from .descriptions import plain_type

__all__ = ["RequestType", "signature_of", "unknown_fields"]


if TYPE_CHECKING or hasattr(msgspec, "StructMeta"):

    class RequestType(msgspec.StructMeta):
        """The type of request classes."""

        if not TYPE_CHECKING:  # else type checkers would take every argument

            def __call__(self, *args: Any, **fields: Any) -> Any:
                """Make a request. TypeError with the class and the nearest field if the arguments do not suit."""
                try:
                    return super().__call__(*args, **fields)
                except TypeError as exc:
                    raise TypeError(_misfit(self, args, fields) or str(exc)) from None

            @property
            def __signature__(self) -> inspect.Signature:
                """The fields with the types that a caller thinks of, as `help` and editors show them."""
                return signature_of(self)

else:  # msgspec lets nobody derive from the type of its structs before 0.20, so it says itself what does not suit
    RequestType = type(msgspec.Struct)


def signature_of(kind: type[msgspec.Struct]) -> inspect.Signature:
    """Return the fields of a class with the types that a caller thinks of.

    Args:
        kind: The class.
    """
    types = {field.name: plain_type(field.type) for field in msgspec.structs.fields(kind)}
    descriptor: Any = type(msgspec.Struct).__dict__["__signature__"]  # that of msgspec, below ours
    itself: inspect.Signature = descriptor.__get__(kind)
    return itself.replace(parameters=[one.replace(annotation=types[name]) for name, one in itself.parameters.items()])


def unknown_fields(kind: type[msgspec.Struct], names: Iterable[str]) -> str:
    """Return a message about names that are no fields of a class; empty if all are.

    Args:
        kind: The class.
        names: The names.
    """
    fields = kind.__struct_fields__
    told = (f"{name!r}{_meant(name, fields)}" for name in names if name not in fields)
    listed = "; ".join(told)
    return f"{kind.__name__} has no field {listed}" if listed else ""


def _meant(name: str, fields: Collection[str]) -> str:
    squeezed = {field.replace("_", ""): field for field in fields}
    exact = squeezed.get(name.replace("_", "").lower())
    if exact:
        return f", did you mean {exact!r}?"
    import difflib  # only a mistake needs it

    near = difflib.get_close_matches(name, fields, 1)
    return f", did you mean {near[0]!r}?" if near else f", only {', '.join(fields) or 'none'}"


def _misfit(kind: type[msgspec.Struct], args: tuple[Any, ...], given: dict[str, Any]) -> str:
    """What is wrong with the names and number of arguments; empty if nothing is."""
    if unknown := unknown_fields(kind, given):
        return unknown
    fields = msgspec.structs.fields(kind)
    positional = int("source" in kind.__struct_fields__)
    if len(args) > positional:
        named = ("prompt", *getattr(kind, "required", ()), *kind.__struct_fields__[positional:])
        first = next((name for name in named if name in kind.__struct_fields__), "")
        taken = "one positional argument, source, and the other fields" if positional else "its fields"
        return f"{kind.__name__} takes {taken} by name: write {kind.__name__}({first}=…)" if first else ""
    absent = [field.name for field in fields if field.required and field.name not in given]
    return f"{kind.__name__} needs {', '.join(absent)}" if absent else ""
