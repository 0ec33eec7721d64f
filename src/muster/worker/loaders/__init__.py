"""Loads a version's model with the libraries of its environment, and gives its answers as record batches of raw outputs."""

from .table import load

__all__ = ["load"]
