"""Ways to run a network, behind one contract."""
