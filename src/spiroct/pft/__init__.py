"""Lung function measures, units, demographics, reference equations and interpretation."""
