"""List the tables and enumerations of `.tflite` files, from the schema module of ai-edge-litert.

The module is what FlatBuffers' compiler makes of the schema; what is listed is read from its text:
each field's name, kind and default, in the order of their places in a table.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

GOAL = Path(__file__).parents[2] / "joulesplit/partition/schema/tflite.json"
SLOT = re.compile(r"_tab\.Offset\((\d+)\)")


def module_text() -> str:
    """Return the text of the schema module that is installed."""
    found = find_spec("ai_edge_litert.schema_py_generated")
    if found is None or found.origin is None:
        raise SystemExit("no ai-edge-litert here, whose schema is listed")
    return Path(found.origin).read_text("utf-8")


def listed(text: str) -> dict[str, dict[str, dict[str, int | str]]]:
    """Return the enumerations and tables of a generated schema module."""
    classes = dict(re.findall(r"^class (\w+)\(object\):\n(.*?)(?=^\S|\Z)", text, re.M | re.S))
    enumerations = {
        name: {key: int(value) for key, value in re.findall(r"^    (\w+) = (\d+)$", body, re.M)}
        for name, body in classes.items()
        if "def " not in body
    }
    tables = {
        name: _fields(classes[f"{name}T"], body)
        for name, body in classes.items()
        if f"{name}T" in classes
    }
    return {"enumerations": enumerations, "tables": tables}


def _fields(objects: str, reader: str) -> dict[str, int | str]:
    """Return a table's fields, from its class of the object API and its reader."""
    head = re.search(r"def __init__\(\n        self,\n(.*?)\n    \):", objects, re.S)
    fields: dict[str, int | str] = {}
    for name, default in re.findall(r"(\w+) = (\S+),", head.group(1) if head else ""):
        method = name[0].upper() + name[1:]
        body = re.search(rf"^    def {method}\(self.*?(?=^    def |\Z)", reader, re.M | re.S)
        if body is None:
            raise SystemExit(f"{name}: no method reads it")
        place = (int(SLOT.findall(body.group())[0]) - 4) // 2
        while len(fields) < place:
            fields[f"-{len(fields)}"] = ""  # The place of a field that is no more.
        fields[name] = _kind(name, body.group(), default, objects)
    return fields


def _kind(name: str, body: str, default: str, objects: str) -> str:
    if "_tab.Union(" in body:
        union = re.search(rf"self\.{name} = (\w+)Creator\(", objects)
        return f"|{union.group(1)}" if union else ""
    table = re.search(r"obj = (\w+)\(\)", body)
    number = re.search(r"_tab\.Get\(flatbuffers\.number_types\.(\w+)Flags", body)
    if table:
        kind = table.group(1)
    elif number:
        kind = number.group(1).lower()
    else:
        kind = "string"
    if "(self, j)" in body:
        return f"[{kind}]"
    if not number:
        return kind
    return f"{kind}={int(default == 'True') if kind == 'bool' else default}"


def written(text: str) -> str:
    """Return the list as JSON, one table or enumeration a line."""
    parts = []
    for what, entries in listed(text).items():
        lines = [f"  {json.dumps(name)}: {json.dumps(entries[name])}" for name in entries]
        parts.append(f"{json.dumps(what)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    GOAL.write_text(written(module_text()), "ascii")
