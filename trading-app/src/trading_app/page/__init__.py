"""The live page: what it shows, how it stays live, and how to sign in."""
