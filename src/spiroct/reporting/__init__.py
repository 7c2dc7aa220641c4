"""Results into pages and figures; all drawing is here."""
