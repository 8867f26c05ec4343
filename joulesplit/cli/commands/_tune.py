"""``joulesplit tune``: set governor and Wi-Fi power save for a measurement, and set them back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._output import emit, json_option

if TYPE_CHECKING:
    from joulesplit.calibrate.environment import Machine, Restored


@click.command("tune")
@click.option("--governor", help="Frequency governor of every processor, e.g. performance.")
@click.option(
    "--wifi-power-save", type=click.Choice(["on", "off"]), help="Power save of every radio."
)
@click.option("--restore", is_flag=True, help="Set back what was there before.")
@click.option("--show", is_flag=True, help="Show what is set, and what can be set back.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="/",
    hidden=True,
    help="Stands for / in tests.",
)
@json_option
def command(
    *,
    governor: str | None,
    wifi_power_save: str | None,
    restore: bool,
    show: bool,
    root: Path,
    as_json: bool,
) -> None:
    """Set what makes measurements repeatable; what was there before is kept and set back.

    Setting the governor and the radio's power save needs root: run this with sudo, and measure
    as yourself. What was there before is written down before anything is set, by root to
    /run/joulesplit/tuned.json, else to joulesplit/tuned.json in the XDG state directory, so that
    --restore works after a crash or a kill as well; a boot sets everything back by itself.
    """
    from joulesplit.calibrate.environment import Machine
    from joulesplit.cli.report.terminal import tuning_page

    _require_one_request(governor or wifi_power_save, restore, show)
    document = _done(
        Machine(root=root), governor=governor, wifi_power_save=wifi_power_save, restore=restore
    )
    emit(as_json, document, lambda: tuning_page(document))


def _require_one_request(wanted: str | None, restore: bool, show: bool) -> None:
    if sum((bool(wanted), restore, show)) != 1:
        raise CommandError(
            "say what to do: --governor and --wifi-power-save to set, --restore to set back, or "
            "--show"
        )


def _done(
    machine: Machine, *, governor: str | None, wifi_power_save: str | None, restore: bool
) -> dict[str, Any]:
    from joulesplit.calibrate import environment
    from joulesplit.calibrate.environment import state_path, states_left

    path = state_path()
    restored = None
    if governor or wifi_power_save:
        wanted = environment.Wanted(governor=governor, wifi_power_save=wifi_power_save)
        environment.tune(machine, wanted, path)
    else:
        path = next(iter(states_left()), path)
    if restore:
        restored = environment.restore(machine, path)
    return _document(machine, path, restored)


def _document(machine: Machine, path: Path, restored: Restored | None) -> dict[str, Any]:
    import msgspec

    from joulesplit.calibrate import environment
    from joulesplit.calibrate.environment import is_owned, left_to_restore

    left = left_to_restore(machine, path)
    return {
        "settings": environment.present_settings(machine),
        "to_restore": msgspec.to_builtins(left),
        "owner_runs": left is not None and is_owned(machine, left),
        "restored": msgspec.to_builtins(restored),
        "state": str(path),
    }
