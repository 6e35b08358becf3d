"""The risk of a change: a sum whose every part is named, 0 to 1."""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Risk", "RiskWeights", "Tier", "Track", "assess", "tier_of"]

Tier = Literal["low", "medium", "high"]

Weight: TypeAlias = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]


class RiskWeights(BaseModel):
    """What each part may add at most; the two bounds divide the tiers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    irreversible: Weight = 0.4
    shared: Weight = 0.2
    evidence: Weight = 0.2
    novelty: Weight = 0.1
    track_record: Weight = 0.3
    medium_from: Weight = 0.3
    high_from: Weight = 0.6

    @model_validator(mode="after")
    def _in_order(self) -> "RiskWeights":
        if self.medium_from > self.high_from:
            raise ValueError(f"medium_from {self.medium_from} is above high_from {self.high_from}")
        return self


class Track(BaseModel):
    """How the last changes of this kind ended."""

    model_config = ConfigDict(frozen=True)

    ended: int
    undone: int


class Risk(BaseModel):
    """`parts` sum up to the score, which ends at 1; `reversible` is what rules may go by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: float
    tier: Tier
    parts: dict[str, float]
    reversible: bool = True


def assess(
    weights: RiskWeights, *, reversible: bool, reach: str, e_value: float | None, track: Track
) -> Risk:
    """Weigh reversibility, blast radius, evidence, novelty and record.

    Evidence counts nothing against a change from an e-value of 1,000 on, a third of its weight for
    each power of ten that is lacking, and in full where there is none: a change by hand.
    """
    parts = {
        "cannot be undone": 0.0 if reversible else weights.irreversible,
        "touches what runs share": weights.shared if reach == "shared" else 0.0,
        "weak evidence": weights.evidence * _doubt(e_value),
        "never done before": weights.novelty if track.ended == 0 else 0.0,
        "undone before": weights.track_record * track.undone / max(track.ended, 1),
    }
    score = round(min(1.0, sum(parts.values())), 3)
    return Risk(score=score, tier=tier_of(weights, score), parts=parts, reversible=reversible)


def _doubt(e_value: float | None) -> float:
    if e_value is None or not e_value > 1:
        return 1.0
    return max(0.0, 1 - math.log10(e_value) / 3)


def tier_of(weights: RiskWeights, score: float) -> Tier:
    if score >= weights.high_from:
        return "high"
    return "medium" if score >= weights.medium_from else "low"
