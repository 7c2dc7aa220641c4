"""Volumes and densitometry of the lungs, with their units."""
