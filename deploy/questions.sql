-- Ten questions, which DuckDB, Trino, Athena, Spark, DataFusion and Polars read alike.
-- A test runs them by several engines over one store, and compares the answers.

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
