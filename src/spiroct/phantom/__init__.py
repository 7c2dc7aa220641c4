"""Simulated patients with known lung function; numpy, scipy and numba only."""
