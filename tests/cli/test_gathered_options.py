"""Options of a command come as one value whose type says what there is."""

from __future__ import annotations

import dataclasses
from importlib import import_module

import click
import pytest

from joulesplit.cli._decision_request import DecisionRequest
from joulesplit.cli._options import gathered
from joulesplit.cli._partitioning import Request
from joulesplit.cli.commands._serve import ServerOptions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    colour: str
    count: int


def test_options_that_are_fields_come_as_one_value_and_the_rest_as_they_are(capsys):
    @click.command()
    @click.option("--colour")
    @click.option("--count", type=int)
    @click.option("--loud", is_flag=True)
    @gathered(Wish, "wish")
    def command(*, wish: Wish, loud: bool) -> None:
        click.echo(repr((wish, loud)))

    command(["--colour", "red", "--count", "3", "--loud"], standalone_mode=False)
    assert capsys.readouterr().out.strip() == repr((Wish(colour="red", count=3), True))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("_serve", ServerOptions), ("_partition", Request), ("_optimize", DecisionRequest)],
)
def test_every_field_of_a_commands_options_is_a_parameter_of_the_command(name, kind):
    command = import_module(f"joulesplit.cli.commands.{name}").command
    parameters = {parameter.name for parameter in command.params}
    assert {field.name for field in dataclasses.fields(kind)} <= parameters


@pytest.mark.parametrize(
    ("kind", "option", "value", "meant_for"),
    [
        ("simulated", "--shunt-ohm", "0.01", "ina219, pi-ina219, ina226, hwmon"),
        ("simulated", "--bus", "3", "ina219, pi-ina219, ina226"),
        ("ina219", "--hwmon-chip", "hwmon2", "hwmon"),
        ("ina219", "--trace", "x.csv", "replay"),
        ("rapl", "--grade", "A", "ina219, pi-ina219"),
        ("pi5-pmic", "--seed", "4", "simulated, simulated-ina226"),
        ("ina226", "--grade", "A", "ina219, pi-ina219"),
        ("ina226", "--bus-range", "32", "ina219, pi-ina219"),
        ("hwmon", "--shunt-samples", "64", "ina219, ina226"),
    ],
)
def test_an_option_that_means_nothing_to_the_sensor_is_refused(
    joulesplit, kind, option, value, meant_for
):
    outcome = joulesplit("monitor", "--sensor", kind, option, value)
    assert outcome.code == 2
    assert f"{option} means nothing to --sensor {kind}" in outcome.err
    assert f"({meant_for})" in " ".join(outcome.err.split())
