"""What the roles count and measure, for Prometheus."""
