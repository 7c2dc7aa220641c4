"""CT volumes with their geometry: read, write, resample, reorient."""
