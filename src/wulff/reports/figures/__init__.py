"""Figures: drawn of finished runs, of noises and of radii."""
