"""Run the contract, and what only system calls can show, in a child that umockdev serves.

umockdev's library is preloaded into the child, which has ``/dev/i2c-1`` and ``/sys/class/hwmon``
then; no root and no virtual machine. The library ``pi-ina219`` is tested there as well if it lies,
with its own I2C code, in ``peers`` inside the virtual environment:

    pip install --no-deps --target .venv/peers pi-ina219==1.4.1 Adafruit-GPIO==1.0.3 \
        Adafruit-PureIO==1.1.12
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
DEBIAN_PYTHON = "/usr/bin/python3"
PACKAGES = "apt-get install -y umockdev gir1.2-umockdev-1.0 python3-gi"
NEEDED = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"
PEERS = Path(sys.prefix) / "peers"
LIMIT_S = 200


def missing() -> str | None:
    """Why this cannot be done here, if it cannot."""
    if shutil.which("umockdev-wrapper") is None:
        return f"no umockdev: {PACKAGES}"
    if not Path(DEBIAN_PYTHON).exists():
        return f"no {DEBIAN_PYTHON}, which umockdev's bindings are made for"
    tried = subprocess.run([DEBIAN_PYTHON, "-c", NEEDED], capture_output=True, check=False)
    return f"no bindings of umockdev: {PACKAGES}" if tried.returncode else None


@pytest.mark.parametrize(
    "files",
    [
        "test_bus_contract.py test_sensor_contract.py test_ina226_contract.py",
        "test_system_calls.py test_hwmon_tree.py",
        "test_library.py",
    ],
)
def test_through_real_system_calls(files, cannot):
    if reason := missing():
        cannot(reason)
    command = ["umockdev-wrapper", DEBIAN_PYTHON, str(HERE / "umockdev_server.py")]
    command += [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "-q"]
    result = subprocess.run(
        [*command, *(str(HERE / file) for file in files.split())],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PEERS)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if " skipped" in result.stdout and " passed" not in result.stdout:
        cannot(result.stdout.split("SKIPPED")[1].split(": ", 1)[1].splitlines()[0])
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
