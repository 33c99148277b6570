"""`telemetry simulator`: which fleet it drives, and its picture."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.shared import picture, scene
from telemetry.entrypoints.shared.scene import SceneError, SceneOptions


def _choose(*arguments: str) -> Scenario:
    parser = Parser.of("simulator", None)
    scene.add_options(parser)
    return scene.scenario(parser.read(arguments).to(SceneOptions))


def _written(folder: Path, text: str) -> Path:
    file = folder / "trace.csv"
    file.write_text(text)
    return file


def test_a_fleet_is_plain_unless_something_is_said():
    scenario = _choose()
    assert (scenario.variants, scenario.profile, scenario.ambient) == ({"i3-60ah": 1.0}, "drive", None)
    assert (scenario.health, scenario.trace) == (1.0, None)


def test_a_fleet_is_what_was_said():
    scenario = _choose("--variant", "i3-60ah=2,i3-120ah", "--profile", "mixed", "--ambient=-5", "--soh", "80")
    assert (scenario.variants, scenario.profile) == ({"i3-60ah": 2.0, "i3-120ah": 1.0}, "mixed")
    assert (scenario.ambient, scenario.health) == (-5.0, 0.8)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--variant", "i4"), "--variant: there is no variant i4; there are i3-60ah"),
        (("--variant", "i3-60ah=0"), "--variant: the weight of i3-60ah is 0, expected more than 0"),
        (("--variant", "i3-60ah=nan"), "--variant: the weight of i3-60ah is nan, expected more than 0"),
        (("--soh", "20"), "--soh: 20: Expected `float` >= 50"),
        (("--ambient", "nan"), "--ambient: nan: Expected `float` >= -30"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused_by_the_name_of_the_option(capsys, arguments, complaint):
    with pytest.raises(SystemExit) as ended:
        _choose(*arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_current_is_driven_as_it_was_recorded_even_beside_a_speed(tmp_path):
    trace = scene.read_trace(_written(tmp_path, "t_s,pack_A,speed_kmh\n0,-3,0\n0.2,-9,36\n"))
    assert trace.speed is None
    np.testing.assert_array_equal(trace.current, [-3.0, -9.0])


def test_a_speed_is_read_in_kilometres_an_hour(tmp_path):
    trace = scene.read_trace(_written(tmp_path, "time,speed_kmh\n0,0\n1,36\n"))
    np.testing.assert_array_equal(trace.speed, [0.0, 10.0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "none of the columns is called t_s"),
        ("pack_A\n1\n", "none of the columns is called t_s"),
        ("t_s,volt\n0,1\n1,1\n", "either a current or a speed"),
        ("t_s,pack_A\n0,1\n1,fast\n", "could not convert"),
        ("t_s,pack_A\n1,1\n0,1\n", "the time of a trace rises"),
    ],
)
def test_a_file_that_holds_no_trace_is_named_with_the_reason(tmp_path, text, complaint):
    with pytest.raises(SceneError, match=rf"trace\.csv: .*{complaint}"):
        scene.read_trace(_written(tmp_path, text))


def test_a_trip_as_it_was_recorded_is_a_trace(tmp_path, real_data):
    packed = real_data / "tum_bmw_i3_60ah" / "TripA01.csv.gz"
    trace = scene.read_trace(_written(tmp_path, gzip.decompress(packed.read_bytes()).decode()))
    assert len(trace.time_s) == 5045


def test_the_plot_is_a_picture_and_needs_no_receiver(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["simulator", "--plot", "out.png", "--duration", "4", "--vehicles", "2"]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "veh-00001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        ((), "pack i3-60ah, 100 % state of health, profile drive, ambient each its own"),
        (
            ("--variant", "i3-120ah", "--profile", "mixed", "--ambient=-5", "--soh", "80"),
            "pack i3-120ah, 80 % state of health, profile mixed, ambient -5 °C",
        ),
        (
            ("--variant", "i3-60ah,i3-120ah", "--trace", "a/trip.csv"),
            "pack i3-60ah or i3-120ah, 100 % state of health, trace trip.csv, ambient each its own",
        ),
    ],
)
def test_what_a_fleet_is_is_said_in_the_title(arguments, title):
    parser = Parser.of("simulator", None)
    scene.add_options(parser)
    assert scene.describe(parser.read(arguments).to(SceneOptions)) == title


def test_the_title_of_the_plot_has_pack_profile_ambient_and_seed(tmp_path, monkeypatch):
    plot = pytest.importorskip("telemetry.adapters.plot", reason="the extra `plot` is not installed")
    titles = []
    monkeypatch.setattr(plot, "panels", lambda *drawn: titles.append(drawn[-1]))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["simulator", "--plot", "out.png", "--duration", "1", "--ambient=-5", "--seed", "7"]) == 0
    assert titles == [
        "veh-00001, 1 s\npack i3-60ah, 100 % state of health, profile drive, ambient -5 °C, seed 7"
    ]


def test_without_the_extra_the_plot_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "telemetry.adapters.plot", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.*\[plot\]'$"):
        picture.draw(tmp_path / "out.png", Simulation(1, seed=1), 1.0)
