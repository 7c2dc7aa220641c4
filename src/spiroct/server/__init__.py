"""Doors to spiroct over a network: the page in the browser."""
