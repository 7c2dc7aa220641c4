"""Accuracy and agreement: tables in, tables out."""
