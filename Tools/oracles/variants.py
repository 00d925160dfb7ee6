"""What a generator of cases gives and draws from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np

Array = np.ndarray
Schema = Any  # onnx.defs.OpSchema, which has no type information


@dataclass
class Variant:
    """One application of an operator; an input of None is left out."""

    inputs: "list[Optional[Array]]"
    attributes: "dict[str, Any]" = field(default_factory=dict)
    #: Element types of the outputs; the first input's where None.
    outputs: "Optional[list[Any]]" = None


class Values:
    """Seeded random arrays that include the values at which element-wise functions go wrong."""

    def __init__(self, seed: int = 20) -> None:
        self.random = np.random.default_rng(seed)

    def array(self, dtype: Any, shape: "tuple[int, ...]", low: int = -6, high: int = 6, special: bool = True) -> Array:
        if dtype == np.bool_:
            return self.random.integers(0, 2, shape).astype(dtype)
        if np.issubdtype(dtype, np.integer):
            return self.random.integers(max(low, np.iinfo(dtype).min), high, shape, endpoint=True).astype(dtype)
        values = self.random.uniform(low, high, shape).astype(dtype)
        if special and values.size >= 10:
            values.reshape(-1)[:6] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 2.5]
        return values
