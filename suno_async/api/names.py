"""How the service spells the names of fields: camelCase by rule, and the odd ones as the class states them.

The structs themselves have our names, for `msgspec.convert`, `msgspec.to_builtins` and everybody else; `wire` alone
applies these.
"""

from collections.abc import Mapping
from functools import cache

import msgspec
from msgspec import Struct

__all__ = ["wire_names"]


@cache
def wire_names(kind: type[Struct]) -> Mapping[str, str]:
    """Return the service's name of each field, by ours.

    A name that `rename=` or `name=` gives to a field counts first, then `wire_names` of the class, then the rule.

    Args:
        kind: A class of requests.
    """
    odd: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        odd |= vars(base).get("wire_names", {})
    return {
        field.name: field.encode_name if field.encode_name != field.name else odd.get(field.name) or _camel(field.name)
        for field in msgspec.structs.fields(kind)
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
