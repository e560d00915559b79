"""The rehearsed dotdigital."""
