"""One file per verb that crosses rooms: the order of the steps, nothing else."""
