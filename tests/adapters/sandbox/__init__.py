"""The sandbox judged against the vendor's contract, and by the vendor's own client."""
