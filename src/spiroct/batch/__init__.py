"""Many scans, one after the other: results, failures and resuming; knows nothing of CT."""
