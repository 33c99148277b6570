"""`deploy/athena.sql` can be parsed, every name in it is defined, and the questions are the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from telemetry.domain.contract.signals import KNOWN
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.lake import schema
from tests.questions.test_questions import QUESTIONS

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "deploy" / "athena.sql").read_text()
STATEMENTS: Final = [each for each in sqlglot.parse(TEXT, dialect="athena") if each]
TABLES: Final = {
    each.this.this.name: each
    for each in STATEMENTS
    if isinstance(each, exp.Create) and each.kind == "TABLE" and isinstance(each.this, exp.Schema)
}
VIEWS: Final = {
    each.this.name: each for each in STATEMENTS if isinstance(each, exp.Create) and each.kind == "VIEW"
}


def columns(table: str) -> dict[str, str]:
    """Return the columns of a table with their types, and those of its partitions."""
    found = {
        each.name: each.args["kind"].sql("trino")
        for each in TABLES[table].find_all(exp.ColumnDef)
        if each.find_ancestor(exp.Struct, exp.DataType) is None
    }
    return found | dict.fromkeys("ymdh", "INT")


def known() -> dict[str, object]:
    """Return the columns of all tables, and of the views by the names that they give."""
    views: dict[str, object] = {
        name: dict.fromkeys((each.alias_or_name for each in view.expression.selects), "VARCHAR")
        for name, view in VIEWS.items()
    }
    return {name: columns(name) for name in TABLES} | views


def asked() -> Iterator[tuple[str, exp.Expression]]:
    yield from ((name, view.expression) for name, view in VIEWS.items())
    questions = [each for each in STATEMENTS if isinstance(each, exp.Select)]
    yield from ((f"question {number}", each) for number, each in enumerate(questions, start=1))


def test_there_are_tables_for_each_tree_and_the_views_of_the_command():
    assert set(TABLES) == {"raw_lines", "compacted", "stored_figures"}
    assert set(VIEWS) == {"records", "figures", "hours"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_questions_are_those_that_other_engines_answer(question: str):
    assert f"-- {question}\n{QUESTIONS[question].rstrip()}\n" in TEXT


@pytest.mark.parametrize("name", [name for name, _ in asked()])
def test_every_name_is_that_of_a_table_or_of_a_column(name: str):
    without = dict(asked())[name].copy()
    for table in without.find_all(exp.Table):
        table.set("db", None)
    qualify(without, schema=known(), dialect="athena", validate_qualify_columns=True)


def test_the_columns_are_those_of_the_objects():
    assert set(columns("compacted")) - set("ymdh") == set(schema.COLUMNS)
    assert set(columns("stored_figures")) - set("ymdh") <= set(Aggregated.__struct_fields__)
    names = {each.alias_or_name for each in VIEWS["records"].expression.selects}
    assert {*schema.COLUMNS, "hour", *"ymdh"} == names >= set(KNOWN)


def test_partitions_are_projected_from_the_folders_of_the_store():
    for tree in ("raw", "compacted", "aggregated"):
        folder = f"s3://BUCKET/{tree}/year=${{y}}/month=${{m}}/day=${{d}}/hour=${{h}}/"
        assert f"'storage.location.template' = '{folder}'" in TEXT
    for digits in re.findall(r"'projection\.(\w)\.digits' = '(\d)'", TEXT):
        assert digits in {("y", "4"), ("m", "2"), ("d", "2"), ("h", "2")}
