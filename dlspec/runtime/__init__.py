"""What applications embed: NumPy, a bundle, and the engine's own library; nothing that compiles or
trains."""

from dlspec.runtime.answer import Answer
from dlspec.runtime.model import Model, ProvedLessWarning, UntrainedWarning, load

__all__ = ["Answer", "Model", "ProvedLessWarning", "UntrainedWarning", "load"]
