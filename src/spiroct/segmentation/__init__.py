"""Lungs, lobes, airways and vessels; several methods behind one contract."""
