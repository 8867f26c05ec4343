"""JSON Schemas of the files that measuring writes."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec


def schema_of(kind: type[Any], identity: str) -> bytes:
    """Return the JSON Schema of a type, as stored in ``data/schema``.

    Args:
        kind: Of the file, or of a line of it.
        identity: Name and version, the schema's ``$id``.
    """
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        # Python 3.13 takes the indentation off docstrings, older ones do not.
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    schema["$id"] = identity
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
