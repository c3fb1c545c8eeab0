"""AI/ML API: its wire format, its errors, its account."""
