"""Types in the form that some reader needs: without dictionaries, or without views of texts."""

from collections.abc import Callable

import pyarrow as pa


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The same fields, each of its values' own type, for who did not ask to keep them coded; the
    very same schema when all are already."""
    return _with_types(schema, _decoded)


def viewless_schema(schema: pa.Schema) -> pa.Schema:
    """The same fields with texts that lie one behind the other, which slices divide."""
    return _with_types(schema, _viewless)


def _with_types(schema: pa.Schema, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.Schema:
    fields = [field.with_type(_deep(field.type, leaf)) for field in schema]
    made = pa.schema(fields, schema.metadata)
    return schema if made.equals(schema, check_metadata=True) else made


def _deep(kind: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """`leaf` of the type, at any depth that Arrow can cast."""
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_deep(kind.value_type, leaf)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_deep(kind.value_type, leaf)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_deep(field.type, leaf)) for field in kind])
    made = leaf(kind)
    return kind if made is kind else _deep(made, leaf)


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _viewless(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    return pa.large_binary() if pa.types.is_binary_view(kind) else kind
