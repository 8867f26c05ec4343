"""What other programs take of the processors, from recorded trees of /proc."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.environment import LoadWatch, Machine
from joulesplit.cli.measuring import load_warning

OWN, SAMPLER, COMPILER, SHELL = 100, 101, 200, 1


def write(root, *, idle, own=0, sampler=0, compiler=None, short_lived=0, name="cc1plus"):
    """Write the counters of one moment, in ticks."""
    charged = own + sampler + (compiler or 0) + short_lived
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_text(f"cpu {charged} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0 0\n")
    processes = {OWN: ("joulesplit", SHELL, own), SAMPLER: ("sampler) R 1", OWN, sampler)}
    if compiler is not None:
        processes[COMPILER] = (name, SHELL, compiler)
    for number, (called, parent, ticks) in processes.items():
        directory = root / "proc" / str(number)
        directory.mkdir(exist_ok=True)
        fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", "0", "0"]
        (directory / "stat").write_text(f"{number} ({called}) {' '.join(fields)}\n")


@pytest.fixture
def watch(tmp_path):
    return LoadWatch(Machine(root=tmp_path), own=(OWN,))


def test_what_we_and_our_children_take_is_not_foreign(watch, tmp_path):
    write(tmp_path, idle=0)
    watch.begin()
    write(tmp_path, idle=100, own=60, sampler=40)

    load = watch.since()

    assert (load.share, load.programs) == (0.0, ())
    assert load_warning(load) is None


def test_other_programs_are_named_with_their_share_of_all_processors(watch, tmp_path):
    write(tmp_path, idle=0, compiler=1000)
    watch.begin()
    write(tmp_path, idle=100, own=50, compiler=1050)

    load = watch.since()

    assert load.share == pytest.approx(0.25)
    assert load.programs == (("cc1plus", pytest.approx(0.25)),)
    assert "cc1plus 25%" in load_warning(load)


def test_a_program_is_told_in_one_line_whatever_it_calls_itself(watch, tmp_path):
    write(tmp_path, idle=0, compiler=1000, name="a (b)\n c\n")
    watch.begin()
    write(tmp_path, idle=100, own=50, compiler=1050, name="a (b)\n c\n")

    load = watch.since()

    assert load.programs == (("a (b) c", pytest.approx(0.25)),)
    assert "\n" not in load_warning(load)


def test_a_program_that_came_and_went_counts_although_it_cannot_be_named(watch, tmp_path):
    write(tmp_path, idle=0)
    watch.begin()
    write(tmp_path, idle=60, own=20, short_lived=20)

    load = watch.since()

    assert (load.share, load.programs) == (pytest.approx(0.2), ())


def test_a_system_that_does_not_tell_is_no_load(watch):
    watch.begin()
    assert watch.since() is None
    assert load_warning(None) is None
