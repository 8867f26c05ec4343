"""``joulesplit calibrate``: measure the blocks and the uplink, write the device profile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.errors import CommandError
from joulesplit.options import edge_options, model_argument, runtime_options, sensor_options
from joulesplit.output import json_option, note

if TYPE_CHECKING:
    from calibrate.profile import DeviceProfile
    from joulesplit.network_bench import RuntimeChoice
    from joulesplit.wiring import EdgeChoice, SensorChoice


@click.command("calibrate")
@model_argument
@sensor_options
@edge_options
@click.option(
    "--plan",
    "plan_name",
    type=click.Choice(["quick", "standard"]),
    default="standard",
    show_default=True,
    help="How long to measure.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="profile.json",
    show_default=True,
    help="Profile to write; its windows go beside it.",
)
@click.option("--force", is_flag=True, help="Replace an existing profile and its windows.")
@runtime_options
@json_option
def command(
    *,
    model: Path,
    choice: SensorChoice,
    edge: EdgeChoice,
    plan_name: str,
    output: Path,
    force: bool,
    runtime: RuntimeChoice,
    as_json: bool,
) -> int:
    """Run every block of MODEL under the sensor and upload its real outputs to the edge server.

    Writes the device profile and, beside it, every window it rests on. With --sensor simulated
    everything but the silicon is real, and the profile is marked simulated.
    """
    from calibrate.plan import PLANS
    from joulesplit.instrument import Instrument
    from joulesplit.server_process import edge_server
    from joulesplit.steps import calibrate
    from joulesplit.wiring import try_sensor

    journal = _journal(output, force=force)
    try_sensor(choice)
    with ExitStack() as stack:
        url = stack.enter_context(edge_server(edge.url, model, choice))
        instrument = stack.enter_context(
            Instrument(model, choice, edge_url=url, token=edge.token, runtime=runtime)
        )
        profile = calibrate(instrument, PLANS[plan_name], journal)
    return _finish(profile, output, as_json=as_json)


def _journal(output: Path, *, force: bool) -> Path:
    """Return the journal's path; nothing that exists is replaced without being told to."""
    journal = output.with_suffix(".windows.jsonl")
    existing = [path for path in (output, journal) if path.exists()]
    if existing and not force:
        raise CommandError(
            f"{existing[0]} exists: choose another --output, or give --force to replace it"
        )
    journal.unlink(missing_ok=True)
    return journal


def _finish(profile: DeviceProfile, output: Path, *, as_json: bool) -> int:
    from calibrate.profile_io import StoredProfile, save_profile
    from joulesplit.exit_codes import ExitCode
    from joulesplit.output import emit
    from joulesplit.report.profile import profile_page

    save_profile(output, StoredProfile(profile=profile))
    emit(as_json, profile, lambda: profile_page(profile, output.name))
    note(f"wrote {output} and {output.with_suffix('.windows.jsonl')}")
    return int(ExitCode.MEASUREMENT if profile.quality.verdict == "rejected" else ExitCode.OK)
