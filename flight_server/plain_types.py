"""Types without dictionaries: the form of rows for who did not ask to keep them coded."""

import pyarrow as pa


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The same fields, each of its values' own type; the very same schema when all are already."""
    fields = [field.with_type(_plain(field.type)) for field in schema]
    plain = pa.schema(fields, schema.metadata)
    return schema if plain.equals(schema, check_metadata=True) else plain


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries, at any depth that Arrow can cast."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind
