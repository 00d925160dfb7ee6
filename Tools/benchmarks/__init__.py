"""What Tools/bench measures and how: one subject a file."""
