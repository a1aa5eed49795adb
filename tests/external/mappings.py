"""All mappings: `MAPPED` and `LIMITS` are full from here on."""

from __future__ import annotations

from tests.external import (
    mapping_activation,
    mapping_control,
    mapping_elementwise,
    mapping_linear,
    mapping_loss,
    mapping_normalization,
    mapping_recurrent,
    mapping_reduction,
    mapping_resize,
    mapping_sampling,
    mapping_selection,
    mapping_shape,
    mapping_spectrum,
    mapping_window,
)
from tests.external.importer import LIMITS, MAPPED

FAMILIES = (
    mapping_activation,
    mapping_control,
    mapping_elementwise,
    mapping_linear,
    mapping_loss,
    mapping_normalization,
    mapping_recurrent,
    mapping_reduction,
    mapping_resize,
    mapping_sampling,
    mapping_selection,
    mapping_shape,
    mapping_spectrum,
    mapping_window,
)

__all__ = ["FAMILIES", "LIMITS", "MAPPED"]
