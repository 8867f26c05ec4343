"""A device profile as a person reads it where it is printed or shown in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from joulesplit.calibrate.profile._quantity import GrossNet
from joulesplit.metrology import html_table, si

if TYPE_CHECKING:
    from joulesplit.calibrate.profile._device_profile import DeviceProfile


def profile_text(profile: DeviceProfile) -> str:
    """Return what a profile is of, and its main figures, one a line."""
    rows = tuple(_rows(profile))
    width = max(len(name) for name, _ in rows)
    return "\n".join((_title(profile), *(f"  {name:{width}}  {text}" for name, text in rows)))


def profile_html(profile: DeviceProfile) -> str:
    """Return the same as a table."""
    return html_table(_title(profile), _rows(profile))


def _title(profile: DeviceProfile) -> str:
    simulated = "SIMULATED · " if profile.simulated else ""
    return f"{simulated}Device profile of {profile.device.board}, {profile.created}"


def _rows(profile: DeviceProfile) -> Iterator[tuple[str, str]]:
    yield "verdict", _verdict(profile)
    if profile.idle is not None:
        yield "P_0", str(profile.idle.power_w)
    yield from _accounts("E_d", profile.compute.e_d_flop_per_j)
    if profile.link is not None:
        uplink = profile.link.uplink
        yield from _accounts(f"E_c at {si(uplink.rate_bit_per_s, 'bit/s')}", uplink.e_c_bit_per_j)
    if profile.e_d_over_e_c_flop_per_bit is not None:
        yield from _accounts("E_d/E_c", profile.e_d_over_e_c_flop_per_bit)


def _verdict(profile: DeviceProfile) -> str:
    failed = ", ".join(check.name for check in profile.quality.checks if check.outcome != "pass")
    return f"{profile.quality.verdict}: {failed}" if failed else profile.quality.verdict


def _accounts(name: str, figure: GrossNet) -> Iterator[tuple[str, str]]:
    if figure.net is not None:
        yield f"{name} net", str(figure.net)
    yield f"{name} gross", str(figure.gross)
