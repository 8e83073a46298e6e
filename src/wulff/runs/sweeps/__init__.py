"""Sweeps: many trainings and certifications from one file."""
