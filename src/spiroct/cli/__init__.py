"""The command line: one subcommand per verb; parses, calls, prints. No science."""
