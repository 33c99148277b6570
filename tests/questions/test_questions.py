"""Four engines answer the same questions about the same store alike, whether it is compacted or not."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.questions import engines, store
from tests.questions.engines import Rows
from tests.questions.store import Store

ROOT: Final = Path(__file__).parents[2]
QUESTIONS: Final = dict(
    re.findall(
        r"^-- (.+\?)$\n((?:(?!--).*\n)+?)(?=\n|\Z)", (ROOT / "deploy/questions.sql").read_text(), re.MULTILINE
    )
)
"""What is asked, and how."""


@pytest.fixture(scope="module", params=["raw", "compacted"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store as the consumer left it, and one whose hours were compacted."""
    folder = tmp_path_factory.mktemp(request.param)
    return asyncio.run(store.make(folder, is_compacted=request.param == "compacted"))


def test_there_are_ten_questions():
    assert len(QUESTIONS) == 10


def test_a_store_holds_what_makes_the_answers_differ(stored: Store):
    assert bool(stored.parquet) != bool(stored.lines)
    assert sum(each["duplicates"] for each in stored.hour_rows) > 100
    assert sum(each["unique_records"] for each in stored.hour_rows) == 2 * 12 * 60


@pytest.mark.parametrize("engine", [engines.polars, engines.fusion])
@pytest.mark.parametrize("question", QUESTIONS)
def test_engines_that_speak_sql_answer_as_duckdb_does(
    stored: Store, question: str, engine: Callable[..., Rows]
):
    expected = engines.duckdb(stored, QUESTIONS[question])
    assert expected
    assert plain(engine(stored, QUESTIONS[question].strip().rstrip(";"))) == near(expected)


@pytest.mark.parametrize("question", QUESTIONS)
def test_pyarrow_answers_as_duckdb_does(stored: Store, question: str):
    answer = ARROW[[*QUESTIONS].index(question)](stored)
    rows = [tuple(row.values()) for row in answer.to_pylist()]
    assert plain(rows) == near(engines.duckdb(stored, QUESTIONS[question]))


def plain(rows: Rows) -> list[tuple[Any, ...]]:
    return [
        tuple(each.replace(tzinfo=None) if isinstance(each, datetime) else each for each in row)
        for row in rows
    ]


def near(rows: Rows) -> list[tuple[Any, ...]]:
    return [
        tuple(pytest.approx(each, rel=1e-12, abs=1e-12) if isinstance(each, float) else each for each in row)
        for row in plain(rows)
    ]


def grouped(table: pa.Table, by: Sequence[str], named: Mapping[str, tuple[str, str]]) -> pa.Table:
    """Add up columns by others; return both in order, under new names."""
    found = table.group_by(list(by), use_threads=False).aggregate([*named.values()])
    found = found.select([*by, *(f"{column}_{how}" for column, how in named.values())])
    return found.rename_columns([*by, *named]).sort_by([(name, "ascending") for name in by])


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.append_column(name, values)


def low(made: Store) -> pa.Table:
    found = grouped(engines.arrow_records(made), ["vehicle_id"], {"lowest_soc": ("battery_soc", "min")})
    return found.filter(pc.field("lowest_soc") < 60)


def spread(made: Store) -> pa.Table:
    table = engines.arrow_records(made)
    apart = pc.subtract(table["cell_voltage_max"], table["cell_voltage_min"])
    return grouped(with_column(table, "apart", apart), ["vehicle_id"], {"spread": ("apart", "max")})


def power(made: Store) -> pa.Table:
    table = engines.arrow_records(made)
    watts = pc.multiply(table["battery_voltage"], table["battery_current"])
    found = grouped(with_column(table, "w", watts), ["vehicle_id", "hour"], {"mean_kw": ("w", "mean")})
    return found.set_column(2, "mean_kw", pc.divide(found["mean_kw"], 1000.0))


def discharging(made: Store) -> pa.Table:
    table = engines.arrow_records(made)
    is_out = pc.fill_null(pc.less(table["battery_current"], 0.0), False).cast(pa.float64())  # noqa: FBT003
    return grouped(with_column(table, "out", is_out), ["vehicle_id"], {"discharging": ("out", "mean")})


def voltages(made: Store) -> pa.Table:
    table = engines.arrow_figures(made).filter(pc.field("signal") == "battery_voltage")
    return table.sort_by([("hour", "ascending"), ("vehicle_id", "ascending")]).select(
        ["hour", "vehicle_id", "avg"]
    )


def fleet(made: Store) -> pa.Table:
    table = engines.arrow_figures(made).filter(pc.field("signal") == "battery_soc")
    table = with_column(table, "total", pc.multiply(table["avg"], table["count"].cast(pa.float64())))
    found = grouped(table, ["hour"], {"total": ("total", "sum"), "count": ("count", "sum")})
    return pa.table({"hour": found["hour"], "fleet_soc": pc.divide(found["total"], found["count"])})


def warmer(made: Store) -> pa.Table:
    table = engines.arrow_figures(made).filter(pc.field("signal") == "cell_temp_max")
    joined = table.join(grouped(table, ["hour"], {"mean": ("max", "mean")}), "hour", use_threads=False)
    joined = with_column(joined, "warmer_by", pc.subtract(joined["max"], joined["mean"]))
    joined = joined.filter(pc.field("warmer_by") > 0).select(["hour", "vehicle_id", "warmer_by"])
    return joined.sort_by([("hour", "ascending"), ("vehicle_id", "ascending")])


def with_copies(made: Store) -> pa.Table:
    table = engines.arrow_hours(made).filter(pc.field("duplicates") > 0).sort_by("hour")
    return table.select(["hour", "records", "unique_records", "duplicates"])


ARROW: Final[Sequence[Callable[[Store], pa.Table]]] = (
    lambda made: grouped(
        engines.arrow_records(made),
        ["hour"],
        {"records": ("can_id", "count"), "vehicles": ("vehicle_id", "count_distinct")},
    ),
    low,
    lambda made: grouped(engines.arrow_records(made), ["vehicle_id"], {"hottest": ("cell_temp_max", "max")}),
    spread,
    power,
    discharging,
    voltages,
    fleet,
    warmer,
    with_copies,
)
"""The questions in their order, for an engine without SQL."""
