"""Runs whose records others made: published logs, and arrays."""
