"""From objects to hourly figures."""
