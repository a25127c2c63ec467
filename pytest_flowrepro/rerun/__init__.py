"""The rerun of a flow by real Metaflow, its records, and the files that it left behind."""
