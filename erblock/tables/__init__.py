"""Reads, checks, profiles and writes tables, and turns records into text."""
