"""Patients, measurements and folds; tables only, no torch."""
