"""The names of CAN signals in a payload."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.naming import snake_names
from telemetry.domain.contract import signals


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("soc_pct", "soc_pct"),
        ("pack_current_A", "pack_current_a"),
        ("CamelCase", "camel_case"),
        ("HVBatteryVoltage", "hv_battery_voltage"),
        ("PACK_VOLTAGE", "pack_voltage"),
        ("Cell12Voltage", "cell12_voltage"),
        ("predicted_energy_target_kWh", "predicted_energy_target_kwh"),
        ("aux_mA", "aux_ma"),
        ("__Odd--name.", "odd_name"),
    ],
)
def test_a_signal_is_named_in_snake_case_and_a_unit_stays_one_word(name, snake):
    assert snake_names([name]) == ([snake], [])


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("_4WD_Status", "signal_4_wd_status"),
        ("_1", "signal_1"),
        ("___", "signal"),
        ("Größe_µC", "gr_e_c"),
        ("a" * 65, "a" * 64),
    ],
)
def test_a_name_that_no_payload_takes_is_mended_and_said(name, snake):
    names, notes = snake_names(["fine", name])
    assert names == ["fine", snake]
    assert notes in ([], [f"{name} is named {snake}"])
    assert bool(notes) == (name != "Größe_µC")


@pytest.mark.parametrize(
    ("originals", "names"),
    [
        (["CellV", "Cell_V"], ["cell_v", "cell_v_2"]),
        (["CellV", "cell_v"], ["cell_v_2", "cell_v"]),
        (["x", "x", "x"], ["x", "x_2", "x_3"]),
        (["X", "x_2", "x"], ["x_3", "x_2", "x"]),
        (["_1", "signal_1"], ["signal_1_2", "signal_1"]),
        (["a" * 64, "A" + "a" * 63], ["a" * 64, "a" * 62 + "_2"]),
    ],
)
def test_signals_that_would_share_a_name_are_told_apart_and_one_in_snake_case_keeps_its_own(originals, names):
    assert snake_names(originals).names == names


@given(
    st.lists(st.text(min_size=1, max_size=70) | st.sampled_from(["a", "A", "a_2", "_2", "2"]), max_size=12)
)
def test_whatever_signals_are_called_each_has_a_name_of_its_own_that_the_contract_takes(originals):
    names = snake_names(originals).names
    assert len(set(names)) == len(originals)
    signals.check(dict.fromkeys(names, 0.0)) if names else None
