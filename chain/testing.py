"""pytest plugin for subnet authors: an in-process chain around every test."""
