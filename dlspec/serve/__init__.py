"""Serving: the Open Inference Protocol v2, and a page where people try a model."""

from dlspec.serve.app import InferenceApp, create_app
from dlspec.serve.server import serve

__all__ = ["InferenceApp", "create_app", "serve"]
