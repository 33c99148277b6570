"""The views that a question may name, as DuckDB knows them.

The files of a tree are in a variable, so that nothing is globbed. Every column has a type, so that nothing is
guessed from the first lines, and a signal that appears late is there. The hour of a file is read from its
name: a condition on `hour` leaves the files of other hours unread.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from telemetry.domain.contract.signals import KNOWN

About = Literal["records", "figures"]

RAW_LINES: Final = r"""
    CREATE VIEW raw_lines AS
    SELECT try_strptime(regexp_extract(filename, 'year=\d+/month=\d+/day=\d+/hour=\d+'),
                    'year=%Y/month=%m/day=%d/hour=%H') AS hour,
           date_trunc('milliseconds', try_cast("timestamp" AS TIMESTAMP)) AS "timestamp",
           vehicle_id,
           can_id,
           payload,
           date_trunc('milliseconds', try_cast(ingest_received_at AS TIMESTAMP)) AS ingest_received_at
    FROM read_json(getvariable('raw'), format = 'newline_delimited', ignore_errors = true,
                   filename = true, hive_partitioning = false,
                   columns = {"timestamp": 'VARCHAR', vehicle_id: 'VARCHAR', can_id: 'VARCHAR',
                              payload: 'MAP(VARCHAR, DOUBLE)', ingest_received_at: 'VARCHAR'})
"""
"""Every line of `raw/` that is not compacted, copies included.

What is no record has no vehicle, no time, or a value too few.
"""

_NAMES: Final = ", ".join(f"'{name}'" for name in KNOWN)
_FIELDS: Final = (
    f'hour, "timestamp", vehicle_id, can_id, {", ".join(KNOWN)}, other_signals, ingest_received_at'
)

_COMPACTED: Final = r"""
    SELECT * REPLACE ("timestamp"::TIMESTAMP AS "timestamp", ingest_received_at::TIMESTAMP AS ingest_received_at),
           try_strptime(regexp_extract(filename, 'year=\d+/month=\d+/day=\d+/hour=\d+'),
                    'year=%Y/month=%m/day=%d/hour=%H') AS hour
    FROM read_parquet(getvariable('{files}'), filename = true, hive_partitioning = false, union_by_name = true)
"""

_CANDIDATES: Final = f"""
    SELECT hour, "timestamp", vehicle_id, can_id, ingest_received_at, payload
    FROM raw_lines
    WHERE vehicle_id IS NOT NULL AND can_id IS NOT NULL AND ingest_received_at IS NOT NULL
      AND date_trunc('hour', "timestamp") = hour
      AND len(map_values(payload)) = list_count(map_values(payload))
    UNION ALL
    SELECT hour, "timestamp", vehicle_id, can_id, ingest_received_at,
           map_from_entries(list_concat(map_entries(other_signals), list_filter(
               [{", ".join(f"{{'key': '{name}', 'value': {name}}}" for name in KNOWN)}],
               lambda each: each.value IS NOT NULL))) AS payload
    FROM ({_COMPACTED.format(files="mixed")})
"""  # noqa: S608  # it is made of our own names

_UNIQUE: Final = f"""
    FROM ({_CANDIDATES})
    QUALIFY row_number() OVER (
        PARTITION BY hour, vehicle_id, can_id, "timestamp"
        ORDER BY ingest_received_at,
                 list_append(list_sort(map_entries(payload)), {{'key': '~', 'value': 0.0}})) = 1
"""

RECORDS: Final = f"""
    CREATE VIEW records AS
    SELECT {_FIELDS} FROM ({_COMPACTED.format(files="whole")})
    UNION ALL
    SELECT hour, "timestamp", vehicle_id, can_id,
           {", ".join(f"payload['{name}'] AS {name}" for name in KNOWN)},
           map_from_entries(list_filter(map_entries(payload), lambda each: each.key NOT IN ({_NAMES}))),
           ingest_received_at
    FROM ({_UNIQUE})
"""  # noqa: S608  # as above
"""One record of each identity: of its copies the one received first, and of these the one with the lowest
values, in the order of their names. A signal that is absent comes after any value: `~` comes after any name.
"""

NOTHING: Final = f"""
    COPY (SELECT ''::VARCHAR AS vehicle_id, ''::VARCHAR AS can_id, now() AS "timestamp",
                 now() AS ingest_received_at, {", ".join(f"NULL::DOUBLE AS {name}" for name in KNOWN)},
                 NULL::MAP(VARCHAR, DOUBLE) AS other_signals
          LIMIT 0) TO '{{file}}' (FORMAT parquet)
"""  # as above
"""A file of compacted records without any, so that there is always one, with every column."""

STORED_FIGURES: Final = """
    CREATE VIEW stored_figures AS
    SELECT * REPLACE (try_cast(hour AS TIMESTAMP) AS hour)
    FROM read_json(getvariable('aggregated'), format = 'newline_delimited', ignore_errors = true,
                   maximum_object_size = getvariable('largest'), hive_partitioning = false,
                   columns = {hour: 'VARCHAR', "records": 'BIGINT', "unique": 'BIGINT', duplicates: 'BIGINT',
                              conflicting: 'BIGINT', refused: 'BIGINT', skewed: 'BIGINT', damaged: 'BIGINT',
                              objects: 'BIGINT', input_digest: 'VARCHAR', inputs_missing: 'BIGINT',
                              vehicles: 'MAP(VARCHAR, STRUCT(
                                  "count" BIGINT, "first" VARCHAR, "last" VARCHAR,
                                  signals MAP(VARCHAR, STRUCT(
                                      "count" BIGINT, "min" DOUBLE, "max" DOUBLE, "avg" DOUBLE))))',
                              certificate: 'STRUCT(
                                  state VARCHAR, revision BIGINT, since VARCHAR, late BIGINT,
                                  wholeness STRUCT(
                                      expected BIGINT, missing BIGINT, missing_share DOUBLE, gaps BIGINT,
                                      vehicles_with_gaps BIGINT, absent MAP(VARCHAR, JSON)))'})
    WHERE try_cast(hour AS TIMESTAMP) IS NOT NULL
"""
"""The figures of an hour as they are stored, a row an hour."""

FIGURES: Final = """
    CREATE VIEW figures AS
    SELECT hour, vehicle.key AS vehicle_id, signal.key AS signal,
           signal.value."count" AS "count", signal.value."min" AS "min",
           signal.value."max" AS "max", signal.value."avg" AS "avg",
           vehicle.value."count" AS "records",
           try_cast(vehicle.value."first" AS TIMESTAMP) AS first_record,
           try_cast(vehicle.value."last" AS TIMESTAMP) AS last_record
    FROM (SELECT hour, vehicle, unnest(map_entries(vehicle.value.signals)) AS signal
          FROM (SELECT hour, unnest(map_entries(vehicles)) AS vehicle FROM stored_figures))
"""
"""A row an hour, vehicle and signal."""

HOURS: Final = """
    CREATE VIEW hours AS
    SELECT hour, certificate.state AS state, certificate.revision AS revision,
           try_cast(certificate.since AS TIMESTAMP) AS since,
           "records", "unique" AS unique_records, duplicates, conflicting, refused, skewed, damaged, objects,
           cardinality(vehicles) AS vehicles, certificate.late AS late,
           certificate.wholeness.expected AS expected, certificate.wholeness.missing AS missing,
           certificate.wholeness.missing_share AS missing_share, certificate.wholeness.gaps AS gaps,
           certificate.wholeness.vehicles_with_gaps AS vehicles_with_gaps,
           cardinality(certificate.wholeness.absent) AS absent, inputs_missing, input_digest
    FROM stored_figures
"""
"""A row an hour: its state, its revision, and what its figures count."""


class View(NamedTuple):
    """What makes a view, and what it is about."""

    about: About
    statement: str


ALL: Final[Mapping[str, View]] = {
    "raw_lines": View("records", RAW_LINES),
    "records": View("records", RECORDS),
    "stored_figures": View("figures", STORED_FIGURES),
    "figures": View("figures", FIGURES),
    "hours": View("figures", HOURS),
}
"""The views by their names, each after those that it is made of."""

_WORD: Final = re.compile(r"\w+")


def needs(question: str) -> frozenset[About]:
    """Return what a question is about, by the words in it; more than it needs does no harm."""
    words = set(_WORD.findall(question.lower()))
    return frozenset(view.about for name, view in ALL.items() if name in words)
