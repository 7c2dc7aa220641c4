"""Many scans, here or on many machines: results, failures and resuming; knows nothing of CT."""
