"""The picture of a fleet: nothing in it is hidden, and its title says what it shows."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")

from matplotlib.figure import Figure

from telemetry.adapters import plot

PANELS: dict[str, plot.Lines] = {
    "SoC in %": {"battery_soc": [50.0, 49.0, 48.0]},
    "cells in V": {"cell_voltage_min": [3.5, 3.4, 3.4], "cell_voltage_max": [3.6, 3.6, 3.5]},
}


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Figure:
    """A picture, as matplotlib has it after it was saved."""
    saved: list[Figure] = []
    saving = Figure.savefig

    def save(self: Figure, *arguments: object, **options: object) -> None:
        saving(self, *arguments, **options)  # type: ignore[arg-type]  # as they were given
        saved.append(self)

    monkeypatch.setattr(Figure, "savefig", save)
    plot.panels(tmp_path / "out.png", [0.0, 0.2, 0.4], PANELS, "veh-00001, i3-60ah")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    return saved[0]


def test_the_title_stands_above_the_first_panel(drawn):
    assert drawn.axes[0].get_title() == "veh-00001, i3-60ah"


def test_the_legend_is_beside_its_panel_and_within_the_picture(drawn):
    single, pair = drawn.axes
    assert single.get_legend() is None
    legend = pair.get_legend().get_window_extent()
    assert legend.x0 >= pair.get_window_extent().x1
    assert legend.x1 <= drawn.bbox.x1


def test_between_two_other_lines_no_band_is_filled(tmp_path, monkeypatch):
    filled = []
    monkeypatch.setattr("matplotlib.axes.Axes.fill_between", lambda *drawn, **_: filled.append(drawn))
    lines = {"measured": [1.0, 2.0], "modelled": [1.5, 2.5]}
    plot.panels(tmp_path / "out.png", [0.0, 1.0], {"pack in V": lines}, "a trip")
    assert filled == []


def test_between_the_lowest_and_the_highest_a_band_is_filled(drawn):
    single, pair = drawn.axes
    assert (len(single.collections), len(pair.collections)) == (0, 1)
    (band,) = pair.collections[0].get_paths()
    assert (band.vertices[:, 1].min(), band.vertices[:, 1].max()) == (3.4, 3.6)
