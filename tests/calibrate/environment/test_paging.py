"""Pages swapped and waited for, from recorded trees of /proc."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.environment import Machine, PagingWatch

OWN, SAMPLER, OTHER = 100, 101, 200


def write(root, *, swapped_in=0, swapped_out=0, waited=None):
    """Write the counters of one moment; ``waited`` has the major faults of processes."""
    (root / "proc").mkdir(exist_ok=True)
    counters = f"pgpgin 999\npswpin {swapped_in}\npswpout {swapped_out}\npgmajfault 77\n"
    (root / "proc/vmstat").write_text(counters)
    for process, faults in (waited or {OWN: 10}).items():
        task = root / f"proc/{process}/task/{process}"
        task.mkdir(parents=True, exist_ok=True)
        (task / "children").write_text(f"{SAMPLER}" if process == OWN else "")
        fields = ["S", "1", *["0"] * 7, f"{faults}", *["0"] * 5]
        (root / f"proc/{process}/stat").write_text(f"{process} (a) b) {' '.join(fields)}\n")


@pytest.fixture
def watch(tmp_path):
    return PagingWatch(Machine(root=tmp_path), own=(OWN,))


def test_what_the_system_swapped_counts_whichever_way_and_what_was_before_does_not(watch, tmp_path):
    write(tmp_path, swapped_in=500, swapped_out=300)
    watch.begin()
    write(tmp_path, swapped_in=503, swapped_out=304)
    assert watch.since() == 7


def test_what_we_and_what_we_started_waited_for_counts_and_what_others_did_does_not(
    watch, tmp_path
):
    write(tmp_path, waited={OWN: 10, SAMPLER: 5, OTHER: 1})
    watch.begin()
    write(tmp_path, waited={OWN: 12, SAMPLER: 6, OTHER: 90})
    assert watch.since() == 3


def test_a_process_of_ours_that_has_ended_takes_nothing_away(watch, tmp_path):
    write(tmp_path, waited={OWN: 10, SAMPLER: 5})
    watch.begin()
    write(tmp_path, swapped_in=2, waited={OWN: 11})
    (tmp_path / f"proc/{SAMPLER}/stat").unlink()
    assert watch.since() == 2


def test_where_the_system_does_not_tell_nothing_is_said(watch, tmp_path):
    watch.begin()
    write(tmp_path)
    assert watch.since() is None
    assert PagingWatch(Machine()).since() is None


def test_this_very_system_tells():
    watch = PagingWatch(Machine())
    watch.begin()
    assert watch.since() is not None
