"""A device profile for people: figures first, then what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from joulesplit.calibrate.profile import (
    BudgetTerm,
    CampaignRecord,
    Check,
    Device,
    DeviceProfile,
    Quality,
    Runtime,
    Sampling,
    Sensor,
    WindowTerm,
)
from joulesplit.cli.report._sheet import Ending, Page, Section, origin_of
from joulesplit.cli.report.tables import Bar, Column, Facts, FittingTable, quantity_text
from joulesplit.cli.report.terminal._environment import environment_rows
from joulesplit.cli.report.terminal._figures import (
    block_section,
    efficiency_section,
    link_section,
    truth_section,
)
from joulesplit.cli.report.terminal._heads_and_phases import beyond_sections
from joulesplit.cli.report.terminal._methods import methods_section
from joulesplit.metrology import counted, measure, percent, prefixed, si

VERDICT_STYLE = {"valid": "bold green", "suspect": "bold yellow", "rejected": "bold red"}
OUTCOME_STYLE = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def profile_page(
    profile: DeviceProfile, name: str, *, methods: bool = False, ending: Ending | None = None
) -> Page:
    """Return the report on a profile.

    Args:
        profile: The profile.
        name: Of its file.
        methods: Show the figures by other methods as well.
        ending: Its last lines.
    """
    sections = [
        verdict_section(profile),
        efficiency_section(profile),
        truth_section(profile),
        block_section(profile.compute),
        link_section(profile.link),
        *beyond_sections(profile.compute, profile.link),
        methods_section(profile) if methods else None,
        Section(title="Checks", body=checks_table(profile.quality)),
        _sensor_section(profile.sensor),
        _sampling_section(profile.sampling),
        Section(title="Device and run", body=_device(profile)),
    ]
    return Page(
        origin_of(profile),
        f"Device profile {name}",
        [section for section in sections if section is not None],
        ending=ending,
    )


def verdict_section(profile: DeviceProfile) -> Section:
    """Return whether the profile may be used, and if not, which checks say so."""
    return Section(title="Verdict", body=verdict_body(profile.quality))


def verdict_body(quality: Quality) -> RenderableType:
    """Return a verdict and the checks it rests on, in one line."""
    troubled = [check.name for check in quality.checks if check.outcome != "pass"]
    why = f": {', '.join(troubled)}" if troubled else ": every check passed"
    verdict = (quality.verdict.upper(), VERDICT_STYLE[quality.verdict])
    return Padding(Text.assemble(verdict, why), (0, 0, 0, 1))


def checks_table(quality: Quality) -> RenderableType:
    """Return every check with what was found and its limit, and the advice below."""
    checks = quality.checks
    table = FittingTable(
        [
            Column(header="", cells=[_outcome(check) for check in checks]),
            Column(header="check", cells=[check.name for check in checks]),
            Column(header="found", cells=[measure(c.value, c.unit) for c in checks], right=True),
            Column(header="limit", cells=[measure(c.limit, c.unit) for c in checks], right=True),
        ]
    )
    advice = [(check.name, prefixed(check.advice)) for check in checks if check.advice]
    if not advice:
        return table
    return Group(table, Text(""), Facts(advice))


def _outcome(check: Check) -> Text:
    return Text(check.outcome, style=OUTCOME_STYLE[check.outcome])


def _sensor_section(sensor: Sensor | None) -> Section | None:
    if sensor is None:
        return None
    rows: list[tuple[str, RenderableType]] = [
        ("name", sensor.name),
        ("rail", sensor.rail),
        ("includes", sensor.includes),
        ("cycle", f"{si(sensor.cycle_s, 's')}, {percent(sensor.observed_fraction)} of it observed"),
        ("u scale", f"{percent(sensor.scale_u_rel)}, common to every joule, cancels in E_d/E_c"),
        ("u offset", f"{si(sensor.offset_u_w, 'W')}, cancels in net energy"),
    ]
    rows += [("setting", f"{name} = {value}") for name, value in sensor.settings.items()]
    body: RenderableType = Facts(rows)
    if sensor.budget:
        body = Group(body, Text(""), _budget(sensor))
    if sensor.window_budget:
        body = Group(body, Text(""), _window_budget(sensor.window_budget))
    return Section(title=f"Sensor: {sensor.kind}", body=body)


def _budget(sensor: Sensor) -> FittingTable:
    """Return the type B terms; bars within each kind, which have different units."""
    most = {
        kind: max(t.standard_uncertainty for t in sensor.budget if t.kind == kind)
        for kind in {term.kind for term in sensor.budget}
    }
    style = {"scale": "blue", "offset": "cyan"}
    terms = sensor.budget
    return FittingTable(
        [
            Column(header="type B term", cells=[term.name for term in terms]),
            Column(header="kind", cells=[term.kind for term in terms], from_width=70),
            Column(
                header="u",
                cells=[
                    measure(t.standard_uncertainty, "1" if t.kind == "scale" else "W")
                    for t in terms
                ],
                right=True,
            ),
            Column(
                header="",
                cells=[Bar.of(t.standard_uncertainty, most[t.kind], style[t.kind]) for t in terms],
                flexible=True,
            ),
            Column(header="in a ratio", cells=[_in_ratio(t) for t in terms], from_width=90),
            Column(header="source", cells=[t.source for t in terms], flexible=True, from_width=100),
        ]
    )


def _in_ratio(term: BudgetTerm) -> str:
    """Return what becomes of a term in E_d/E_c."""
    if term.kind == "offset":
        return "cancels in net"
    return "cancels" if term.correlation == "common" else "remains"


def _window_budget(terms: Sequence[WindowTerm]) -> FittingTable:
    """Return what a single window adds, for the shortest one."""
    return FittingTable(
        [
            Column(header="shortest window", cells=[term.name for term in terms]),
            Column(
                header="u of net",
                cells=[percent(term.standard_uncertainty) for term in terms],
                right=True,
            ),
            Column(header="where it is", cells=[t.treatment.replace("-", " ") for t in terms]),
            Column(header="source", cells=[t.source for t in terms], flexible=True, from_width=100),
        ]
    )


def _sampling_section(sampling: Sampling | None) -> Section | None:
    if sampling is None:
        return None
    total = max(sampling.readings + sampling.lost, 1)
    rows: list[tuple[str, RenderableType]] = [
        ("readings", f"{sampling.readings:,}"),
        ("lost", f"{sampling.lost:,} ({percent(sampling.lost / total)})"),
        ("clipped", f"{sampling.clipped:,}"),
        ("sampler CPU", percent(sampling.cpu_fraction)),
    ]
    return Section(title="Sampling", body=Facts(rows))


def _programs(device: Device) -> str:
    bits = "" if device.userland_bits is None else f", {device.userland_bits} bit"
    return f"Python {device.python}{bits}"


def _device(profile: DeviceProfile) -> RenderableType:
    device = profile.device
    memory = si(device.memory_bytes, "byte") if device.memory_bytes else "?"
    rows: list[tuple[str, RenderableType]] = [
        ("board", device.board or "unknown"),
        ("machine", f"{device.machine}, {device.cpu_count or '?'} processors, {memory} memory"),
        ("system", f"kernel {device.kernel}, {_programs(device)}"),
        ("governor", device.governor or "unknown"),
        ("Wi-Fi power save", device.wifi_power_save or "unknown"),
        ("created", f"{profile.created} by {profile.tool.name} {profile.tool.version}"),
    ]
    if profile.idle is not None:
        idle = profile.idle.power_w
        rows.insert(0, ("idle P_0", f"{quantity_text(idle)}, n = {idle.n}"))
    if profile.compute.model is not None:
        rows.append(("network", profile.compute.model.name))
    if profile.compute.runtime is not None:
        rows.append(("runtime", _runtime(profile.compute.runtime)))
    rows += environment_rows(device)
    if profile.campaign is not None:
        rows.append(("windows", _campaign(profile.campaign)))
    if profile.merged:
        rows.append(("pooled from", ", ".join(source.created for source in profile.merged)))
    if profile.reference:
        rows.append(("reference", profile.reference))
    return Facts(rows)


def _campaign(campaign: CampaignRecord) -> str:
    plan = campaign.plan.get("name", "unknown")
    return f"{campaign.windows} by the plan {plan}, SHA-256 {campaign.windows_sha256[:16]}…"


def _runtime(runtime: Runtime) -> str:
    kernels = "with XNNPACK" if runtime.xnnpack else "without XNNPACK"
    return f"{runtime.name} {runtime.version}, {counted(runtime.threads, 'thread')}, {kernels}"
