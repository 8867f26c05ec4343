"""Plans as files: TOML to read and to print. Keys are those of ``Plan``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from joulesplit.calibrate.campaign._plan import PLANS, STANDARD, Limits, Plan, StopPlan
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.windows import WindowTiming

BASE = "base"
"""Key that names the preset a file changes; without it the standard plan."""

TABLES = {"timing": WindowTiming, "stop": StopPlan, "limits": Limits}


def load_plan(source: str) -> Plan:
    """Return a preset by its name, or a plan from a file.

    Raises:
        PlanError: There is no such preset or file, or it is not a plan.
    """
    if source in PLANS:
        return PLANS[source]
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlanError(
            f"no plan '{source}': give {', '.join(PLANS)}, or a file as "
            "`joulesplit calibrate --show-plan` prints it"
        ) from None
    return parse_plan(text, where=str(path), name=path.stem)


def parse_plan(text: str, *, where: str, name: str) -> Plan:
    """Return the plan in a file's text; what it does not say is as in its base.

    Args:
        text: TOML.
        where: Names the source in messages.
        name: The plan's name, if the file gives none.

    Raises:
        PlanError: Not TOML, an unknown key, a value of another type, or a plan that cannot give
            the figures.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{where} is not TOML: {error}") from error
    base = _base(document.pop(BASE, STANDARD.name), where)
    _require_known(document, Plan, where, "")
    for key, kind in TABLES.items():
        if key in document:
            _require_known(document[key], kind, where, f"{key}.")
    merged = {**msgspec.to_builtins(base), "name": name, **document}
    # Who states rates wants these; a printed preset says itself that its own may give way.
    if "rates_bit_per_s" in document and "fit_rates" not in document:
        merged["fit_rates"] = False
    for key in TABLES:
        merged[key] = {**msgspec.to_builtins(getattr(base, key)), **document.get(key, {})}
    try:
        return msgspec.convert(merged, Plan)
    except msgspec.ValidationError as error:
        raise PlanError(f"{where}: {_plain(error)}") from error


def _plain(error: Exception) -> str:
    """Say where a wrong value stands in the words of the file."""
    return str(error).replace(" - at `$.", " at `")


def _base(name: object, where: str) -> Plan:
    if name not in PLANS:
        raise PlanError(f"{where}: there is no base '{name}'; give one of {', '.join(PLANS)}")
    return PLANS[str(name)]


def _require_known(table: object, kind: type, where: str, prefix: str) -> None:
    if not isinstance(table, Mapping):
        raise PlanError(f"{where}: '{prefix.rstrip('.')}' must be a table of settings")
    known = [field.name for field in msgspec.structs.fields(kind)]
    known += [] if prefix else [BASE]
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)
            raise PlanError(
                f"{where}: there is no setting '{prefix}{key}'; the nearest is '{prefix}{near[0]}'"
            )


def plan_toml(plan: Plan) -> str:
    """Return a plan as the text of a file that gives the same plan again."""
    import tomli_w

    return tomli_w.dumps(_stated(msgspec.to_builtins(plan)))


def _stated(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table without what is None, which TOML cannot say; tables stand last."""
    stated = {key: value for key, value in table.items() if value is not None}
    nested = {key: _stated(value) for key, value in stated.items() if isinstance(value, dict)}
    return {key: value for key, value in stated.items() if key not in nested} | nested
