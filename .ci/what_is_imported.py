"""Is everything that the installed package imports, anywhere in it, installed with it?

Run in an environment that holds the wheel and what it asks for, and nothing else.
"""

import ast
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import joulesplit

OPTIONAL = {"PIL", "ina219", "matplotlib", "prometheus_client", "pyarrow", "tflite_runtime"}
"""What extras install, by the names that are imported."""

FOR_TYPES = {"_typeshed"}
"""Known to type checkers alone."""


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports, also inside of functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


folder = Path(joulesplit.__file__).parent
packages = set().union(*map(imported, folder.rglob("*.py"))) - OPTIONAL - FOR_TYPES
missing = sorted(name for name in packages if importlib.util.find_spec(name) is None)
if missing:
    sys.exit(f"imported, and not what the wheel asks for: {', '.join(missing)}")
for module in pkgutil.walk_packages(joulesplit.__path__, "joulesplit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(f"{len(packages)} packages are imported, and all of them are there")
