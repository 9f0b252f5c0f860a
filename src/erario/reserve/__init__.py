"""What people declare about a reserve, and its loader."""
