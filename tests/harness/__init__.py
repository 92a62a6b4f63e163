"""What the end-to-end tests are built with: a server under test, exact clients, a real nginx."""
