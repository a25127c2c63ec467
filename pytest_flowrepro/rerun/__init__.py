"""A flow run again by real Metaflow, its records, and what it left behind."""
