"""The compiled runtime as package data: WASM, metadata and their provenance."""
