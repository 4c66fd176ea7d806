"""What is normal: rows, their scale, and what they predict. Pure."""
