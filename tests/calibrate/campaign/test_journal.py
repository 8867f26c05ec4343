from __future__ import annotations

import dataclasses
import math
import re
import resource
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import (
    QUICK,
    STANDARD,
    Circumstances,
    Start,
    StopOpinion,
    StopPlan,
    is_left,
    past_of,
    require_same,
    require_same_subjects,
    storable,
)
from joulesplit.calibrate.campaign._resume import differences
from joulesplit.calibrate.campaign._warmup import WarmUp
from joulesplit.calibrate.errors import JournalError
from joulesplit.calibrate.journal import (
    Begun,
    Ended,
    Header,
    Journal,
    WindowEntry,
    journal_beside,
    profile_beside,
    read_journal,
)
from joulesplit.calibrate.profile import Device, ModelIdentity, Runtime, Tool
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import AccuracyTerm, SensorDescription
from window_records import window_record

SENSOR = SensorDescription(
    kind="ina219",
    name="INA219 at 0x40",
    rail="5 V",
    includes="all",
    simulated=False,
    modelled=False,
    cycle_s=0.009,
    observed_fraction=0.94,
    voltage_resolution_v=0.004,
    current_resolution_a=1e-4,
    full_scale_a=math.inf,
    accuracy=(
        AccuracyTerm(
            name="shunt", kind="scale", half_width=0.01, distribution="normal", source="x"
        ),
    ),
    settings={"shunt_ohm": 0.1, "transaction_s": 1e-4},
)
START = Start(
    unit_s={"block 1": 0.01},
    warm_up=WarmUp(warm=True, duration_s=1.0, runs=8, temperature_c=None),
)
ENOUGH = StopOpinion(stop=True, reached=True, reason="enough")


@pytest.fixture
def around(make_block) -> Circumstances:
    return storable(
        Circumstances(
            created="2026-11-22T12:00:00+00:00",
            tool=Tool(name="joulesplit", version="1"),
            device=Device(
                board="Pi 4",
                machine="aarch64",
                kernel="6",
                python="3.11",
                cpu_count=4,
                memory_bytes=None,
                governor="performance",
                wifi_power_save="off",
                hostname="pi-a",
                revision="c03114",
            ),
            sensor=SENSOR,
            sampling=SamplerStatistics(readings=0, lost=0, clipped=0, cpu_fraction=None),
            model=ModelIdentity(name="m", sha256="ab", input_bits=8),
            runtime=Runtime(name="r", version="1", threads=1, xnnpack=True),
            blocks=(make_block(1, 100, 10), make_block(2, 200, 20)),
            interface="wlan0",
            stated_rate_bit_per_s=2e7,
            throttled_bits=None,
            truth=None,
        )
    )


@pytest.fixture
def header(around) -> Header:
    return Header(plan=QUICK, around=around, link_kind="wifi")


def window(number: int) -> WindowRecord:
    return window_record(
        subject="block 1", block=1, repetitions=number, net_j=0.1 / 3, work_s=0.1, number=number,
        idle_s=0.3, idle_step_w=0.001,
    )  # fmt: skip


def kept(number: int, *, readings: int = 0) -> WindowEntry:
    sampling = SamplerStatistics(readings=readings, lost=1, clipped=0, cpu_fraction=0.01)
    return WindowEntry(window=window(number), sampling=sampling)


def begun(*, warm: bool = True) -> Begun:
    warm_up = msgspec.structs.replace(START.warm_up, warm=warm)
    return Begun(start=msgspec.structs.replace(START, warm_up=warm_up), conditions=None)


@pytest.fixture
def path(tmp_path, header):
    path = tmp_path / "windows.jsonl"
    with Journal(path) as journal:
        for entry in (header, begun(), kept(1), kept(2), kept(3, readings=30)):
            journal.append(entry)
    return path


def test_everything_comes_back_as_it_went_in(path, header):
    contents = read_journal(path)

    assert msgspec.json.encode(contents.header) == msgspec.json.encode(header)
    assert contents.records == (window(1), window(2), window(3))
    assert contents.start == START
    assert contents.ended is None


def test_an_entry_is_on_disk_before_the_journal_is_closed(tmp_path, header):
    path = tmp_path / "w.jsonl"
    with Journal(path) as journal:
        journal.append(header)
        journal.append(begun())
        journal.append(kept(1))
        assert read_journal(path).records == (window(1),)


@pytest.mark.parametrize("cut", [1, 7, 300])
def test_a_last_line_cut_off_by_a_crash_loses_only_itself(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_journal(path).records == (window(1), window(2))


def test_going_on_after_a_crash_cuts_the_torn_line_off_and_appends(path):
    path.write_bytes(path.read_bytes()[:-7])

    with Journal(path, resume=True) as journal:
        journal.append(begun(warm=False))
        journal.append(kept(3, readings=5))
        journal.append(Ended(opinion=ENOUGH, throttled_bits=0, conditions=None))

    contents = read_journal(path)
    assert contents.records == (window(1), window(2), window(3))
    assert contents.ended.opinion == ENOUGH
    assert past_of(contents).start == START
    assert not contents.warm


def test_the_samplers_of_all_runs_add_up(path):
    with Journal(path, resume=True) as journal:
        journal.append(begun())
        journal.append(kept(4, readings=7))
        journal.append(kept(5, readings=9))

    assert read_journal(path).sampling == SamplerStatistics(
        readings=30 + 9, lost=2, clipped=0, cpu_fraction=0.01
    )


def test_a_changed_figure_is_found_by_its_checksum(path):
    path.write_bytes(path.read_bytes().replace(b'"idle_s":0.3', b'"idle_s":0.4', 1))

    with pytest.raises(JournalError, match=r"line 3 of the journal .* checksum"):
        read_journal(path)


def test_two_processes_cannot_write_one_journal(path):
    with (
        Journal(path, resume=True),
        pytest.raises(JournalError, match="another process is writing"),
        Journal(path, resume=True),
    ):
        pass


def test_an_existing_journal_is_never_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(JournalError, match="never overwritten"), Journal(path):
        pass
    assert path.read_bytes() == before


def test_what_is_no_journal_is_one_clear_line(tmp_path, path):
    with pytest.raises(JournalError, match="cannot read"):
        read_journal(tmp_path / "none.jsonl")
    with pytest.raises(JournalError, match="cannot create"), Journal(tmp_path / "no" / "w.jsonl"):
        pass
    with pytest.raises(JournalError, match="cannot open"), Journal(tmp_path / "n", resume=True):
        pass
    (tmp_path / "empty").touch()
    with pytest.raises(JournalError, match=r"not the journal .* beside the profile"):
        read_journal(tmp_path / "empty")
    (tmp_path / "killed").write_bytes(path.read_bytes()[:100])
    with pytest.raises(JournalError, match="no header, so nothing was measured"):
        read_journal(tmp_path / "killed")
    lines = of_before(path)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(JournalError, match="out of order"):
        read_journal(path)


def of_before(path):
    """The lines of a journal as they were written before each said which one it follows."""
    return re.sub(rb',"after":\d+', b"", path.read_bytes()).splitlines(keepends=True)


def test_a_window_that_stands_twice_in_a_journal_is_never_counted_twice(path):
    lines = of_before(path)
    windows = [number for number, line in enumerate(lines) if b'"started_ns"' in line]
    at = windows[1]
    path.write_bytes(b"".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]))
    with pytest.raises(JournalError, match="holds a window twice"):
        read_journal(path)


def test_the_same_campaign_may_go_on(path, header):
    timed_anew = {**SENSOR.settings, "transaction_s": 2e-4}
    sensor = dataclasses.replace(header.around.sensor, settings=timed_anew, cycle_s=0.0091)
    around = dataclasses.replace(header.around, created="later", sensor=sensor)

    require_same(path, read_journal(path).header, msgspec.structs.replace(header, around=around))


def _other(around: Circumstances, name: str):
    model = msgspec.structs.replace(around.model, sha256="cd")
    runtime = msgspec.structs.replace(around.runtime, threads=4)
    settings = {**SENSOR.settings, "shunt_ohm": 0.01}
    return {
        "model": {"model": model},
        "runtime": {"runtime": runtime},
        "sensor": {"sensor": dataclasses.replace(around.sensor, settings=settings)},
        "kind": {"sensor": dataclasses.replace(around.sensor, kind="hwmon")},
        "tool": {"tool": Tool(name="joulesplit", version="2")},
        "device": {"device": msgspec.structs.replace(around.device, governor="powersave")},
        "kernel": {"device": msgspec.structs.replace(around.device, kernel="6.12.1")},
        "radio": {"device": msgspec.structs.replace(around.device, wifi_power_save="on")},
        "host": {"device": msgspec.structs.replace(around.device, hostname="pi-b")},
        "revision": {"device": msgspec.structs.replace(around.device, revision="d03115")},
        "link": {"interface": "eth0"},
        "blocks": {"blocks": around.blocks[:1]},
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model", "the network was m (sha256 ab…) and is m (sha256 cd…)"),
        ("runtime", "runtime threads was 1 and is 4"),
        ("sensor", "sensor shunt_ohm was 0.1 and is 0.01"),
        ("kind", "sensor kind was ina219 and is hwmon"),
        ("tool", "tool version was 1 and is 2"),
        ("device", "device governor was performance and is powersave"),
        ("kernel", "device kernel was 6 and is 6.12.1"),
        ("radio", "device wifi_power_save was off and is on"),
        ("host", "device hostname was pi-a and is pi-b"),
        ("revision", "device revision was c03114 and is d03115"),
        ("link", "link interface was wlan0 and is eth0"),
        ("blocks", "the blocks are cut elsewhere"),
    ],
)
def test_another_campaign_may_not_and_the_message_says_what_differs(
    tmp_path, header, name, message
):
    changed = _other(header.around, name)
    now = msgspec.structs.replace(header, around=dataclasses.replace(header.around, **changed))

    with pytest.raises(JournalError, match=f"cannot go on with .*: {re.escape(message)}; give"):
        require_same(tmp_path, header, now)


def test_another_kind_of_link_behind_the_same_name_may_not_go_on(tmp_path, header):
    now = msgspec.structs.replace(header, link_kind="other")
    with pytest.raises(JournalError, match="link kind was wifi and is other"):
        require_same(tmp_path, header, now)


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({"block 1"}, "'picture' was measured and cannot be now"),
        ({"block 1", "picture", "sound"}, "'sound' can be measured and could not then"),
    ],
)
def test_a_campaign_with_more_or_less_to_measure_may_not_go_on(tmp_path, now, message):
    """The plan is the same; a library that a step needs has come or gone."""
    before = {"picture": 0.01, "block 1": 0.02}
    require_same_subjects(tmp_path, before, before.keys())
    with pytest.raises(JournalError, match=f"cannot go on with .*: {message}; go on with"):
        require_same_subjects(tmp_path, before, now)


def test_a_journal_of_before_hosts_were_recorded_may_go_on(tmp_path, header):
    unnamed = msgspec.structs.replace(header.around.device, hostname=None, revision=None)
    before = dataclasses.replace(header.around, device=unnamed)

    require_same(tmp_path, msgspec.structs.replace(header, around=before), header)


def test_another_plan_may_not_go_on(tmp_path, header):
    now = msgspec.structs.replace(header, plan=STANDARD)
    with pytest.raises(JournalError, match=r"plan control_every was 15 and is 12; plan downloads"):
        require_same(tmp_path, header, now)


LONGER = msgspec.structs.replace(
    QUICK,
    name="longer",
    stop=StopPlan(rule="precision", looks=12),
    limits=msgspec.structs.replace(QUICK.limits, duration_s=7200.0),
)


def test_a_plan_that_only_goes_on_longer_may(tmp_path, header):
    require_same(tmp_path, header, msgspec.structs.replace(header, plan=LONGER))


def test_a_finished_campaign_has_something_left_for_a_plan_that_goes_on_longer(path, header):
    with Journal(path, resume=True) as journal:
        journal.append(Ended(opinion=ENOUGH, throttled_bits=0, conditions=None))
    finished = read_journal(path)
    assert is_left(finished, LONGER)
    assert not is_left(finished, finished.plan)

    with Journal(path, resume=True) as journal:
        journal.append(msgspec.structs.replace(begun(), plan=LONGER))
        journal.append(kept(4))
        journal.append(Ended(opinion=ENOUGH, throttled_bits=0, conditions=None))
    extended = read_journal(path)
    assert extended.plan == LONGER
    assert not is_left(extended, LONGER)
    assert is_left(extended, QUICK)


def test_each_look_belongs_to_the_plan_of_the_run_that_made_it(path):
    with Journal(path, resume=True) as journal:
        journal.append(msgspec.structs.replace(begun(), plan=LONGER))
        journal.append(kept(4))
        journal.append(begun())

    contents = read_journal(path)

    # Three windows, then one, then none: at a run's beginning the look is its own.
    plans = [contents.plan_after(windows) for windows in (0, 2, 3, 4, 5)]
    assert plans == [QUICK, QUICK, LONGER, QUICK, QUICK]


def test_a_campaign_at_one_input_shape_does_not_go_on_at_another(tmp_path, header):
    """One of before the shapes were kept does: it does not tell."""

    def at(shapes):
        model = msgspec.structs.replace(header.around.model, input_shapes=shapes)
        around = dataclasses.replace(header.around, model=model)
        return msgspec.structs.replace(header, around=storable(around))

    one, other = at({"image": (1, 8, 8, 3)}), at({"image": (4, 8, 8, 3)})
    with pytest.raises(JournalError, match=r"at inputs image = 1,8,8,3, not at .*4,8,8,3"):
        require_same(tmp_path, one, other)
    require_same(tmp_path, one, at({"image": (1, 8, 8, 3)}))
    require_same(tmp_path, header, one)
    path = tmp_path / "windows.jsonl"
    with Journal(path) as journal:
        journal.append(one)
        journal.append(begun())
        journal.append(kept(1))
    assert read_journal(path).header.around.model == one.around.model


def test_a_message_names_a_few_differences_and_counts_the_others(tmp_path, header):
    found = list(differences(header, msgspec.structs.replace(header, plan=STANDARD)))

    with pytest.raises(JournalError) as told:
        require_same(tmp_path, header, msgspec.structs.replace(header, plan=STANDARD))

    assert len(found) > 4
    assert all(one in str(told.value) for one in found[:4])
    assert found[4] not in str(told.value)
    assert f"; {len(found) - 4} more differences; give" in str(told.value)


def test_a_profile_and_its_journal_find_each_other():
    assert journal_beside(Path("out/pi.json")) == Path("out/pi.windows.jsonl")
    assert profile_beside(Path("out/pi.windows.jsonl")) == Path("out/pi.json")
    assert profile_beside(Path("copy.jsonl")) == Path("copy.json")


def test_profiles_named_after_figures_do_not_share_a_journal():
    names = ["pi4-2.4GHz", "pi4-2.5GHz", "pi4-2.4GHz.json", "pi4"]
    journals = [journal_beside(Path("out") / name) for name in names]

    assert journals[:2] == [
        Path("out/pi4-2.4GHz.windows.jsonl"), Path("out/pi4-2.5GHz.windows.jsonl"),
    ]  # fmt: skip
    assert journals[2] == journals[0]


@contextmanager
def room_for(size_bytes):
    """No file of this process may grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room_bytes", [0, 1, 300])
def test_a_window_that_finds_no_room_is_taken_back_whole_and_the_campaign_goes_on(path, room_bytes):
    before = path.read_bytes()
    told = f"cannot write the journal {path}: File too large; .* make room"
    with (
        room_for(len(before) + room_bytes),
        pytest.raises(JournalError, match=told),
        Journal(path, resume=True) as journal,
    ):
        journal.append(kept(4))

    assert path.read_bytes() == before
    with Journal(path, resume=True) as journal:
        journal.append(kept(4))
    assert read_journal(path).records == (window(1), window(2), window(3), window(4))


def test_a_new_journal_that_finds_no_room_for_its_header_leaves_no_file(tmp_path, header):
    path = tmp_path / "w.jsonl"
    with room_for(20), pytest.raises(JournalError, match="cannot write"), Journal(path) as journal:
        journal.append(header)

    assert not path.exists()
