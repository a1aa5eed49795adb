"""The version of dlspec, written here only: the build reads it, and bundles record it."""

__version__ = "0.1.0"
