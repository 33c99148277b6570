"""How hard the unit tests look."""

from hypothesis import HealthCheck, settings

# A machine that is busy with something else is no finding.
settings.register_profile(
    "unit", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")
