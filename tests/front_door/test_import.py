"""What ``import joulesplit`` gives, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import joulesplit

HEAVY = ("numpy", "scipy", "msgspec", "rich", "click", "requests", "typing", "inspect")
"""Of the last two the first costs 3 ms, the second 8 ms."""

ROOTS = {
    "SensorError": "joulesplit.drivers.errors",
    "PartitionError": "joulesplit.partition.errors",
    "EdgeError": "joulesplit.edge.errors",
    "CalibrationError": "joulesplit.calibrate.errors",
    "OptimizerError": "joulesplit.optimizer.errors",
}


def run(code, folder):
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def loaded_by(code, folder):
    """Return the modules that code loads beside those of Python's own start."""
    told = f"import sys; before = set(sys.modules)\n{code}\nimport json\n"
    return set(
        json.loads(run(told + "print(json.dumps(sorted(set(sys.modules) - before)))", folder))
    )


def test_importing_it_loads_none_of_what_it_may_need_later(tmp_path):
    loaded = loaded_by("import joulesplit", tmp_path)
    assert loaded.isdisjoint(HEAVY)
    assert not {name for name in loaded if name.startswith("joulesplit.") and "numpy" in name}
    assert "joulesplit" in loaded


def test_a_name_is_loaded_when_it_is_first_used(tmp_path):
    code = "import joulesplit as js; js.Network"
    loaded = loaded_by(code, tmp_path)
    assert "joulesplit.partition" in loaded
    assert loaded.isdisjoint({"scipy", "joulesplit.calibrate.profile", "joulesplit.drivers"})


def test_every_name_is_there_and_is_listed(tmp_path):
    out = run(
        "import joulesplit as js\nfor n in js.__all__: print(n, getattr(js, n) is None)", tmp_path
    )
    rows = [line.split() for line in out.splitlines()]
    assert [name for name, _ in rows] == sorted(joulesplit.__all__)
    assert {missing for _, missing in rows} == {"False"}
    assert set(joulesplit.__all__) <= set(dir(joulesplit))


@pytest.mark.parametrize(("name", "home"), ROOTS.items())
def test_each_rooms_errors_have_their_root_here(name, home):
    root = getattr(joulesplit, name)
    assert root.__module__ == home
    assert root.__mro__[1] is Exception


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="measure_everything"):
        _ = joulesplit.measure_everything


def test_it_knows_its_version_as_the_installation_does():
    from importlib.metadata import version

    assert joulesplit.__version__ == version("joulesplit")
