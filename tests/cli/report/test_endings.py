"""How each command ends, in each of its outcomes: verdict, figure, what it hangs on, what to type.

One stored text per width holds them all; `measure` ends in `command-*.txt`. Stored texts:
JOULESPLIT_UPDATE_GOLDEN=1 pytest tests/cli -k stored.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.console import Group
from rich.text import Text

from joulesplit.calibrate.profile import Check, Quality, Quantity, load_profile
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.cli._finding import Diagnosis, Finding
from joulesplit.cli._resources import bundled
from joulesplit.cli._watch import Summary
from joulesplit.cli.commands._init import Tried, _page
from joulesplit.cli.report._sheet import ending_lines
from joulesplit.cli.report.terminal import (
    decision_page,
    demo_page,
    inferences_ending,
    partition_ending,
    profile_ending,
    summary_page,
    validation_ending,
)
from joulesplit.cli.report.terminal._sensors import records_ending
from joulesplit.cli.report.terminal._tool_endings import (
    doctor_ending,
    study_ending,
    tuning_ending,
)
from joulesplit.cooperate import Fallback, SessionCounts
from joulesplit.drivers.ina2xx import MeanShunt, SensorIdentity, SensorRecords
from joulesplit.optimizer import SplitLine, Usage, decide, float32_blocks, paper_split

HOME = Path("profile.json")
MODEL = Path("model.tflite")
AGAIN = "joulesplit calibrate model.tflite --sensor ina219 -o again.json"


def judged(profile, verdict, *checks):
    return msgspec.structs.replace(profile, quality=Quality(verdict=verdict, checks=checks))


SPOILT = Check(
    name="foreign-cpu", value=0.41, limit=0.2, unit="1", outcome="warn",
    advice="other programs used the processors: end them and calibrate again",
)  # fmt: skip
SUSPENDED = Check(
    name="clock-steps", value=1, limit=0, unit="windows", outcome="fail",
    advice="the machine slept in a window: forbid it and calibrate again",
)  # fmt: skip


@pytest.fixture(scope="module")
def profile_endings(measured):
    wrote = "profile.json and its windows, profile.windows.jsonl"
    suspect = judged(measured, "suspect", SPOILT)
    rejected = judged(measured, "rejected", SPOILT, SUSPENDED)
    return {
        "calibrate, valid": profile_ending(measured, path=HOME, wrote=wrote, model=MODEL),
        "calibrate, suspect": profile_ending(suspect, path=HOME, wrote=wrote, model=MODEL),
        "calibrate, rejected": profile_ending(rejected, path=HOME, wrote=wrote, model=MODEL),
        "calibrate, interrupted": profile_ending(
            suspect,
            path=HOME,
            wrote=wrote,
            model=MODEL,
            next_step="joulesplit calibrate model.tflite --resume profile.windows.jsonl",
        ),
        "report and profile show": profile_ending(measured, path=HOME),
    }


@pytest.fixture(scope="module")
def decisions(network, blocks, measured):
    compute = msgspec.structs.replace(measured.compute, heads=())
    blind = msgspec.structs.replace(measured, compute=compute)
    literature = load_profile(bundled("profiles/paper.json")).profile
    return {
        "optimize, sure": decide(network, blocks, measured, usage=Usage(rate_bit_per_s=5e6)),
        "optimize, too close": decide(network, blocks, measured),
        "optimize, no heads measured": decide(network, blocks, blind),
        "optimize, for a battery": decide(network, blocks, measured, usage=Usage(period_s=10.0)),
        "optimize, by literature": decide(network, blocks, literature),
    }


@pytest.fixture(scope="module")
def decision_endings(decisions, network):
    step = "joulesplit validate model.tflite --profile profile.json --split"
    return {
        name: decision_page(
            decision, network_name=network.name, profile_name=HOME.name,
            wrote=[Path("parts")], next_step=f"{step} {decision.best.block}",
        ).ending
        for name, decision in decisions.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def validation_endings(decisions, validated):
    five, all_here = (decisions["optimize, sure"].candidates[block] for block in (5, 20))
    followed = validated(five)
    sent_lossy = replace(
        followed, encoding="int8", encoded_outputs=replace(followed.outputs, same_top=False)
    )
    outcomes = {
        "validate, agrees": [validated(five)],
        "validate, another energy": [
            validated(five, 1.12 * five.energy_j, agrees=False),
            validated(all_here, 0.9 * all_here.energy_j, agrees=False),
        ],
        "validate, another time": [validated(five, in_time=False)],
        "validate, another result": [validated(five, same=False)],
        "validate, another answer": [sent_lossy],
    }
    return {name: validation_ending(found, again=AGAIN) for name, found in outcomes.items()}


@pytest.fixture(scope="module")
def demo_endings(simulated, decisions, network, validated):
    decision = replace(decisions["optimize, sure"], simulated=True, source="simulated")

    def ended(decision, validations=(), failure=None):
        return demo_page(
            simulated, decision, validations, network_name=network.name, wrote=[HOME],
            failure=failure,
        ).ending  # fmt: skip

    return {
        "demo, through": ended(decision, [validated(decision.best)]),
        "demo, the choice fails": ended(None, failure="the profile was rejected (clock-steps)"),
        "demo, the run fails": ended(decision, failure="the exchange with the server failed"),
    }


@pytest.fixture(scope="module")
def init_endings():
    bench = {"sensor": "ina219", "shunt_ohm": 0.1}
    whole = {**bench, "edge": "http://server:8517", "model": "model.tflite"}
    return {
        "init, all found": _page(
            Path("joulesplit.toml"), whole, Tried(power_w=2.63, upload_s=0.041)
        ).ending,
        "init, no server": _page(
            Path("joulesplit.toml"), bench, Tried(power_w=2.63, upload_s=None)
        ).ending,
    }


@pytest.fixture(scope="module")
def run_endings():
    smooth = SessionCounts(inferences=40, by_split={3: 38, 20: 2}, energy_j=14.2)
    troubled = SessionCounts(
        inferences=3, by_split={3: 1, 20: 2}, energy_j=1.3,
        fallbacks={Fallback.LATE: 1, Fallback.UNREACHABLE: 1}, given_up_s=1.2,
    )  # fmt: skip
    wrote = [Path("records.jsonl"), Path("out.npz")]
    return {
        "run, as planned": inferences_ending(smooth, account="net", wrote=wrote),
        "run, with fallbacks": inferences_ending(troubled, account="net"),
    }


@pytest.fixture(scope="module")
def tool_endings(network, blocks, with_unknown, description):
    def watched(lost, power=True):
        power_w = Quantity(
            value=2.6, unit="W", ci95=(2.58, 2.62), u_stat=0.008, u_sys=0.006, n=1000
        )
        return summary_page(
            description,
            Summary(
                duration_s=10.0, energy_j=26.0, power_w=power_w if power else None,
                minimum_w=2.5, maximum_w=3.1, rate_hz=111.0,
                statistics=SamplerStatistics(readings=1100, lost=lost, clipped=0, resets=0,
                                             cpu_fraction=0.03),
            ),
            wrote=Path("watched.csv"),
            next_step="joulesplit measure --sensor simulated -- sleep 5",
        ).ending  # fmt: skip

    def cut(of, **more):
        return partition_ending(of, blocks, cuts=7, model=MODEL, **more)

    warned = Finding(name="governor", state="warn", found="ondemand", fix="joulesplit tune")
    broken = Finding(name="i2c", state="error", found="no bus", fix="enable I2C: raspi-config")
    ready = {"ina219": True, "hwmon": False, "simulated": True}
    set_now = {
        "settings": {"governor": {"policy0": "performance"}, "wifi power save": {"wlan0": "off"}},
        "to_restore": {"settings": [{}, {}]}, "owner_runs": False, "restored": None,
        "state": "/run/joulesplit/tuned.json",
    }  # fmt: skip
    zero = MeanShunt(
        shunt_v=3e-5, u_shunt_v=2e-7, bus_v=5.0, u_bus_v=1e-4, residual_v=0.0, readings=256,
        gain=4, created="2026-11-22T10:00:00+00:00",
    )  # fmt: skip
    identity = SensorIdentity(kind="ina219", bus=1, address=0x40, shunt_ohm=0.1)
    records = SensorRecords(identity=identity, zeros=(zero,))
    paper = paper_split(float32_blocks(network, blocks), 1.22e8, 2e6, input_elements=150_528)
    return {
        "partition, looked at": cut(network),
        "partition, unknown work, a split written": cut(with_unknown, wrote=[Path("parts")]),
        "monitor": watched(2),
        "monitor, readings lost": watched(80),
        "monitor, too short": watched(0, power=False),
        "paper": study_ending(paper, claimed_block=5),
        "doctor, to mend": doctor_ending(Diagnosis(findings=(warned, broken), ready_for=ready)),
        "doctor, ready": doctor_ending(Diagnosis(findings=(), ready_for={"simulated": True})),
        "sensor, a zero": records_ending(records, wrote=Path("ina219-1-0x40-0.1.json")),
        "tune, set": tuning_ending(set_now),
        "tune, set back": tuning_ending(
            set_now | {"to_restore": None, "restored": {"settings": [{}]}}
        ),
        "tune, nothing there": tuning_ending(set_now | {"settings": {}, "to_restore": None}),
    }


@pytest.fixture(scope="module")
def endings(request):
    kinds = ("profile", "decision", "validation", "demo", "init", "run", "tool")
    found = {}
    for kind in kinds:
        found |= request.getfixturevalue(f"{kind}_endings")
    return found


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_ending_reads_as_stored_and_fits(endings, text_of, golden, width):
    told = []
    for name, ending in endings.items():
        told += [Text(f"-- {name}"), ending_lines(ending), Text("")]
    text = text_of(Group(*told), width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"endings-{width}.txt", text)


def test_the_cause_that_is_told_is_that_of_the_split_whose_figures_are_shown(validation_endings):
    ending = validation_endings["validate, another energy"]
    assert ending.headline.startswith("l = 20: ")
    assert ending.assumed.startswith("l = 20 is ")


def test_every_ending_has_a_verdict_and_a_figure_and_five_lines_at_most(endings):
    for name, ending in endings.items():
        rows = dict(ending.rows())
        assert {"verdict", "result"} <= rows.keys(), name
        assert len(rows) <= 5, name
        assert rows["verdict"].split(":")[0].split(",")[0].isupper() or "optimize" in name, name


def test_every_reason_to_end_an_inference_here_is_told_in_words():
    for why in Fallback:
        counts = SessionCounts(inferences=1, by_split={20: 1}, fallbacks={why: 1}, energy_j=0.4)
        ending = inferences_ending(counts, account="net")
        assert ending.assumed.startswith(f"{why.value}: ")
        assert len(ending.assumed) > len(why.value) + 20


@pytest.mark.parametrize(
    ("made_by", "told"),
    [
        ("not measured", "making the bytes of l = 0 is not measured: not in the estimate"),
        ("assumed", "making the bytes of l = 0 is assumed, not measured"),
        ("measured", None),
    ],
)
def test_inferences_say_where_making_their_bytes_is_in_no_price(made_by, told):
    """Of splits that were carried out; l = 1 was not."""
    lines = [
        SplitLine(
            block=block, name="", last_operator=block, upload_bits=8, compute_j=0.0, fixed_j=0.1,
            j_bit_per_s=0.0, fixed_s=None, bits_on_the_way=None, u_relative=None, allowed=True,
            encoding="uint8", made_by=made_by,
        )
        for block in (0, 1)
    ]  # fmt: skip
    counts = SessionCounts(inferences=1, by_split={0: 1}, energy_j=0.4)
    assert inferences_ending(counts, account="net", lines=lines).assumed == told
    late = replace(counts, fallbacks={Fallback.LATE: 1})
    assert (told or "") in inferences_ending(late, account="net", lines=lines).assumed
