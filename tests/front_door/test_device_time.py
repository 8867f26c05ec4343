"""Which time of making bytes is taken as the device's, where the profile does not price it."""

from __future__ import annotations

import platform
from pathlib import Path

import msgspec
import pytest

import joulesplit as js
from joulesplit._deciding import device_time, with_input_forms
from joulesplit.calibrate.environment import Machine
from joulesplit.calibrate.profile import EncodingEnergy, GrossNet
from joulesplit.optimizer import Usage
from joulesplit.partition.reading import read_network

ROOT = Path(__file__).parents[2]
BOARD = "Raspberry Pi 4 Model B Rev 1.4"


@pytest.fixture(scope="module")
def network():
    return read_network(ROOT / "data/models/mobilenet_v2_1.0_224_float32.tflite")


@pytest.fixture
def profile():
    """The kept profile as one of this architecture's, measured, with no step to compare by."""
    kept = js.load_profile(ROOT / "tests/calibrate/kept/device-profile-1.json")
    device = msgspec.structs.replace(kept.device, board=BOARD, machine=platform.machine())
    compute = msgspec.structs.replace(kept.compute, phases=(), encodings=())
    return msgspec.structs.replace(kept, device=device, compute=compute, simulated=False)


def on_board(monkeypatch, name):
    monkeypatch.setattr(Machine, "board", name)


def with_board(profile, board):
    device = msgspec.structs.replace(profile.device, board=board)
    return msgspec.structs.replace(profile, device=device)


def test_a_time_goes_over_as_it_is_between_machines_that_are_known_to_be_alike(
    monkeypatch, profile, network
):
    on_board(monkeypatch, BOARD)
    assert device_time(profile, network, 0.1).words == "it is that of here"
    other = device_time(with_board(profile, "Raspberry Pi 5 Model B Rev 1.0"), network, 0.1)
    assert other.u_rel is None


def test_a_simulated_board_and_a_machine_without_a_name_are_like_no_machine(
    monkeypatch, profile, network
):
    on_board(monkeypatch, BOARD)
    simulated = msgspec.structs.replace(profile, simulated=True)
    assert device_time(simulated, network, 0.1).u_rel is None
    on_board(monkeypatch, None)
    assert device_time(with_board(profile, None), network, 0.1).u_rel is None


@pytest.mark.parametrize("lacking", ["net energy", "uncertainty", "input"])
def test_an_encoding_without_a_usable_figure_is_timed(monkeypatch, profile, network, lacking):
    """What is priced is not: it would take time for nothing."""
    on_board(monkeypatch, BOARD)
    block = profile.compute.blocks[0]
    priced = EncodingEnergy(
        encoding="uint8", block=0, energy_j=block.energy_j, latency_s=block.latency_s
    )

    def uint8_of(made):
        compute = msgspec.structs.replace(profile.compute, encodings=(made,))
        known = msgspec.structs.replace(profile, compute=compute)
        _, form = with_input_forms(Usage(), network, known).input_forms
        return form

    assert uint8_of(priced).encode_u_rel is None
    energy = priced.energy_j
    bare = msgspec.structs.replace(energy.net, u_stat=None)
    unusable = {
        "net energy": {"energy_j": GrossNet(gross=energy.gross, net=None)},
        "uncertainty": {"energy_j": GrossNet(gross=energy.gross, net=bare)},
        "input": {"block": 3},
    }
    timed = uint8_of(msgspec.structs.replace(priced, **unusable[lacking]))
    assert timed.encode_s > 0.0
    assert timed.encode_u_rel is not None
