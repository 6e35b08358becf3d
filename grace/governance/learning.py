"""What governance names for models: what trains them again, and the threshold of their confidence.

Nothing is named by default: then `improve_ml_confidence` says what it sees and proposes nothing.
"""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = ["Learning"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _names_a_deployment(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 2 or not all(part.strip() == part != "" for part in parts):
        raise ValueError(f"{text!r} names no deployment; write FLOW/DEPLOYMENT")
    return text


def _names_a_variable(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no Prefect variable: lower case, digits, - and _")
    return text


def _names_a_parameter(text: str) -> str:
    if not text.isidentifier():
        raise ValueError(f"{text!r} is no parameter of a flow")
    return text


Share: TypeAlias = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Deployment: TypeAlias = Annotated[str, AfterValidator(_names_a_deployment)]
Variable: TypeAlias = Annotated[str, AfterValidator(_names_a_variable)]
Parameter: TypeAlias = Annotated[str, AfterValidator(_names_a_parameter)]


class Learning(BaseModel):
    """`retrain` is a deployment as FLOW/DEPLOYMENT, `model_parameter` its parameter that is told
    the model's name. The Prefect variable moves by a step, and never beyond its two bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    retrain: Deployment | None = None
    model_parameter: Parameter | None = None
    threshold_variable: Variable | None = None
    threshold_step: Annotated[Share, Field(gt=0)] = 0.05
    threshold_lowest: Share = 0.5
    threshold_highest: Share = 0.95

    @model_validator(mode="after")
    def _in_order(self) -> "Learning":
        low, high = self.threshold_lowest, self.threshold_highest
        if low >= high:
            raise ValueError(f"threshold_lowest {low} is not below threshold_highest {high}")
        if self.model_parameter and not self.retrain:
            raise ValueError("model_parameter is a parameter of the deployment that retrain names")
        return self
