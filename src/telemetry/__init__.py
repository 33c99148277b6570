"""Lands the battery telemetry of a vehicle fleet and turns it into hourly figures that can be trusted."""
