"""The rehearsed OroCRM judged against the contract."""
