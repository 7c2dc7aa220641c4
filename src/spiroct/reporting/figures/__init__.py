"""Figures: functions that take and return matplotlib axes."""
