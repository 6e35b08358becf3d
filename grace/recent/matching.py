"""Rows of runs beside the rows of the flow runs they belong to."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Places", "places_of"]

Places = npt.NDArray[np.int64]


def places_of(ids: "pd.Series[str]", among: "pd.Series[str]") -> Places:
    """Where each id stands among others, -1 for one that is null or not there."""
    texts, others = (pa.array(each, pa.large_string(), from_pandas=True) for each in (ids, among))
    found = pc.fill_null(pc.index_in(texts, others, skip_nulls=True), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)
