"""All mappings, imported: `MAPPED` and `LIMITS` of the importer are full after this."""

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
    mapping_selection,
    mapping_shape,
    mapping_window,
)

MAPPINGS = (
    mapping_activation,
    mapping_control,
    mapping_elementwise,
    mapping_linear,
    mapping_loss,
    mapping_normalization,
    mapping_recurrent,
    mapping_reduction,
    mapping_resize,
    mapping_selection,
    mapping_shape,
    mapping_window,
)
