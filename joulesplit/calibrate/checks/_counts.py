"""Can a profile's counts be, and does it have what it names? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from joulesplit.calibrate.checks._derived import both_accounts
from joulesplit.calibrate.checks._soundness import leaves_of
from joulesplit.calibrate.checks._spec import CHANGED, CheckSpec
from joulesplit.calibrate.profile import (
    BlockEnergy,
    Check,
    Compute,
    DeviceProfile,
    HeadEnergy,
)
from joulesplit.partition import SENDABLE

LONGEST_NAME = 40
"""So much of a name that nobody knows is said."""

COUNTS_AGREE = CheckSpec(
    name="counts-agree",
    finds="counts that cannot be: of more windows, transfers, layers or degrees of freedom than "
    "there are",
    unit="counts",
    limit=0,
    severity="fail",
    advice=f"{{names}}: there cannot be so many, or so few: {CHANGED}",
)
KNOWN_NAMES = CheckSpec(
    name="known-names",
    finds="names of figures and blocks that the profile does not have, and of encodings that "
    "nothing is sent in",
    unit="names",
    limit=0,
    severity="fail",
    advice="{names}: the profile has no such figure here, or there is no such encoding: "
    f"{CHANGED}",
)


def count_checks(profile: DeviceProfile) -> Iterator[Check]:
    """Yield the checks of counts and names in a profile of sound form."""
    for spec, names in (
        (COUNTS_AGREE, [*_wrong_counts(profile)]),
        (KNOWN_NAMES, [*_wrong_names(profile)]),
    ):
        yield spec.judge(len(names), names=", ".join(names[:3]))


def _wrong_counts(profile: DeviceProfile) -> Iterator[str]:
    windows = profile.campaign.windows if profile.campaign else None
    for path, quantity in leaves_of(profile).figures:
        # A quotient counts the windows of both its parts.
        most = inf if windows is None or path.startswith("e_d_over_e_c") else windows
        if quantity.n < (1 if quantity.u_stat else 0) or quantity.n > most:
            yield f"{path}.n"
        if (quantity.degrees_of_freedom or 0.0) > most:
            yield f"{path}.degrees_of_freedom"
    yield from _wrong_views(profile)
    for path, one in _subjects(profile.compute):
        figures = (one.energy_j.net, one.energy_j.gross, one.latency_s)
        if len({figure.n for figure in figures if figure is not None}) > 1:
            yield f"{path}.n"
    yield from _wrong_totals(profile)


def _wrong_views(profile: DeviceProfile) -> Iterator[str]:
    """Name the methods that took other windows than the figure; one alone leaves some out."""
    compute, link = profile.compute, profile.link
    most = {
        "compute": compute.e_d_flop_per_j.gross.n,
        "link": link.uplink.e_c_bit_per_j.gross.n if link else 0,
    }
    for path, view in leaves_of(profile).views:
        there = most[path.split(".", 1)[0]]
        fewer = view.method == "without-outliers" and 1 <= view.windows <= there
        if view.windows != there and not fewer:
            yield f"{path}.windows"


def _subjects(compute: Compute) -> Iterator[tuple[str, BlockEnergy | HeadEnergy]]:
    """Yield blocks and heads: all figures of one come from the same windows."""
    yield from ((f"compute.blocks[{i}]", block) for i, block in enumerate(compute.blocks))
    yield from ((f"compute.heads[{i}]", head) for i, head in enumerate(compute.heads))


def _wrong_totals(profile: DeviceProfile) -> Iterator[str]:
    """Name the counts that are not those of their parts together."""
    compute, ratio = profile.compute, profile.e_d_over_e_c_flop_per_bit
    if ratio is not None and profile.link is not None:
        for account, stated in both_accounts(ratio):
            pair = (compute.e_d_flop_per_j, profile.link.uplink.e_c_bit_per_j)
            known = [figure for one in pair if (figure := getattr(one, account)) is not None]
            if len(known) == len(pair) and stated.n != sum(figure.n for figure in known):
                yield f"e_d_over_e_c_flop_per_bit.{account}.n"
    if compute.classes is not None and compute.classes.classes:
        work = sum(block.flop for block in compute.blocks)
        if sum(one.flop for one in compute.classes.classes) != work:
            yield "compute.classes"


def _wrong_names(profile: DeviceProfile) -> Iterator[str]:
    compute, link = profile.compute, profile.link
    named = [
        ("E_d", compute.views),
        *((f"e_{block.index}", block.views) for block in compute.blocks),
        *((("E_c", link.uplink.views),) if link else ()),
    ]
    for figure, views in named:
        for view in views:
            if view.figure not in (f"{figure} net", f"{figure} gross"):
                yield repr(view.figure)
    if compute.classes is not None and not 1 <= compute.classes.worst_block <= len(compute.blocks):
        yield f"block {compute.classes.worst_block}"
    for made in compute.encodings:
        if made.encoding not in SENDABLE:
            yield f"encoding {made.encoding[:LONGEST_NAME]!r}"
