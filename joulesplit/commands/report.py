"""``joulesplit report``: a profile for people, or as it is."""

from __future__ import annotations

from pathlib import Path

import click

from joulesplit.output import emit, json_option


@click.command("report")
@click.argument("profile", type=click.Path(path_type=Path))
@json_option
def command(*, profile: Path, as_json: bool) -> None:
    """Show a device PROFILE: its figures, what they rest on, and whether to believe them.

    With --json the object is the profile itself, unknown fields included.
    """
    import msgspec

    from calibrate.profiles.io import load_profile, profile_bytes
    from joulesplit.report.profile import profile_page

    stored = load_profile(profile)
    emit(
        as_json,
        msgspec.Raw(msgspec.json.format(profile_bytes(stored), indent=-1)),
        lambda: profile_page(stored.profile, profile.name),
    )
