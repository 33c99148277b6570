-- The store as tables of Athena, views over them, and ten questions.
--
-- Write your bucket, and S3_PREFIX behind it if there is one, in the place of BUCKET, and run one statement
-- after the other. Partitions are projected: nothing has to be crawled or added. The folders of an hour are
-- the columns y, m, d and h, because `hour` is the moment itself. A condition on them leaves all other
-- folders unread: WHERE y = 2025 AND m = 10 AND d = 19. Folders of buckets are read with their hours.

CREATE DATABASE IF NOT EXISTS telemetry;

-- Lines as they were stored, copies included. Both .jsonl and .jsonl.zst are read.
CREATE EXTERNAL TABLE IF NOT EXISTS telemetry.raw_lines (
  `timestamp` string,
  vehicle_id string,
  can_id string,
  payload map<string, double>,
  ingest_received_at string
)
PARTITIONED BY (y int, m int, d int, h int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')
LOCATION 's3://BUCKET/raw/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.y.type' = 'integer', 'projection.y.range' = '2025,2035', 'projection.y.digits' = '4',
  'projection.m.type' = 'integer', 'projection.m.range' = '1,12', 'projection.m.digits' = '2',
  'projection.d.type' = 'integer', 'projection.d.range' = '1,31', 'projection.d.digits' = '2',
  'projection.h.type' = 'integer', 'projection.h.range' = '0,23', 'projection.h.digits' = '2',
  'storage.location.template' = 's3://BUCKET/raw/year=${y}/month=${m}/day=${d}/hour=${h}/'
);

-- What `telemetry compact` made of complete hours, as Parquet. What begins with `_` is not read.
CREATE EXTERNAL TABLE IF NOT EXISTS telemetry.compacted (
  vehicle_id string,
  can_id string,
  `timestamp` timestamp,
  ingest_received_at timestamp,
  battery_soc double,
  battery_voltage double,
  battery_current double,
  cell_voltage_min double,
  cell_voltage_max double,
  cell_temp_min double,
  cell_temp_max double,
  other_signals map<string, double>
)
PARTITIONED BY (y int, m int, d int, h int)
STORED AS PARQUET
LOCATION 's3://BUCKET/compacted/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.y.type' = 'integer', 'projection.y.range' = '2025,2035', 'projection.y.digits' = '4',
  'projection.m.type' = 'integer', 'projection.m.range' = '1,12', 'projection.m.digits' = '2',
  'projection.d.type' = 'integer', 'projection.d.range' = '1,31', 'projection.d.digits' = '2',
  'projection.h.type' = 'integer', 'projection.h.range' = '0,23', 'projection.h.digits' = '2',
  'storage.location.template' = 's3://BUCKET/compacted/year=${y}/month=${m}/day=${d}/hour=${h}/'
);

-- The figures of an hour and its certificate, an object an hour.
CREATE EXTERNAL TABLE IF NOT EXISTS telemetry.stored_figures (
  hour string,
  objects bigint,
  input_digest string,
  records bigint,
  `unique` bigint,
  duplicates bigint,
  conflicting bigint,
  refused bigint,
  skewed bigint,
  damaged bigint,
  inputs_missing bigint,
  vehicles map<string, struct<`count`: bigint, `first`: string, `last`: string,
    signals: map<string, struct<`count`: bigint, `min`: double, `max`: double, `avg`: double>>>>,
  certificate struct<state: string, revision: bigint, since: string, late: bigint,
    wholeness: struct<expected: bigint, missing: bigint, missing_share: double, gaps: bigint,
      vehicles_with_gaps: bigint>>
)
PARTITIONED BY (y int, m int, d int, h int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')
LOCATION 's3://BUCKET/aggregated/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.y.type' = 'integer', 'projection.y.range' = '2025,2035', 'projection.y.digits' = '4',
  'projection.m.type' = 'integer', 'projection.m.range' = '1,12', 'projection.m.digits' = '2',
  'projection.d.type' = 'integer', 'projection.d.range' = '1,31', 'projection.d.digits' = '2',
  'projection.h.type' = 'integer', 'projection.h.range' = '0,23', 'projection.h.digits' = '2',
  'storage.location.template' = 's3://BUCKET/aggregated/year=${y}/month=${m}/day=${d}/hour=${h}/'
);

-- Every record once, by the rule of the figures: of the copies the one received first, and of these the one
-- with the lowest values, in the order of their names. A signal that is absent comes after any value. Raw
-- lines that were compacted may still be there, and so may objects of an older compaction: these are copies.
CREATE OR REPLACE VIEW telemetry.records AS
SELECT y, m, d, h, hour, "timestamp", vehicle_id, can_id,
  battery_soc, battery_voltage, battery_current, cell_voltage_min, cell_voltage_max, cell_temp_min,
  cell_temp_max,
  other_signals, ingest_received_at
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY y, m, d, h, vehicle_id, can_id, "timestamp"
    ORDER BY ingest_received_at, array_sort(entries) || ARRAY[ROW('~', 0e0)]
  ) AS place
  FROM (
    SELECT y, m, d, h, date_trunc('hour', "timestamp") AS hour, "timestamp", vehicle_id, can_id,
      battery_soc, battery_voltage, battery_current, cell_voltage_min, cell_voltage_max,
      cell_temp_min, cell_temp_max,
      other_signals, ingest_received_at,
      map_entries(other_signals) || filter(ARRAY[
        ROW('battery_soc', battery_soc),
        ROW('battery_voltage', battery_voltage),
        ROW('battery_current', battery_current),
        ROW('cell_voltage_min', cell_voltage_min),
        ROW('cell_voltage_max', cell_voltage_max),
        ROW('cell_temp_min', cell_temp_min),
        ROW('cell_temp_max', cell_temp_max)
      ], each -> each[2] IS NOT NULL) AS entries
    FROM telemetry.compacted
    UNION ALL
    SELECT y, m, d, h, date_trunc('hour', moment) AS hour, moment AS "timestamp", vehicle_id, can_id,
      element_at(payload, 'battery_soc') AS battery_soc, element_at(payload, 'battery_voltage') AS
      battery_voltage, element_at(payload, 'battery_current') AS battery_current,
      element_at(payload, 'cell_voltage_min') AS cell_voltage_min, element_at(payload,
      'cell_voltage_max') AS cell_voltage_max, element_at(payload, 'cell_temp_min') AS
      cell_temp_min, element_at(payload, 'cell_temp_max') AS cell_temp_max,
      map_filter(payload, (name, value) -> name NOT IN (
        'battery_soc', 'battery_voltage', 'battery_current', 'cell_voltage_min', 'cell_voltage_max',
        'cell_temp_min', 'cell_temp_max')) AS other_signals,
      received AS ingest_received_at, map_entries(payload) AS entries
    FROM (
      SELECT y, m, d, h, vehicle_id, can_id, payload,
        CAST(from_iso8601_timestamp("timestamp") AS timestamp(3)) AS moment,
        CAST(from_iso8601_timestamp(ingest_received_at) AS timestamp(3)) AS received
      FROM telemetry.raw_lines
      WHERE vehicle_id IS NOT NULL AND can_id IS NOT NULL AND payload IS NOT NULL
    )
  )
)
WHERE place = 1;

-- A row an hour, vehicle and signal.
CREATE OR REPLACE VIEW telemetry.figures AS
SELECT y, m, d, h, CAST(from_iso8601_timestamp(hour) AS timestamp(3)) AS hour, vehicle_id, signal,
  figure."count" AS "count", figure."min" AS "min", figure."max" AS "max", figure."avg" AS "avg",
  vehicle."count" AS records,
  CAST(from_iso8601_timestamp(vehicle."first") AS timestamp(3)) AS first_record,
  CAST(from_iso8601_timestamp(vehicle."last") AS timestamp(3)) AS last_record
FROM telemetry.stored_figures
CROSS JOIN UNNEST(vehicles) AS by_vehicle (vehicle_id, vehicle)
CROSS JOIN UNNEST(vehicle.signals) AS by_signal (signal, figure);

-- A row an hour: its state, its revision, and what its figures count.
CREATE OR REPLACE VIEW telemetry.hours AS
SELECT y, m, d, h, CAST(from_iso8601_timestamp(hour) AS timestamp(3)) AS hour,
  certificate.state AS state, certificate.revision AS revision,
  CAST(from_iso8601_timestamp(certificate.since) AS timestamp(3)) AS since,
  records, "unique" AS unique_records, duplicates, conflicting, refused, skewed, damaged, objects,
  cardinality(vehicles) AS vehicles, certificate.late AS late,
  certificate.wholeness.expected AS expected, certificate.wholeness.missing AS missing,
  certificate.wholeness.missing_share AS missing_share, certificate.wholeness.gaps AS gaps,
  certificate.wholeness.vehicles_with_gaps AS vehicles_with_gaps, inputs_missing, input_digest
FROM telemetry.stored_figures;

-- The questions of questions.sql, in the database telemetry. Add a condition on y, m, d and h where there is
-- much: Athena bills each byte that it reads.

-- How many records has each hour, and of how many vehicles?
SELECT hour, count(*) AS records, count(DISTINCT vehicle_id) AS vehicles
FROM records
GROUP BY hour
ORDER BY hour;

-- Which vehicles ran low?
SELECT vehicle_id, min(battery_soc) AS lowest_soc
FROM records
GROUP BY vehicle_id
HAVING min(battery_soc) < 60
ORDER BY vehicle_id;

-- How hot was the hottest cell of each vehicle?
SELECT vehicle_id, max(cell_temp_max) AS hottest
FROM records
GROUP BY vehicle_id
ORDER BY vehicle_id;

-- How far apart were the cells of each vehicle at most, in volts?
SELECT vehicle_id, max(cell_voltage_max - cell_voltage_min) AS spread
FROM records
GROUP BY vehicle_id
ORDER BY vehicle_id;

-- What power did each vehicle take on average, in kW?
SELECT vehicle_id, hour, avg(battery_voltage * battery_current) / 1000 AS mean_kw
FROM records
GROUP BY vehicle_id, hour
ORDER BY vehicle_id, hour;

-- What share of the time did each vehicle discharge?
SELECT vehicle_id, avg(CASE WHEN battery_current < 0 THEN 1.0 ELSE 0.0 END) AS discharging
FROM records
GROUP BY vehicle_id
ORDER BY vehicle_id;

-- What was the average voltage of each vehicle, hour by hour?
SELECT hour, vehicle_id, avg AS mean_voltage
FROM figures
WHERE signal = 'battery_voltage'
ORDER BY hour, vehicle_id;

-- How full was the fleet, each record counted once?
SELECT hour, sum(avg * count) / sum(count) AS fleet_soc
FROM figures
WHERE signal = 'battery_soc'
GROUP BY hour
ORDER BY hour;

-- Which vehicles got warmer than the fleet on average?
SELECT one.hour, one.vehicle_id, one.max - fleet.mean AS warmer_by
FROM figures AS one
JOIN (SELECT hour, avg(max) AS mean FROM figures WHERE signal = 'cell_temp_max' GROUP BY hour) AS fleet
  ON one.hour = fleet.hour
WHERE one.signal = 'cell_temp_max' AND one.max > fleet.mean
ORDER BY one.hour, one.vehicle_id;

-- Which hours had copies, and how many?
SELECT hour, records, unique_records, duplicates
FROM hours
WHERE duplicates > 0
ORDER BY hour;
