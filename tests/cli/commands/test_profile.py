from __future__ import annotations

import dataclasses
import json
import re

import msgspec
import pytest

from joulesplit.calibrate.checks import examine_profile
from joulesplit.calibrate.profile import (
    Check,
    EncodingEnergy,
    EstimateView,
    FrequencyPolicy,
    Quality,
    Removal,
    WifiLink,
    diff_profiles,
)
from joulesplit.cli._resources import bundled
from joulesplit.cli.report.terminal import (
    difference_page,
    examination_page,
    profile_page,
    redaction_page,
)

WIDTHS = (60, 80, 120)


def changed(profile, part, **fields):
    return msgspec.structs.replace(
        profile, **{part: msgspec.structs.replace(getattr(profile, part), **fields)}
    )


def moved(quantity, factor):
    low, high = quantity.ci95
    return msgspec.structs.replace(
        quantity, value=factor * quantity.value, ci95=(factor * low, factor * high)
    )


@pytest.fixture(scope="session")
def later(measured):
    """The same device on another day: block 2 costs 5 % more, idle hardly anything else."""
    blocks = list(measured.compute.blocks)
    energy = blocks[1].energy_j
    blocks[1] = msgspec.structs.replace(
        blocks[1], energy_j=msgspec.structs.replace(energy, net=moved(energy.net, 1.05))
    )
    net_j = [block.energy_j.net.value for block in blocks]
    heads = [
        msgspec.structs.replace(
            head, net_over_blocks=head.energy_j.net.value / sum(net_j[: head.last_block])
        )
        for head in measured.compute.heads
    ]
    again = changed(measured, "compute", blocks=tuple(blocks), heads=tuple(heads))
    again = changed(again, "idle", power_w=moved(again.idle.power_w, 1.001))
    return msgspec.structs.replace(
        changed(again, "device", governor="ondemand", kernel="6.12.1"),
        created="2026-12-01T09:30:00+00:00",
    )


@pytest.fixture(scope="session")
def furnished(measured):
    """A profile with the whole environment recorded."""
    environment = {
        "revision": "c03114", "soc": "BCM2711", "system": "Debian GNU/Linux 12 (bookworm)",
        "frequencies": (FrequencyPolicy(name="policy0", governor="performance",
                                        minimum_hz=600_000_000, maximum_hz=1_800_000_000,
                                        current_hz=1_800_000_000),),
        "temperatures_c": {"cpu-thermal": 48.686}, "throttled_bits": 0, "under_voltage": False,
        "swap_bytes": 536_870_912, "swap_used_bytes": 0, "usb": ("1d6b:0002 xHCI Host Controller",),
        "displays": (), "i2c_clock_hz": {"i2c-1": 400_000}, "libraries": {"numpy": "2.3.1"},
        "load_average": (0.08, 0.03, 0.01),
        "wifi": WifiLink(interface="wlan0", driver="brcmfmac", power_save="off", signal_dbm=-38.0,
                         tx_rate_bit_per_s=433.3e6, frequency_hz=5.18e9),
    }  # fmt: skip
    return changed(measured, "device", **environment)


@pytest.fixture(scope="session")
def pages(measured, simulated, later, furnished):
    names = ("monday.json", "tuesday.json")
    return {
        "profile-diff": difference_page(diff_profiles(measured, later), (measured, later), names),
        "profile-check": examination_page(simulated, examine_profile(simulated), names[0]),
        "profile-environment": profile_page(furnished, names[0]),
        "profile-redacted": redaction_page(
            [Removal(path="device.hostname", what="hostname"),
             Removal(path="created", what="time zone")], "public.json"),
    }  # fmt: skip


NAMES = ("profile-diff", "profile-check", "profile-environment", "profile-redacted")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_report_on_profiles_reads_as_stored_and_fits(pages, text_of, golden, name, width):
    golden(f"{name}-{width}.txt", text_of(pages[name], width))
    lines = text_of(pages[name], width, ascii_only=True).splitlines()
    assert all(line.isascii() and len(line) <= width for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_figure_per_joule_of_a_difference_stands_without_its_account(pages, text_of, width):
    lines = text_of(pages["profile-diff"], width).splitlines()
    per_joule = [line for line in lines if re.search(r"FLOP/J|bit/J", line)]
    assert len(per_joule) == 6
    assert all(re.search(r"\b(net|gross)\b", line) for line in per_joule)


def test_a_comparison_with_a_simulated_profile_is_marked_simulated(measured, simulated, text_of):
    page = difference_page(
        diff_profiles(measured, simulated), (measured, simulated), ("a.json", "b.json")
    )
    assert text_of(page, 80).startswith("SIMULATED")


def test_show_is_the_report(joulesplit, saved, measured):
    path = saved(measured)
    assert joulesplit("profile", "show", path).out == joulesplit("report", path).out
    assert (
        joulesplit("profile", "show", path, "--json").json
        == joulesplit("report", path, "--json").json
    )


def view(figure, method, value, ci95, *, bootstrap_ci95=None, unit="J"):
    return EstimateView(
        figure=figure, method=method, value=value, unit=unit, ci95=ci95,
        bootstrap_ci95=bootstrap_ci95, windows=60,
    )  # fmt: skip


@pytest.fixture
def by_methods(measured):
    """A profile whose first block has an odd window, and whose ordinary E_d has no interval."""
    blocks = list(measured.compute.blocks)
    views = (
        view("e_1 net", "weighted", 0.02, (0.0198, 0.0202), bootstrap_ci95=(0.0197, 0.0203)),
        view("e_1 net", "ordinary", 0.0203, (0.02, 0.0206)),
        view("e_1 net", "huber", 0.0194, (0.0193, 0.0195)),
        view("e_1 net", "without-outliers", 0.0192, (0.0191, 0.0193)),
    )
    blocks[0] = msgspec.structs.replace(blocks[0], views=views)
    e_d = (
        view("E_d net", "weighted", 1.5e9, (1.49e9, 1.51e9), unit="FLOP/J"),
        view("E_d net", "ordinary", 1.5e9, None, unit="FLOP/J"),
    )
    return changed(measured, "compute", blocks=tuple(blocks), views=e_d)


def rows_of(page):
    title = "Other methods on the same windows"
    lines = page[page.index(title) :].splitlines()
    return {line[:10].strip(): line.split() for line in lines if re.match(r" (E|e)_", line)}


@pytest.mark.parametrize("width", WIDTHS)
def test_show_puts_other_methods_beside_what_is_stated_if_asked(by_methods, text_of, width):
    assert "Other methods" not in text_of(profile_page(by_methods, "p.json"), width)

    page = text_of(profile_page(by_methods, "p.json", methods=True), width)

    assert all(len(line) <= width for line in page.splitlines())
    rows = rows_of(page)
    stated = "e_1 net 20.00 ± 0.20 mJ"
    cells = {
        60: "+1.5 % −3.0 %",
        80: "1.5 % +1.5 % −3.0 %",
        120: "1.5 % +1.5 % 1.5 % −3.0 % 0.52 % −4.0 % 0.52 %",
    }
    assert " ".join(rows["e_1 net"]) == f"{stated} {cells[width]}"
    assert rows["E_d net"][-1] == "–"


def test_show_says_where_there_are_no_other_methods(joulesplit, saved, measured):
    told = " ".join(joulesplit("profile", "show", saved(measured), "--methods").out.split())
    assert "There are none: a pooled profile" in told


def test_check_gives_verdict_checks_and_6_for_a_rejected_profile(joulesplit, saved, measured):
    sound = joulesplit("profile", "check", saved(measured), "--json")
    assert (sound.code, sound.json["verdict"]) == (0, "valid")
    failed = Check(name="clips", value=2, limit=0, unit="1", outcome="fail", advice="raise it")
    rejected = msgspec.structs.replace(
        measured, quality=Quality(verdict="rejected", checks=(failed,))
    )
    outcome = joulesplit("profile", "check", saved(rejected), "--json")
    assert (outcome.code, outcome.json["verdict"]) == (6, "rejected")
    assert outcome.json["checks"][0]["advice"] == "raise it"
    assert "REJECTED" in joulesplit("profile", "check", saved(rejected)).out


def test_check_refuses_what_is_no_profile(joulesplit, tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"schema": "joulesplit/device-profile", "schema_version": 1}')
    assert joulesplit("profile", "check", path).code == 3


def test_diff_names_what_differs_and_says_that_the_scale_cancels(
    joulesplit, saved, measured, later
):
    paths = saved(measured, "a.json"), saved(later, "b.json")
    found = joulesplit("profile", "diff", *paths, "--json").json
    verdicts = {figure["name"]: figure["verdict"] for figure in found["figures"]}

    assert [name for name, verdict in verdicts.items() if verdict == "differs"] == ["e_2 net"]
    assert found["same_sensor"] is True
    assert "cancels" in found["sensor_reason"]
    assert found["circumstances"]["device.governor"] == ["performance", "ondemand"]
    apart = joulesplit("profile", "diff", *paths, "--sensor", "different", "--json").json
    widths = [
        {f["name"]: f["ci95"][1] - f["ci95"][0] for f in document["figures"]}["E_d net"]
        for document in (found, apart)
    ]
    assert widths[0] < widths[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_paths_and_values_that_differ_are_readable_at_any_width(
    measured, furnished, text_of, width
):
    longest = changed(furnished, "device", usb=("1d6b:0002 xHCI Host Controller",) * 6)
    found = diff_profiles(measured, longest)
    text = text_of(difference_page(found, (measured, longest), ("a.json", "b.json")), width)

    told = "".join(text.partition("What else differs")[2].split())
    assert all(path in text for path in found.circumstances)
    assert "1d6b:0002xHCIHostController," * 5 in told
    assert "…" not in told
    assert "notrecorded→DebianGNU/Linux12(bookworm)" in told


def test_profiles_without_a_common_figure_say_so(measured, text_of):
    found = dataclasses.replace(diff_profiles(measured, measured), figures=())
    text = text_of(difference_page(found, (measured, measured), ("a.json", "b.json")), 60)

    assert "no figure in common" in " ".join(text.split())


def test_merge_writes_a_profile_that_can_be_used(joulesplit, saved, measured, model, tmp_path):
    other = msgspec.structs.replace(measured, created="2026-11-23T12:00:00+00:00")
    out = tmp_path / "merged.json"
    paths = saved(measured, "a.json"), saved(other, "b.json")
    merged = joulesplit("profile", "merge", *paths, "-o", out, "--json")

    assert merged.code == 0
    assert [source["created"] for source in merged.json["merged"]] == [
        measured.created, other.created,
    ]  # fmt: skip
    assert joulesplit("profile", "check", out).code == 0
    assert joulesplit("optimize", model, "--profile", out).code == 0
    assert joulesplit("profile", "merge", *paths, "-o", out).code == 2, "never replaced unasked"
    assert joulesplit("profile", "merge", *paths, "-o", out, "--force").code == 0


def test_merge_says_what_it_leaves_out(joulesplit, saved, measured, tmp_path):
    """What one profile alone measured of making bytes and of heads is in no pooled profile."""
    block = measured.compute.blocks[0]
    made = EncodingEnergy(
        encoding="uint8", block=0, energy_j=block.energy_j, latency_s=block.latency_s
    )
    other = msgspec.structs.replace(measured, created="2026-11-23T12:00:00+00:00")
    both = changed(other, "compute", encodings=(made,))
    out = tmp_path / "merged.json"
    paths = saved(measured, "a.json"), saved(both, "b.json")
    alone = joulesplit("profile", "merge", *paths, "-o", out)
    assert alone.code == 0
    assert "left out, because not all of the profiles have the same: what making" in alone.err
    assert "uint8 made at l = 0" in " ".join(alone.err.split())

    again = changed(measured, "compute", encodings=(made,))
    paths = saved(again, "a.json"), saved(both, "b.json")
    same = joulesplit("profile", "merge", *paths, "-o", out, "--force")
    assert same.code == 0
    assert "left out" not in same.err


def test_merge_refuses_in_one_line(joulesplit, saved, measured, later, tmp_path):
    paths = saved(measured, "a.json"), saved(later, "b.json")
    outcome = joulesplit("profile", "merge", *paths, "-o", tmp_path / "m.json")

    assert outcome.code == 3
    assert "a.json and b.json may not be pooled: they differ in device.governor" in outcome.err
    assert not (tmp_path / "m.json").exists()


def test_redact_writes_without_the_name_and_says_what_went(joulesplit, saved, measured, tmp_path):
    named = changed(measured, "device", hostname="shed-pi")
    out = tmp_path / "public.json"
    removed = joulesplit("profile", "redact", saved(named), "-o", out, "--json").json["removed"]

    assert removed == [{"path": "device.hostname", "what": "hostname"}]
    assert "shed-pi" not in out.read_text()
    again = joulesplit("profile", "redact", out, "-o", out, "--json").json
    assert again["removed"] == []


def test_redact_of_a_damaged_journal_is_a_file_error_and_writes_nothing(joulesplit, tmp_path):
    journal, out = tmp_path / "p.windows.jsonl", tmp_path / "public.windows.jsonl"
    journal.write_bytes(b'{"crc32":1,"entry":{}}\n')
    outcome = joulesplit("profile", "redact", journal, "-o", out)

    assert outcome.code == 3
    assert "damaged" in outcome.err
    assert not out.exists()


def test_schema_is_the_bundled_one(joulesplit):
    stored = json.loads(bundled("schema/device-profile-1.json").read_bytes())
    assert joulesplit("profile", "schema", "--json").json == stored
    assert json.loads(joulesplit("profile", "schema").out) == stored


def test_upgrade_of_a_current_profile_changes_nothing(joulesplit, saved, measured):
    path = saved(measured)
    before = path.read_bytes()
    outcome = joulesplit("profile", "upgrade", path, "--json").json

    assert (outcome["before"], outcome["after"]) == (1, 1)
    assert path.read_bytes() == before
    assert "nothing to do" in joulesplit("profile", "upgrade", path).out


def test_upgrade_of_a_current_profile_to_another_file_says_that_it_wrote_one(
    joulesplit, saved, measured, tmp_path
):
    path, other = saved(measured), tmp_path / "new.json"

    assert "new.json: a copy" in joulesplit("profile", "upgrade", path, "-o", other).out
    assert json.loads(other.read_bytes()) == json.loads(path.read_bytes())
    assert joulesplit("profile", "upgrade", path, "-o", other).code == 2, "never replaced unasked"


@pytest.mark.parametrize("name", ["show", "check", "diff", "merge", "redact", "schema", "upgrade"])
def test_every_subcommand_explains_itself_and_takes_json(joulesplit, name):
    text = joulesplit("profile", name, "--help").out
    assert text.startswith(f"Usage: joulesplit profile {name}")
    assert "--json" in text
