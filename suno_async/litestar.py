"""Results, updates and outcomes in Litestar: `Litestar(…, plugins=[SunoPlugin()])`.

Requests need no plugin: Litestar reads them by our names and refuses unknown ones.
"""

from collections.abc import Generator
from typing import Any

from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.plugins import SerializationPlugin
from litestar.typing import FieldDefinition

from .api.export import Exported, plain_data
from .api.requests import Request
from .api.schema import plain_type

__all__ = ["SunoPlugin"]


class _AsPlainData(AbstractDTO[Any]):
    """Writes what `to_dict` gives, and describes that to OpenAPI."""

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Nothing is to be made for a route."""

    @classmethod
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:
        return True

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        return False

    @classmethod
    def create_openapi_schema(cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any) -> Any:
        form = FieldDefinition.from_annotation(plain_type(field_definition.annotation))
        return schema_creator.for_field_definition(form)

    def data_to_encodable_type(self, data: Any) -> Any:
        return plain_data(data)


class SunoPlugin(SerializationPlugin):
    """Makes Litestar write results, `Update` and `Outcome` by our names, without bodies and tokens.

    Without it Litestar writes structs itself, by the service's names and numbers for stages; it cannot write errors.
    """

    def supports_type(self, field_definition: FieldDefinition) -> bool:
        """Return whether a type is one of ours that answers are made of.

        Args:
            field_definition: The type.
        """
        kind: Any = field_definition.origin or field_definition.annotation
        return isinstance(kind, type) and issubclass(kind, Exported) and not issubclass(kind, Request)

    def create_dto_for_type(self, field_definition: FieldDefinition) -> type[AbstractDTO[Any]]:
        """Return what writes a type.

        Args:
            field_definition: The type.
        """
        return _AsPlainData
