"""Debian's own kernel in QEMU: i2c-dev, i2c-stub and the kernel's ina2xx driver, unmodified.

What this cannot show: missing acknowledges, plain I2C and bus speed, which i2c-stub does not have;
a ready bit that a read clears, since nothing behind the stub sees a read.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
CONTRACT = HERE.parent / "contract"
# What pytest's plug-ins import takes half a minute in a guest; these two the settings name.
NO_PLUGINS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"
OPTIONS = "-p xdist.plugin -p pytest_timeout -p no:cacheprovider -n 0 -q --color=no -o timeout=120"
CANNOT = 77
LIMIT_S = 900
"""The guest's own limit is shorter; the first run downloads and builds besides."""


@pytest.mark.kernel
@pytest.mark.timeout(LIMIT_S)
def test_on_a_real_kernel(cannot):
    command = [HERE / "run_in_guest.sh", "env", "JOULESPLIT_CHIP=stub", NO_PLUGINS]
    command += [sys.executable, "-m", "pytest", *OPTIONS.split()]
    command += [HERE / "inside", CONTRACT / "test_bus_contract.py"]
    command += [CONTRACT / "test_sensor_contract.py", CONTRACT / "test_ina226_contract.py"]
    result = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if result.returncode == CANNOT:
        cannot(result.stderr.strip().splitlines()[-1])
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
