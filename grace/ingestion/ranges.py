"""What the columns may hold beyond their type: one literal table by column name.

Status columns are free text and stand in none of these.
"""

from grace.ingestion.reasons import Wrong, shown

__all__ = ["check_range"]

INFINITY = float("inf")


def _bounds(low: float, high: float, names: str) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(names.split(), (low, high))


BOUNDS: dict[str, tuple[float, float]] = {
    # probabilities and rates
    **_bounds(
        0,
        1,
        """confidence success_probability risk_score pattern_success_rate pattern_confidence
        accuracy predicted_likelihood recommendation_confidence metric_confidence""",
    ),
    **_bounds(0, 100, "progress"),
    # counts, durations and what a machine uses
    **_bounds(
        0,
        INFINITY,
        """error_line similar_fixes_count cycle_number directives_executed directives_successful
        duration_seconds domains_analyzed pattern_count training_samples training_duration_seconds
        handlers_notified handlers_succeeded handlers_failed processing_time_ms cpu_usage
        memory_usage tasks_processed wait_time_seconds execution_time_seconds cpu_percent memory_mb
        metric_duration metric_count metric_error_count metric_fix_count metric_learning_count""",
    ),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "severity": ("low", "medium", "high", "critical"),
    "learning_type": ("pattern_update", "model_training", "prediction"),
    "type": ("blocks", "enables"),  # of goal_dependencies
}


def check_range(column: str, value: object) -> object:
    """The value as it is kept; raises Wrong where it lies outside. Choices are in lower case."""
    if column in BOUNDS:
        low, high = BOUNDS[column]
        if not low <= value <= high:  # type: ignore[operator]
            limit = f"from {low:g} to {high:g}" if high < INFINITY else f"{low:g} or more"
            raise Wrong("range", f"expected {limit}, got {shown(value)}")
    elif column in CHOICES:
        value = str(value).strip().lower()
        if value not in CHOICES[column]:
            allowed = ", ".join(CHOICES[column])
            raise Wrong("range", f"expected one of {allowed}, got {shown(value)}")
    return value
