"""Fit networks and plain baselines to a cohort."""
