"""Tests of the dotdigital adapter: exact requests, odd answers, and behaviour against the sandbox."""
