"""How properties are tried: the same examples at every run."""

from hypothesis import HealthCheck, Phase, settings

__all__ = ["property_of_logs", "property_of_numbers"]

property_of_logs = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a log takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
property_of_numbers = settings(max_examples=300, derandomize=True, database=None)
