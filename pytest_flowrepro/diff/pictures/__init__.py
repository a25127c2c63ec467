"""Pictures of changed values, for reports that can draw."""
