"""Spoken letters and digits: recordings of a speaker, and many synthesised voices."""
