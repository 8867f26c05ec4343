from ._schema import schema as schema
