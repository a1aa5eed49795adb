"""All mappings, imported: `MAPPED` and `LIMITS` of the importer are full after this."""

from __future__ import annotations

from tests.external import (
    mapping_activation,
    mapping_control,
    mapping_elementwise,
    mapping_linear,
    mapping_normalization,
    mapping_reduction,
    mapping_selection,
    mapping_shape,
    mapping_window,
)

MAPPINGS = (
    mapping_activation,
    mapping_control,
    mapping_elementwise,
    mapping_linear,
    mapping_normalization,
    mapping_reduction,
    mapping_selection,
    mapping_shape,
    mapping_window,
)
