"""The figures of a profile as tables: every one labelled gross or net, with ±, interval and n."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.calibrate.profile import (
    BlockEnergy,
    Compute,
    DeviceProfile,
    GrossNet,
    Link,
    LinkFit,
    Quantity,
    SimulatedTruth,
)
from joulesplit.cli.report._sheet import Section, paragraph
from joulesplit.cli.report.tables import (
    Bar,
    Column,
    Facts,
    FittingTable,
    half_width,
    interval_text,
    quantity_text,
)
from joulesplit.cli.report.terminal._network import COMPUTE_STYLE
from joulesplit.metrology import percent, si, signed_percent

Labelled = tuple[str, Quantity]

TERMS = (
    "E_d: FLOP computed per joule. E_c: payload bits sent per joule. P_0: power when idle. "
    "Gross: all that is drawn; net: what is drawn above P_0. ± is 95 %."
)
"""The letters of the tables, told where a reader meets them first."""


def _accounts(name: str, figure: GrossNet) -> Iterator[Labelled]:
    """Yield what there is of a figure, net first, each with its label."""
    if figure.net is not None:
        yield f"{name} net", figure.net
    yield f"{name} gross", figure.gross


def quantity_table(rows: list[Labelled]) -> FittingTable:
    """Return labelled quantities with their uncertainty, each kind apart."""
    names = [name for name, _ in rows]
    quantities = [quantity for _, quantity in rows]
    return FittingTable(
        [
            Column(header="", cells=names),
            Column(header="value ± 95 %", cells=[quantity_text(q) for q in quantities]),
            Column(header="95 % interval", cells=[interval_text(q) for q in quantities],
                   from_width=76),
            Column(header="u stat", cells=[_relative(q.u_stat, q) for q in quantities],
                   right=True, from_width=100),
            Column(header="u sys", cells=[_relative(q.u_sys, q) for q in quantities],
                   right=True, from_width=100),
            Column(header="n", cells=[str(q.n) for q in quantities], right=True),
        ]
    )  # fmt: skip


def _relative(uncertainty: float | None, quantity: Quantity) -> str:
    if uncertainty is None or quantity.value == 0:
        return "?"
    return percent(abs(uncertainty / quantity.value))


def efficiency_section(profile: DeviceProfile) -> Section:
    """Return E_d, E_c and P_0."""
    rows = list(_accounts("E_d", profile.compute.e_d_flop_per_j))
    under = f"E_d counts FLOP by {profile.compute.flop_convention}"
    if profile.link is not None:
        uplink = profile.link.uplink
        rows += list(_accounts("E_c", uplink.e_c_bit_per_j))
        how = ", as fast as the link takes it" if uplink.unpaced else ""
        under += f"; E_c is stated at {si(uplink.rate_bit_per_s, 'bit/s')} payload{how}"
    if profile.idle is not None:
        rows.append(("P_0 idle", profile.idle.power_w))
    terms = paragraph(TERMS, style="dim")
    return Section(
        title="Efficiency",
        body=Group(quantity_table(rows), Text(""), paragraph(f"{under}."), terms),
        glance=True,
    )


def block_section(compute: Compute) -> Section | None:
    """Return the blocks' energies beside what a constant E_d expects of them."""
    blocks = compute.blocks
    if not blocks:
        return None
    account = "net" if all(block.energy_j.net for block in blocks) else "gross"
    figures = [_of(block, account) for block in blocks]
    e_d = compute.e_d_flop_per_j.net if account == "net" else compute.e_d_flop_per_j.gross
    expected_j = [block.flop / e_d.value for block in blocks] if e_d else []
    table = _block_table(blocks, account, figures, expected_j)
    return Section(title=f"Blocks: energy per inference ({account})", body=table)


def _block_table(
    blocks: Sequence[BlockEnergy], account: str, figures: list[Quantity], expected_j: list[float]
) -> FittingTable:
    most_j = max([figure.value for figure in figures] + expected_j)
    return FittingTable(
        [
            Column(header="l", cells=[str(block.index) for block in blocks], right=True),
            Column(header="block", cells=[block.name for block in blocks], yielding=True),
            Column(header="N_l", cells=[si(block.flop, "FLOP") for block in blocks], right=True,
                   from_width=76),
            Column(header=f"e_l {account}", cells=[quantity_text(q) for q in figures], right=True),
            Column(header="gross", cells=[_gross(block, account) for block in blocks], right=True,
                   from_width=110),
            Column(header="time", cells=[si(block.latency_s.value, "s") for block in blocks],
                   right=True, from_width=90),
            Column(header="off", cells=_offs(figures, expected_j), right=True, from_width=66),
            Column(header="█ e_l  │ constant E_d", flexible=True, cells=[
                Bar.of(figure.value, most_j, COMPUTE_STYLE, marker=expected)
                for figure, expected in zip(figures, expected_j, strict=True)
            ]),
        ]
    )  # fmt: skip


def _of(block: BlockEnergy, account: str) -> Quantity:
    figure = block.energy_j.net if account == "net" else block.energy_j.gross
    return figure or block.energy_j.gross


def _gross(block: BlockEnergy, account: str) -> str:
    return si(block.energy_j.gross.value, "J") if account == "net" else ""


def _offs(figures: list[Quantity], expected_j: list[float]) -> list[str]:
    """Return how far each energy is from what the constant E_d expects."""
    return [
        signed_percent(figure.value / expected - 1) if expected else "–"
        for figure, expected in zip(figures, expected_j, strict=True)
    ]


def link_section(link: Link | None) -> Section | None:
    """Return the link and its fit."""
    if link is None:
        return None
    where = link.interface + (", loopback: nothing went on the air" if link.loopback else "")
    rows: list[tuple[str, RenderableType]] = [("interface", where)]
    overhead = link.uplink.interface_bits_per_payload_bit
    if overhead is not None:
        rows.append(("overhead", f"{overhead:.3f} bit on the interface per payload bit"))
    body: RenderableType = Facts(rows)
    if link.uplink.fit is not None:
        body = Group(body, *_fit(link.uplink.fit, link.uplink.fit_gross))
    return Section(title="Link", body=body)


def _fit(fit: LinkFit, gross: LinkFit | None) -> tuple[RenderableType, ...]:
    rows = [
        ("E_0 net per upload", fit.upload_cost_j),
        ("P_air net while sending", fit.air_power_w),
        ("e_bit net per bit", fit.bit_energy_j),
    ]
    if fit.burst_cost_j is not None:
        rows.append(("E_burst net per burst", fit.burst_cost_j))
    if gross is not None:
        rows.append(("E_0 gross per upload", gross.upload_cost_j))
    if gross is not None and gross.burst_cost_j is not None:
        rows.append(("E_burst gross per burst", gross.burst_cost_j))
    burst = " + E_burst" if fit.burst_cost_j is not None else ""
    return (
        Text(""),
        paragraph(f"E = E_0 + P_air · airtime + e_bit · bits{burst}, fitted to each account:"),
        quantity_table(rows),
        Text(""),
        Facts(
            [
                ("rates", ", ".join(si(rate, "bit/s") for rate in fit.rates_bit_per_s)),
                ("payloads", ", ".join(si(bits, "bit") for bits in fit.payload_bits)),
            ]
        ),
    )


HOST_TOO_SLOW = (
    "E_d gross is held against no truth: this host took longer than the simulated board, which "
    "drew its idle power meanwhile."
)


def truth_section(profile: DeviceProfile) -> Section | None:
    """Return the estimates beside what the simulated world really costs."""
    truth = profile.truth
    if truth is None:
        return None
    rows = list(_with_truth(profile, truth))
    inside = [_is_inside(quantity, true) for _, quantity, true in rows]
    table = FittingTable(
        [
            Column(header="", cells=[name for name, _, _ in rows]),
            Column(header="estimate", cells=[_value(q, q.value) for _, q, _ in rows], right=True),
            Column(header="95 % interval", cells=[interval_text(q) for _, q, _ in rows],
                   from_width=70),
            Column(header="truth", cells=[_value(q, true) for _, q, true in rows], right=True),
            Column(header="inside?", cells=[_inside_text(yes) for yes in inside]),
        ]
    )  # fmt: skip
    count = paragraph(
        f"{sum(inside)} of {len(inside)} intervals hold the truth. They share the sensor's scale "
        "error, so those that miss tend to miss together."
    )
    body: list[RenderableType] = [table, Text(""), count]
    if "gross" not in truth.e_d_flop_per_j:
        body.append(paragraph(HOST_TOO_SLOW))
    return Section(title="Estimate and simulated truth", body=Group(*body))


def truth_counts(profile: DeviceProfile) -> tuple[int, int]:
    """Return how many intervals hold the simulated truth, and how many there are."""
    if profile.truth is None:
        return 0, 0
    inside = [_is_inside(q, true) for _, q, true in _with_truth(profile, profile.truth)]
    return sum(inside), len(inside)


def _with_truth(
    profile: DeviceProfile, truth: SimulatedTruth
) -> Iterator[tuple[str, Quantity, float]]:
    if profile.idle is not None:
        yield "P_0 idle", profile.idle.power_w, truth.idle_power_w
    for name, quantity in _accounts("E_d", profile.compute.e_d_flop_per_j):
        # One that the host's own pace has made is held against no truth.
        if (account := name.rpartition(" ")[2]) in truth.e_d_flop_per_j:
            yield name, quantity, truth.e_d_flop_per_j[account]
    if profile.link is not None:
        for name, quantity in _accounts("E_c", profile.link.uplink.e_c_bit_per_j):
            yield name, quantity, truth.e_c_bit_per_j[name.rpartition(" ")[2]]
    yield from _computing_with_truth(profile.compute, truth)


def _computing_with_truth(
    compute: Compute, truth: SimulatedTruth
) -> Iterator[tuple[str, Quantity, float]]:
    for block, true_j in zip(compute.blocks, truth.block_energy_j, strict=False):
        if block.energy_j.net is not None:
            yield f"e_{block.index} net", block.energy_j.net, true_j
    for head in compute.heads:
        if head.energy_j.net is not None and head.last_block <= len(truth.head_energy_j):
            yield (
                f"1–{head.last_block} net",
                head.energy_j.net,
                truth.head_energy_j[head.last_block - 1],
            )


def _value(quantity: Quantity, value: float) -> str:
    """Return a value with as many digits as the quantity's interval justifies."""
    width = half_width(quantity)
    digits = 4
    if width and value:
        digits = max(4, len(str(int(abs(value) / width))) + 1)
    return si(value, quantity.unit, digits)


def _is_inside(quantity: Quantity, true: float) -> bool:
    return quantity.ci95 is not None and quantity.ci95[0] <= true <= quantity.ci95[1]


def _inside_text(yes: bool) -> Text:
    return Text("inside", style="green") if yes else Text("OUTSIDE", style="bold red")
