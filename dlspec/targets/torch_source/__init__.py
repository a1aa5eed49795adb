"""Graph to PyTorch source that a person would sign."""

from dlspec.targets.torch_source.emit import module_source
from dlspec.targets.torch_source.load import load_module
from dlspec.targets.torch_source.names import identifier as argument_name

__all__ = ["argument_name", "load_module", "module_source"]
