"""What Metaflow says of a flow."""
