"""What applications embed: NumPy, a bundle, and the engine's own library; nothing that compiles or
trains."""

from dlspec.runtime.answer import Answer
from dlspec.runtime.model import Model, ProvedLessWarning, UntrainedWarning, load
from dlspec.runtime.pictures import read_picture

__all__ = ["Answer", "Model", "ProvedLessWarning", "UntrainedWarning", "load", "read_picture"]
