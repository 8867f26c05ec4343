"""A profile is in the units of its fields, whoever wrote the file and whoever reads it."""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.errors import ProfileFormatError
from joulesplit.calibrate.profile import DeviceProfile, GrossNet, Quantity, load_profile
from joulesplit.calibrate.profile._estimates import EstimateView
from joulesplit.calibrate.profile._units import field_units, wrong_units
from joulesplit.cli import _main
from joulesplit.cli._resources import bundled, paper_network

KEPT = Path(__file__).parents[1] / "kept" / "device-profile-1.json"


def parts_of(hint):
    """Yield every structure and figure that a type is made of, outermost first."""
    if typing.get_origin(hint) is not None or isinstance(hint, types.UnionType):
        for inside in typing.get_args(hint):
            yield from parts_of(inside)
    elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint


def structures(kind):
    yield kind
    for hint in typing.get_type_hints(kind).values():
        for inside in parts_of(hint):
            yield from structures(inside)


def test_every_field_that_holds_a_figure_says_its_unit():
    figures = {Quantity, GrossNet, EstimateView}
    silent = [
        f"{kind.__name__}.{name}"
        for kind in set(structures(DeviceProfile)) - figures
        for name, hint in typing.get_type_hints(kind).items()
        if figures & set(parts_of(hint)) and field_units(kind)[name] is None
    ]
    assert silent == []


@pytest.mark.parametrize("path", [KEPT, bundled("profiles/paper.json")], ids=lambda p: p.name)
def test_what_we_write_ourselves_is_in_its_units(path):
    assert list(wrong_units(load_profile(path).profile)) == []


CHANGES = {
    "compute.e_d_flop_per_j.gross": ("GFLOP/J", "FLOP/J"),
    "compute.blocks.3.energy_j.net": ("mJ", "J"),
    "compute.blocks.0.views.2": ("mJ", "J"),
    "compute.heads.1.latency_s": ("ms", "s"),
    "compute.classes.classes.0.energy_j_per_flop": ("J/GFLOP", "J/FLOP"),
    "link.uplink.e_c_bit_per_j.net": ("byte/J", "bit/J"),
    "link.uplink.at_rates.0.e_c_bit_per_j.gross": ("kbit/J", "bit/J"),
    "link.uplink.fit.bit_energy_j": ("J", "J/bit"),
    "link.downlink.e_c_bit_per_j.net": ("", "bit/J"),
    "idle.power_w": ("mW", "W"),
    "e_d_over_e_c_flop_per_bit.net": ("FLOP/byte", "FLOP/bit"),
}


def changed(tmp_path, path, unit):
    document = json.loads(KEPT.read_bytes())
    inside = document
    for step in path.split("."):
        inside = inside[int(step) if step.isdigit() else step]
    inside["unit"] = unit
    file = tmp_path / "p.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("path", CHANGES)
def test_a_figure_in_another_unit_is_refused_and_named(tmp_path, path):
    unit, right = CHANGES[path]
    with pytest.raises(ProfileFormatError) as caught:
        load_profile(changed(tmp_path, path, unit))

    where = "".join(f"[{s}]" if s.isdigit() else f".{s}" for s in path.split("."))[1:]
    assert f": {where} is in {unit!r} and has to be in {right!r}; convert" in str(caught.value)


READERS = {
    "report": ["report", "{p}"],
    "optimize": ["optimize", "{m}", "--profile", "{p}"],
    "validate": ["validate", "{m}", "--profile", "{p}", "--sensor", "simulated"],
    "check": ["profile", "check", "{p}"],
    "show": ["profile", "show", "{p}"],
    "diff": ["profile", "diff", str(KEPT), "{p}"],
    "merge": ["profile", "merge", str(KEPT), "{p}", "-o", "{o}"],
    "redact": ["profile", "redact", "{p}", "-o", "{o}"],
    "upgrade": ["profile", "upgrade", "{p}", "-o", "{o}"],
}


@pytest.mark.parametrize("reader", READERS)
def test_every_command_that_reads_a_profile_refuses_it_in_one_line(tmp_path, capsys, reader):
    names = {
        "p": changed(tmp_path, "compute.e_d_flop_per_j.net", "GFLOP/J"),
        "m": paper_network(),
        "o": tmp_path / "out.json",
    }

    code = _main.run([word.format(**names) for word in READERS[reader]])

    told = capsys.readouterr()
    assert code == 3
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "compute.e_d_flop_per_j.net is in 'GFLOP/J' and has to be in 'FLOP/J'" in told.err
    assert not names["o"].exists()
