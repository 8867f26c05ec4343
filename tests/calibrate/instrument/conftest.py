"""The bundled network, and a sensor."""

from __future__ import annotations

import pytest

from joulesplit.cli._resources import paper_network
from joulesplit.drivers.readings import AccuracyTerm, SensorDescription
from joulesplit.partition.reading import read_network


@pytest.fixture(scope="session")
def network():
    return read_network(paper_network())


@pytest.fixture(scope="session")
def description():
    """What the simulated sensor says of itself."""
    return SensorDescription(
        kind="simulated",
        name="simulated INA219",
        rail="5 V supply",
        includes="everything behind the shunt",
        simulated=True,
        modelled=False,
        cycle_s=0.009,
        observed_fraction=0.94,
        voltage_resolution_v=0.004,
        current_resolution_a=0.0001,
        full_scale_a=1.6,
        accuracy=(
            AccuracyTerm(
                name="shunt tolerance",
                kind="scale",
                half_width=0.01 * 3**0.5,
                distribution="rectangular",
                source="assumed",
            ),
        ),
    )


@pytest.fixture(scope="session")
def model():
    return paper_network()
