"""What costs what: ``make bench`` prints each figure with its goal and, where it can, a peer measured beside it."""
