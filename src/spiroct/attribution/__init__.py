"""Where in a CT an estimate comes from, and whether the map that says so deserves belief."""
