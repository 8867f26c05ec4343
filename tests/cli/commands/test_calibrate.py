"""What ``joulesplit calibrate`` says and refuses before anything is started."""

from __future__ import annotations

import pytest


def root_with(tmp_path, free_mb):
    """A system that says how much memory is free, and nothing else."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemAvailable: {free_mb * 1000} kB\n")
    return tmp_path


@pytest.mark.parametrize(
    ("free_mb", "instead"),
    [(170, "give --plan quick, or stop other programs"), (50, "measure a smaller network")],
)
def test_a_campaign_that_takes_more_memory_than_is_free_is_refused_before_anything_starts(
    joulesplit, model, tmp_path, free_mb, instead
):
    outcome = joulesplit(
        "calibrate", model, "--sensor", "simulated", "--standard",
        "--root", root_with(tmp_path, free_mb), "-o", tmp_path / "profile.json",
    )  # fmt: skip

    assert outcome.code == 2
    # Nothing of the server, the link or the plan came before it.
    (line,) = outcome.err.splitlines()
    assert "plan standard takes" in line
    assert instead in line
    assert not (tmp_path / "profile.json").exists()
