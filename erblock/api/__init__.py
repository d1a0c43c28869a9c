"""erblock as a library: tables in, frames out; a thin layer over `erblock.pipeline`."""
