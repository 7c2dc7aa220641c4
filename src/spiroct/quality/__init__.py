"""Judgements on a scan and its masks: Verdict(check, outcome, value, limit, meaning)."""
