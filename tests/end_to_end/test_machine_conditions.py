"""The machine misbehaves during a campaign: what its files say reaches the verdict."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, profile_from_journal, storable
from joulesplit.calibrate.environment import Machine, snapshot
from joulesplit.calibrate.journal import Begun, Ended, Header, JournalContents, Run, WindowEntry
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

PLAN = msgspec.structs.replace(QUICK, work_s=(0.1, 0.2), upload_s=0.2)
OWN = 4711
TICKS_PER_S = 100
PROCESSORS = 4
OVERHEAD = 1.06
"""Bytes on the interface per byte of payload."""


@dataclasses.dataclass
class Board:
    """A machine whose files and commands say how it fares; the faults are what may change."""

    root: object
    uptime_s: float = 100.0
    own_s: float = 0.0
    foreign_s: float = 0.0
    sent_bytes: float = 0.0
    received_bytes: float = 0.0
    hertz: int = 1_800_000_000
    celsius: float = 55.0
    alarm: int = 0
    throttled: int = 0x50000
    power_save: str = "off"
    interface: str = "wlan0"

    def conditions(self):
        own, foreign = (round(s * TICKS_PER_S) for s in (self.own_s, self.foreign_s))
        idle = round(PROCESSORS * self.uptime_s * TICKS_PER_S) - own - foreign
        cpufreq, net = "sys/devices/system/cpu/cpufreq/policy0", f"sys/class/net/{self.interface}"
        for path, text in {
            "proc/uptime": f"{self.uptime_s:.2f} 0.00",
            "proc/stat": f"cpu {own + foreign} 0 0 {idle} 0 0 0 0 0 0",
            f"proc/{OWN}/stat": f"{OWN} (joulesplit) S {' 0' * 10} {own} 0",
            f"{cpufreq}/scaling_cur_freq": f"{self.hertz // 1000}",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
            "sys/class/thermal/thermal_zone0/temp": f"{round(1000 * self.celsius)}",
            "sys/class/hwmon/hwmon1/name": "rpi_volt",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": f"{self.alarm}",
            f"{net}/wireless/present": "",
            f"{net}/statistics/tx_bytes": f"{round(self.sent_bytes)}",
            f"{net}/statistics/rx_bytes": f"{round(self.received_bytes)}",
        }.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        machine = Machine(root=self.root, run=self._run)
        return snapshot(machine, interface=self.interface, own_processes={OWN}, thorough=True)

    def _run(self, arguments):
        if arguments[0] == "vcgencmd":
            return f"throttled={self.throttled:#x}\n"
        return f"Power save: {self.power_save}\n"


@pytest.fixture(scope="module")
def campaign():
    outcome, sensor, sampling = run_virtual(PLAN, proof_blocks(), clean_world(1))
    around = virtual_circumstances(PLAN, proof_network(), proof_blocks(), clean_world(1), sensor)
    # The board's uploads go by Wi-Fi.
    return outcome, dataclasses.replace(storable(around), interface=Board.interface), sampling


def quality_after(campaign, board, befall):
    """Return the quality of a campaign on a board, after which ``befall`` happened to it."""
    outcome, around, sampling = campaign
    before = board.conditions()
    lasted_s = outcome.records[-1].started_ns * 1e-9 - outcome.records[0].started_ns * 1e-9
    board.uptime_s += lasted_s
    board.own_s += sum(record.work_s for record in outcome.records)
    board.foreign_s += 0.01 * PROCESSORS * lasted_s
    board.sent_bytes += OVERHEAD * sum(record.payload_bits for record in outcome.records) / 8
    befall(board, lasted_s)
    run = Run(
        begun=Begun(start=outcome.start, conditions=before),
        kept=tuple(WindowEntry(window=record, sampling=sampling) for record in outcome.records),
        ended=Ended(opinion=outcome.opinion, throttled_bits=None, conditions=board.conditions()),
    )
    header = Header(plan=PLAN, around=around, link_kind="wifi")
    return profile_from_journal(JournalContents(header=header, runs=(run,))).quality


def changed(**fields):
    def befall(board, lasted_s):
        for name, value in fields.items():
            setattr(board, name, value)

    return befall


def another_program(board, lasted_s):
    board.foreign_s += 0.25 * lasted_s


def other_traffic(board, lasted_s):
    # A remote desktop. Our own uploads leave a tenth of themselves to be explained by it.
    board.received_bytes += 0.15 * board.sent_bytes + 20e3 * lasted_s


def test_on_a_quiet_board_every_check_of_the_machine_is_made_and_passes(campaign, tmp_path):
    quality = quality_after(campaign, Board(tmp_path), lambda *_: None)

    assert quality.verdict == "valid"
    assert {check.name for check in quality.checks} >= set(FAULTS)


FAULTS = {
    "frequency-moved": ("suspect", changed(hertz=1_500_000_000)),
    "temperature-moved": ("suspect", changed(celsius=66.0)),
    "temperature": ("suspect", changed(celsius=81.0)),
    "throttled-during": ("rejected", changed(throttled=0x70000)),
    "supply-alarm": ("rejected", changed(alarm=1)),
    "power-save-changed": ("rejected", changed(power_save="on")),
    "route-changed": ("rejected", changed(interface="eth0")),
    "foreign-cpu": ("suspect", another_program),
    "foreign-traffic": ("suspect", other_traffic),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_happened_to_the_board_is_told_by_its_check(campaign, tmp_path, name):
    verdict, befall = FAULTS[name]
    quality = quality_after(campaign, Board(tmp_path), befall)

    troubled = {check.name for check in quality.checks if check.outcome != "pass"}
    assert quality.verdict == verdict
    # A board that is too hot at the end has also warmed up.
    assert troubled - {"temperature-moved"} == {name} - {"temperature-moved"}
    assert name in troubled
