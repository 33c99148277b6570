"""What a log holds, id by id."""

from telemetry.domain.can import columns
from telemetry.domain.can.survey import Line, Survey
from tests.can_logs import block


def see(survey: Survey, *rows: tuple[float, int, bytes], **signals: float) -> None:
    frames = block(*rows)
    for group in columns.groups(frames):
        survey.see(frames, group, [signals] if signals else [])


def test_each_id_has_its_frames_its_rate_its_lengths_and_what_it_decodes_to():
    survey = Survey()
    see(survey, (10.0, 0x112, b"1"), (10.5, 0x112, b"1"), soc=50.0)
    see(survey, (11.0, 0x112, b"12"), (9.0, 0x112, b"1"), (11.0, 0x1A5, b""))
    see(survey, (12.0, 0x112, b"1"), soc=51.0, voltage=400.0)
    assert list(survey.lines()) == [
        Line("can0", "0x112", False, 5, 2, 1.333, [1, 2], {"soc": 51.0, "voltage": 400.0}),  # noqa: FBT003
        Line("can0", "0x1A5", False, 1, 0, None, [0], {}),  # noqa: FBT003  # not extended
    ]
