"""Architectures only, in plain torch."""
