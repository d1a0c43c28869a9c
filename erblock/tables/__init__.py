"""Tables in: reading, checking, profiling them, and a record as text."""
