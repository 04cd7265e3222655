"""Meritnet: an incentive-and-validation subnet protocol on a local Substrate chain."""

__version__ = "0.1.0"
