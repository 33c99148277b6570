"""`.env.example` holds every setting, each with its default and what it is about."""

from pathlib import Path

import msgspec

from telemetry.entrypoints.process import kinds, settings
from telemetry.entrypoints.process.settings import Settings

EXAMPLE = Path(__file__).parents[3] / ".env.example"


def test_every_setting_stands_in_it_with_its_default_below_what_it_is_about():
    texts = settings.about()
    expected = []
    for field in msgspec.structs.fields(Settings):
        unit = kinds.unit(field)
        default = "" if field.default is None else field.default
        about = f"# {texts[field.name]}{f' In {unit}.' if unit else ''}"
        expected.append(f"{about}\n# {field.name.upper()}={default}")
    head, *entries = EXAMPLE.read_text().rstrip("\n").split("\n\n")
    assert entries == expected
    assert all(line.startswith("#") for line in head.splitlines())


def test_as_it_is_it_sets_nothing():
    assert settings.load({}, EXAMPLE) == Settings()


def test_with_every_line_uncommented_it_sets_the_defaults(tmp_path):
    names = [field.name.upper() for field in msgspec.structs.fields(Settings)]
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text().splitlines()]
    (tmp_path / ".env").write_text("\n".join(line for line in lines if line.partition("=")[0] in names))
    assert settings.load({}, tmp_path / ".env") == Settings()


def test_every_setting_is_about_something_in_one_sentence_or_two():
    assert [
        name for name, text in settings.about().items() if not text.endswith(".") or len(text) > 120
    ] == []
