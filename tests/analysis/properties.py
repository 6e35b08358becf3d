"""How often properties of logs and of numbers are tried."""

from hypothesis import Phase, settings

__all__ = ["property_of_logs", "property_of_numbers"]

property_of_logs = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],  # shrinking a log takes minutes
)
property_of_numbers = settings(max_examples=300)
