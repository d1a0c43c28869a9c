"""The library: functions from tables to frames, over `erblock.pipeline`."""
