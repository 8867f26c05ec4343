"""What an error in the middle of a campaign leaves behind."""

from __future__ import annotations

import msgspec
import pytest

from joulesplit._decision_stop import UNDER_WAY
from joulesplit.calibrate import errors as calibrate_errors
from joulesplit.calibrate.campaign import (
    QUICK,
    STANDARD,
    JournalFile,
    profile_from_windows,
    storable,
)
from joulesplit.calibrate.errors import OtherCampaignError, SamplerError, WiringError
from joulesplit.calibrate.journal import Begun, Ended, Header, Journal, WindowEntry
from joulesplit.calibrate.profile import load_profile
from joulesplit.cli.measuring import keep_what_there_is
from joulesplit.drivers import errors as drivers_errors
from joulesplit.drivers.errors import SensorError, TraceLibraryError
from joulesplit.edge import errors as edge_errors
from joulesplit.edge.errors import (
    EdgeError,
    RequestRefusedError,
    ServerRefusedError,
    ServerUnreachableError,
)
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

PLAN = msgspec.structs.replace(QUICK, work_s=(0.1, 0.2), upload_s=0.2)


@pytest.fixture(scope="module")
def campaign():
    outcome, sensor, sampling = run_virtual(PLAN, proof_blocks(), clean_world(1))
    around = virtual_circumstances(PLAN, proof_network(), proof_blocks(), clean_world(1), sensor)
    header = Header(plan=PLAN, around=storable(around), link_kind="wifi")
    return outcome, [
        header,
        Begun(start=outcome.start, conditions=None),
        *(WindowEntry(window=record, sampling=sampling) for record in outcome.records),
    ]


def broken_off(error, directory, entries, *, opened=True):
    """Return what the error says of a campaign that it broke off, and the profile."""
    file = JournalFile(path=directory / "p.windows.jsonl", opened=opened)
    with Journal(file.path) as journal:
        for entry in entries:
            journal.append(entry)
    keep_what_there_is(error, file, directory / "p.json")
    return str(error).replace(str(directory), "D"), directory / "p.json"


WITHOUT = (
    *(OtherCampaignError, WiringError),
    *(TraceLibraryError, ServerRefusedError, RequestRefusedError),
)
"""Going on helps nothing against the first two, the third is of replays, which measure nothing,
and the others take more than a message."""


def kinds():
    for room, root in (
        (drivers_errors, SensorError),
        (edge_errors, EdgeError),
        (calibrate_errors, calibrate_errors.CalibrationError),
    ):
        for kind in vars(room).values():
            of_this_room = isinstance(kind, type) and issubclass(kind, root)
            if of_this_room and not issubclass(kind, WITHOUT):
                yield kind


@pytest.mark.parametrize("kind", list(kinds()))
def test_the_message_of_whatever_broke_it_off_says_how_to_go_on(kind, campaign, tmp_path):
    error = kind("it broke; mend it")

    message, _ = broken_off(error, tmp_path, campaign[1][:5])

    assert message == (
        "it broke; mend it; 3 windows are kept: the same command with --resume "
        "D/p.windows.jsonl goes on"
    )
    assert type(error) is kind


def test_a_refusal_of_the_server_says_it_too(campaign, tmp_path):
    error = ServerRefusedError("too long; send less", code="too-long", status=413)

    message, _ = broken_off(error, tmp_path, campaign[1][:5])

    assert message.startswith("too long; send less; 3 windows are kept")


def test_windows_that_give_a_profile_give_one_that_is_marked(campaign, tmp_path):
    outcome, entries = campaign
    _, profile = broken_off(SamplerError("silent"), tmp_path, entries[:-2])

    quality = load_profile(profile).profile.quality
    assert [c.outcome for c in quality.checks if c.name == "complete"] == ["warn"]
    assert len(outcome.records) > 40


@pytest.mark.parametrize("plan", [QUICK, STANDARD], ids=lambda plan: plan.name)
@pytest.mark.parametrize("seed", range(3))
def test_half_of_the_first_round_gives_a_profile_already(plan, seed):
    """Everything has been measured once by then, however the order was drawn."""
    plan = msgspec.structs.replace(plan, order_seed=seed, phases=False, downloads=False)
    setup, blocks = clean_world(seed), proof_blocks()
    outcome, sensor, _ = run_virtual(plan, blocks, setup)
    around = virtual_circumstances(plan, proof_network(), blocks, setup, sensor)

    half = outcome.records[: len(outcome.records) // 2]
    profile = profile_from_windows(half, around, UNDER_WAY)

    assert profile.compute.e_d_flop_per_j.net.value > 0
    assert len(profile.compute.blocks) == len(blocks)
    assert "complete" in [c.name for c in profile.quality.checks if c.outcome == "warn"]


def test_windows_that_give_none_leave_none(campaign, tmp_path):
    _, profile = broken_off(SamplerError("silent"), tmp_path, campaign[1][:5])
    assert not profile.exists()


@pytest.mark.parametrize("case", ["no window", "wiring", "other", "not opened", "finished"])
def test_where_going_on_cannot_help_nothing_is_said_of_it(case, campaign, tmp_path):
    outcome, entries = campaign
    kinds_of = {"wiring": WiringError, "other": OtherCampaignError}
    error = kinds_of.get(case, ServerUnreachableError)("broken")
    if case == "no window":
        entries = entries[:2]
    if case == "finished":
        entries = [*entries, Ended(opinion=outcome.opinion, throttled_bits=None, conditions=None)]

    message, profile = broken_off(error, tmp_path, entries, opened=case != "not opened")

    assert message == "broken"
    assert not profile.exists()


def test_a_journal_that_went_away_does_not_hide_what_broke_it_off(tmp_path):
    error = SamplerError("silent")
    file = JournalFile(path=tmp_path / "p.windows.jsonl", opened=True)

    keep_what_there_is(error, file, tmp_path / "p.json")

    assert str(error) == "silent"
