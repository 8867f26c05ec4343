"""``joulesplit profile``: read, examine, compare, pool, redact and upgrade device profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._options import Command
from joulesplit.cli._output import emit, json_option, note, require_free

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile, Removal, StoredProfile

EXISTING = click.Path(path_type=Path)
SENSORS = {"auto": None, "same": True, "different": False}


def _output_option(what: str) -> Callable[[Command], Command]:
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        help=f"{what} to write.",
    )


force_option = click.option("--force", is_flag=True, help="Replace an existing file.")


@click.group("profile")
def command() -> None:
    """Read, examine, compare, pool, redact and upgrade device profiles."""


@command.command("show", short_help="Show a profile.")
@click.argument("profile", type=EXISTING)
@click.option(
    "--methods",
    is_flag=True,
    help="Also E_d, E_c and every e_l by other methods; in --json always.",
)
@json_option
def show(*, profile: Path, methods: bool, as_json: bool) -> None:
    """Show PROFILE: its figures, what they rest on, and whether to believe them."""
    from joulesplit.calibrate.profile import load_profile

    _emit_profile(load_profile(profile), profile, as_json=as_json, methods=methods)


@command.command("check", short_help="Can its figures be true? Exit code 6 if rejected.")
@click.argument("profile", type=EXISTING)
@json_option
def check(*, profile: Path, as_json: bool) -> int:
    """Examine PROFILE: is it whole, can its figures be true, what did its checks say?

    Windows beside it are held against those it was made from. The exit code is 6 if it is
    rejected.
    """
    from joulesplit.calibrate.checks import examine_profile
    from joulesplit.calibrate.profile import load_profile
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli.report.terminal import examination_page

    examined = load_profile(profile).profile
    quality = examine_profile(examined, _windows_beside(profile))
    emit(as_json, quality, lambda: examination_page(examined, quality, profile.name))
    return int(ExitCode.MEASUREMENT if quality.verdict == "rejected" else ExitCode.OK)


def _windows_beside(profile: Path) -> str | None:
    """Return the hash of the windows beside a profile: None if there are none, empty if damaged."""
    from joulesplit.calibrate.errors import JournalError
    from joulesplit.calibrate.journal import journal_beside, read_journal

    journal = journal_beside(profile)
    if not journal.exists():
        return None
    try:
        return read_journal(journal).windows_sha256
    except JournalError as error:
        note(f"warning: {error}")
        return ""


@command.command("checks", short_help="Every check, its limit, what to do.")
@click.option("--markdown", is_flag=True, help="Print it as a document.")
@json_option
def checks(*, markdown: bool, as_json: bool) -> None:
    """List every named check with its limit, what a failure means, and the next step."""
    from joulesplit.calibrate.checks import CATALOGUE
    from joulesplit.cli.report.terminal import catalogue_markdown, catalogue_page

    if markdown and not as_json:
        click.echo(catalogue_markdown(), nl=False)
        return
    emit(as_json, CATALOGUE, catalogue_page)


@command.command("diff", short_help="Two profiles side by side, with intervals.")
@click.argument("first", type=EXISTING)
@click.argument("second", type=EXISTING)
@click.option(
    "--sensor",
    type=click.Choice(list(SENSORS)),
    default="auto",
    show_default=True,
    help="Whether both used the same specimen; its scale then cancels.",
)
@json_option
def diff(*, first: Path, second: Path, sensor: str, as_json: bool) -> None:
    """Compare the profiles FIRST and SECOND, figure by figure, with intervals."""
    import msgspec

    from joulesplit.calibrate.profile import diff_profiles, load_profile
    from joulesplit.cli.report.terminal import difference_page

    profiles = load_profile(first).profile, load_profile(second).profile
    found = diff_profiles(*profiles, same_sensor=SENSORS[sensor])
    emit(
        as_json,
        {**msgspec.to_builtins(found), "first": str(first), "second": str(second)},
        lambda: difference_page(found, profiles, (first.name, second.name)),
    )


@command.command("merge", short_help="Pool profiles of one device.")
@click.argument("profiles", type=EXISTING, nargs=-1, required=True)
@_output_option("Pooled profile")
@force_option
@json_option
def merge(*, profiles: tuple[Path, ...], output: Path, force: bool, as_json: bool) -> None:
    """Pool PROFILES of one device, sensor, runtime, network and rate.

    Statistics shrink, what is systematic stays. Profiles that differ in what they measured, or
    contradict each other, are refused.
    """
    from datetime import UTC, datetime
    from hashlib import sha256

    from joulesplit.calibrate.environment import this_tool
    from joulesplit.calibrate.profile import (
        ProfileToPool,
        StoredProfile,
        merge_profiles,
        save_profile,
    )
    from joulesplit.cli._profiles import examined_profile

    require_free(output, force=force)
    candidates = [
        ProfileToPool(
            name=path.name,
            profile=examined_profile(path),
            sha256=sha256(path.read_bytes()).hexdigest(),
        )
        for path in profiles
    ]
    created = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    merged = StoredProfile(profile=merge_profiles(candidates, created=created, tool=this_tool()))
    save_profile(output, merged)
    _emit_profile(merged, output, as_json=as_json)
    _say_left_out([candidate.profile for candidate in candidates])
    note(f"wrote {output}, pooled from {len(profiles)} profiles")


def _say_left_out(profiles: Sequence[DeviceProfile]) -> None:
    from joulesplit.calibrate.profile import left_out_of_merge

    for what in left_out_of_merge(profiles):
        note(f"left out, because not all of the profiles have the same: {what}")


@command.command("redact", short_help="Take out names, addresses, places.")
@click.argument("profile", type=EXISTING)
@_output_option("Redacted profile")
@force_option
@json_option
def redact(*, profile: Path, output: Path, force: bool, as_json: bool) -> None:
    """Write PROFILE without names, addresses and places; all figures stay.

    PROFILE may be the journal of its windows as well.
    """
    from joulesplit.calibrate import is_journal
    from joulesplit.cli.report.terminal import redaction_page

    if output.resolve() != profile.resolve():
        require_free(output, force=force)
    redacted = _redacted_journal if is_journal(profile) else _redacted_profile
    removals = redacted(profile, output)
    document = {"output": str(output), "removed": removals}
    emit(as_json, document, lambda: redaction_page(removals, output.name))


def _redacted_profile(profile: Path, output: Path) -> tuple[Removal, ...]:
    from joulesplit.calibrate.profile import load_profile, redact_profile, save_profile

    redacted = redact_profile(load_profile(profile))
    save_profile(output, redacted.stored)
    return redacted.removals


def _redacted_journal(journal: Path, output: Path) -> tuple[Removal, ...]:
    from joulesplit.calibrate import write_whole
    from joulesplit.calibrate.journal import read_journal, redact_journal

    read_journal(journal)
    content, removals = redact_journal(journal.read_bytes())
    write_whole(output, content)
    return removals


@command.command("schema", short_help="Print the JSON Schema.")
@json_option
def schema(*, as_json: bool) -> None:
    """Print the JSON Schema of a profile."""
    import msgspec

    from joulesplit.cli._resources import bundled

    content = bundled("schema/device-profile-1.json").read_bytes()
    click.echo(msgspec.json.format(content, indent=-1 if as_json else 2))


@command.command("upgrade", short_help="Bring a file to the current schema.")
@click.argument("profile", type=EXISTING)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; default in place.",
)
@force_option
@json_option
def upgrade(*, profile: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Bring PROFILE to the current schema version, one version at a time.

    The file is replaced whole or not at all, and keeps every field, known or not.
    """
    from joulesplit.calibrate.profile import upgrade_profile
    from joulesplit.cli.report import paragraph

    target = profile if output is None else output
    if target.resolve() != profile.resolve():
        require_free(target, force=force)
    done = upgrade_profile(profile, target)
    document = {"output": str(target), "before": done.before, "after": done.after}
    if done.changed:
        said = f"{target.name}: schema version {done.before} → {done.after}"
    elif target.resolve() != profile.resolve():
        said = f"{target.name}: a copy, as schema version {done.after} is the current one"
    else:
        said = f"{profile.name} has schema version {done.after}, the current one: nothing to do"
    emit(as_json, document, lambda: paragraph(said))


def _emit_profile(
    stored: StoredProfile, path: Path, *, as_json: bool, methods: bool = False
) -> None:
    import msgspec

    from joulesplit.calibrate.checks import examined
    from joulesplit.calibrate.profile import profile_bytes
    from joulesplit.cli.report.terminal import profile_ending, profile_page

    judged = examined(stored.profile)
    ending = profile_ending(judged, path=path)
    emit(
        as_json,
        msgspec.Raw(msgspec.json.format(profile_bytes(stored), indent=-1)),
        lambda: profile_page(judged, path.name, methods=methods, ending=ending),
    )
