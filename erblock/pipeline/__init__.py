"""The commands as functions: each reads settings, runs the stages, writes outputs and returns a report."""
